"""The Pylon adapter against the emulated tenant, which follows the vendor and knows no client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from connector.clock import ManualClock
from connector.domain.decision import EMPTY, Applied, Change, Outcome
from connector.domain.ticket import Author, Nature, Page, Status, Ticket
from connector.errors import AuthRefused, Unavailable
from connector.helpdesk.pylon import PylonHelpdesk
from connector.pipeline.traces import has_arrived
from connector.sandbox.faults import Fault, answer, close_early, html, lose_response, truncate
from connector.sandbox.pylon_api import Leeway, PylonSandbox, mishaps

if TYPE_CHECKING:
    from tests.helpdesk.pylon.conftest import ConnectPylon

LEEWAYS = [
    Leeway(),
    Leeway(bounds_inclusive=True, bounds_in_seconds=True),
    Leeway(bounds_in_seconds=True, index_lag_seconds=5, error_codes=False, unknown_id_status=404),
]


@pytest.fixture
def leeway() -> Leeway:
    return Leeway()


@pytest.fixture
def tenant(clock: ManualClock, leeway: Leeway) -> Iterator[PylonSandbox]:
    with PylonSandbox(clock.timestamp, rate_limits=False, leeway=leeway) as sandbox:
        yield sandbox


@pytest.fixture
def log_in(connect_to_pylon: ConnectPylon, tenant: PylonSandbox) -> Callable[..., PylonHelpdesk]:
    return lambda **options: connect_to_pylon(
        **({"base_url": tenant.url, "api_token": tenant.token} | options)
    )


@pytest.fixture
def pylon(log_in: Callable[..., PylonHelpdesk]) -> PylonHelpdesk:
    return log_in()


def poll(pylon: PylonHelpdesk, clock: ManualClock, checkpoint: str | None = None) -> list[Page]:
    return list(pylon.pages(checkpoint, clock.now() - timedelta(hours=24)))


def tickets_of(pages: list[Page]) -> list[Ticket]:
    return [ticket for page in pages for ticket in page.tickets]


def fetch(pylon: PylonHelpdesk, issue_id: str) -> Ticket:
    found = pylon.fetch([issue_id])[issue_id]
    assert isinstance(found, Ticket)
    return found


def write(pylon: PylonHelpdesk, change: Change) -> Applied:
    (applied,) = pylon.apply([change])
    return applied


def test_the_right_token_passes_and_that_of_the_other_region_is_explained(
    pylon: PylonHelpdesk, log_in: Callable[..., PylonHelpdesk], tenant: PylonSandbox
) -> None:
    assert pylon.check().role == "API token"

    with pytest.raises(AuthRefused, match="other region"):
        log_in(api_token=tenant.other_region_token).check()
    with pytest.raises(AuthRefused, match="does not know this API token"):
        log_in(api_token="wrong").check()


def test_teams_are_groups(pylon: PylonHelpdesk, tenant: PylonSandbox) -> None:
    billing = tenant.add_team("Billing")

    assert [(group.id, group.name) for group in pylon.groups()] == [(billing, "Billing")]


def test_a_customers_issue_arrives_with_its_words_and_facts(
    log_in: Callable[..., PylonHelpdesk], tenant: PylonSandbox, clock: ManualClock
) -> None:
    tenant.add_field("plan", object_type="account")
    acme = tenant.add_account("Acme", fields={"plan": "enterprise"})
    ann = tenant.add_contact("Ann", account=acme)
    issue = tenant.create_issue("Invoice", "<p>Wrong &amp; late</p>", requester=ann, tags=["vip"])

    (ticket,) = tickets_of(poll(log_in(tier_field="plan"), clock))

    assert (ticket.id, ticket.subject, ticket.text) == (issue, "Invoice", "Wrong & late")
    assert (ticket.status, ticket.author, ticket.requester) == (Status.NEW, Author.CUSTOMER, ann)
    assert (ticket.organization, ticket.tier, ticket.tags) == ("Acme", "enterprise", ("vip",))


def test_what_is_no_customers_first_contact_says_so(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    by_agent = tenant.create_issue("Outreach", "<p>Hello</p>", author="agent", source="manual")
    closed = tenant.create_issue("Done", "<p>thanks</p>")
    parent, child = (tenant.create_issue(name, "<p>down</p>") for name in ("Incident", "Me too"))
    tenant.close(closed)
    tenant.group(parent, [child])

    found = {ticket.id: ticket for ticket in tickets_of(poll(pylon, clock))}

    assert found[by_agent].author is Author.AGENT
    assert found[closed].status is Status.SOLVED
    assert found[child].nature is Nature.MERGED
    assert found[parent].nature is Nature.ORDINARY


def test_the_words_of_a_form_are_those_of_its_first_public_message(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    issue = tenant.create_issue("Form", "<p>My words</p>", source="form")

    (delivered,) = tickets_of(poll(pylon, clock))

    assert delivered.text == "My words"
    assert fetch(pylon, issue).text == "My words"


@pytest.mark.parametrize("leeway", LEEWAYS)
def test_polls_that_follow_each_other_miss_no_change_of_a_busy_tenant(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    """Several changes in every second, some of them while a scan is under way."""
    issues = [tenant.create_issue(f"Issue {number}", "<p>text</p>") for number in range(130)]
    seen: dict[str, str] = {}
    checkpoint = None
    for number in range(12):
        tenant.person_sets(issues[number * 7], tags=[f"round {number}"])
        for page in pylon.pages(checkpoint, clock.now() - timedelta(hours=1)):
            seen |= {ticket.id: ticket.fingerprint for ticket in page.tickets}
            checkpoint = page.checkpoint or checkpoint
            tenant.person_sets(issues[number * 5], title=f"title {number}")
        clock.advance(0.4)
    clock.advance(10)  # more than the index lags
    for page in pylon.pages(checkpoint, clock.now()):
        seen |= {ticket.id: ticket.fingerprint for ticket in page.tickets}

    assert seen == {issue: fetch(pylon, issue).fingerprint for issue in issues}


def test_a_past_of_months_is_read_although_one_search_may_span_30_days_only(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    days = (1, 29, 30, 31, 58, 89)
    expected = {
        tenant.create_issue("old", "<p>x</p>", created_at=clock.timestamp() - each * 86_400) for each in days
    }

    pages = list(pylon.pages(None, clock.now() - timedelta(days=90)))

    assert {ticket.id for ticket in tickets_of(pages)} == expected
    assert pages[-1].complete


def test_a_write_moves_the_issue_keeps_foreign_tags_and_can_be_taken_back(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    billing = tenant.add_team("Billing")
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>", tags=["vip"])
    clock.advance(5)

    done = write(pylon, Change("d-1", fetch(pylon, issue), billing, ("ai_billing",), priority="normal"))
    routed = tenant.issues()[issue]
    clock.advance(5)
    undo = Change("u-1", fetch(pylon, issue), EMPTY, (), priority=EMPTY, remove_tags=("ai_billing",))
    undone = write(pylon, undo)
    put_back = tenant.issues()[issue]

    assert (done.outcome, done.detail, undone.outcome) == (Outcome.APPLIED, "", Outcome.APPLIED)
    assert (routed.team_id, set(routed.tags), routed.values["priority"]) == (
        billing,
        {"vip", "ai_billing"},
        "medium",
    )
    assert (put_back.team_id, put_back.tags, dict(put_back.values)) == (None, ("vip",), {})


def test_a_person_who_was_faster_wins(pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock) -> None:
    billing, security = tenant.add_team("Billing"), tenant.add_team("Security")
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    seen = fetch(pylon, issue)

    tenant.person_sets(issue, team=security)
    applied = write(pylon, Change("d-1", seen, billing, ("ai_billing",)))

    assert applied.outcome is Outcome.CONFLICT
    assert tenant.writes(issue) == ()


def test_a_team_that_does_not_exist_is_rejected(pylon: PylonHelpdesk, tenant: PylonSandbox) -> None:
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")

    assert write(pylon, Change("d-1", fetch(pylon, issue), "nowhere", ())).outcome is Outcome.REJECTED


def test_tags_lost_to_a_writer_with_a_stale_list_are_put_back(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    billing = tenant.add_team("Billing")
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>", tags=["vip"])
    stale = mishaps.person_after(lambda: tenant.person_sets(issue, tags=["vip", "theirs"]))
    tenant.faults.add(Fault(stale, method="PATCH"))

    write(pylon, Change("d-1", fetch(pylon, issue), billing, ("ai_billing",)))

    assert set(tenant.issues()[issue].tags) == {"vip", "theirs", "ai_billing"}


@pytest.mark.parametrize("mishap", [lose_response(), mishaps.without_data(), truncate(), html(200)])
def test_a_write_whose_answer_is_lost_is_unclear_and_settled_by_reading_back(
    pylon: PylonHelpdesk, tenant: PylonSandbox, mishap: object
) -> None:
    billing = tenant.add_team("Billing")
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    tenant.faults.add(Fault(mishap, method="PATCH"))  # type: ignore[arg-type]  # a behaviour

    change = Change("d-1", fetch(pylon, issue), billing, ("ai_billing",))

    applied = write(pylon, change)

    took_effect = tenant.issues()[issue].team_id == billing
    assert applied.outcome is Outcome.UNCLEAR
    assert has_arrived(change, fetch(pylon, issue)) is took_effect


@pytest.mark.parametrize("mishap", [answer(502), close_early(), html(200), truncate(), lose_response()])
def test_a_scan_outlives_a_mishap_and_one_that_does_not_pass_is_no_empty_feed(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock, mishap: object
) -> None:
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    once = Fault(mishap, path="/issues/search")  # type: ignore[arg-type]  # a behaviour
    tenant.faults.add(once)

    found = [ticket.id for ticket in tickets_of(poll(pylon, clock))]
    tenant.faults.add(Fault(once.behave, path="/issues/search", times=None))

    assert found == [issue]
    with pytest.raises(Unavailable):
        poll(pylon, clock)


def test_a_cursor_that_leads_in_circles_ends_the_scan(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    for number in range(101):
        tenant.create_issue(f"Issue {number}", "<p>x</p>")
    tenant.faults.add(Fault(mishaps.keep_cursor(), path="/issues/search", after=1, times=None))

    with pytest.raises(Unavailable, match="does not advance"):
        poll(pylon, clock)


def test_times_with_fractions_are_the_same_versions(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    tenant.create_issue("Invoice", "<p>Wrong</p>")
    (plain,) = tickets_of(poll(pylon, clock))
    tenant.faults.add(Fault(mishaps.with_fractions(), path="/issues/search"))

    (fractions,) = tickets_of(poll(pylon, clock))

    assert (plain.version, plain.fingerprint) == (fractions.version, fractions.fingerprint)


def test_replies_are_read_with_their_authors_and_without_notes(
    pylon: PylonHelpdesk, tenant: PylonSandbox, clock: ManualClock
) -> None:
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    since = clock.now()
    clock.advance(60)
    tenant.agent_reply(issue, "<p>internal</p>", public=False)
    tenant.customer_reply(issue, "<p>Any news?</p>")
    tenant.agent_reply(issue, "<p>Soon</p>")

    told = pylon.messages(fetch(pylon, issue), since)

    assert [(each.author, each.text) for each in told] == [
        (Author.CUSTOMER, "Any news?"),
        (Author.AGENT, "Soon"),
    ]


def test_a_note_goes_into_an_internal_thread_of_its_own_even_where_people_discuss_the_issue_in_slack(
    log_in: Callable[..., PylonHelpdesk], tenant: PylonSandbox
) -> None:
    pylon, billing = log_in(has_notes=True), tenant.add_team("Billing")
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    tenant.add_slack_thread(issue)

    change = Change("d-1", fetch(pylon, issue), billing, ("ai_billing",), note="Why: <b>1 & 2</b>\nDecision")
    applied = write(pylon, change)

    (note,) = tenant.notes(issue)
    assert (applied.outcome, applied.detail, pylon.capabilities.notes) == (Outcome.APPLIED, "", True)
    assert note.html == "<p>Why: &lt;b&gt;1 &amp; 2&lt;/b&gt;<br>Decision</p>"
    assert note.source != "slack"
    assert len(tenant.writes(issue)) == 1


@pytest.mark.parametrize(
    ("mishap", "path", "told"),
    [
        (lose_response(), "/note$", "nobody knows whether the note arrived"),
        (lose_response(), "/threads$", "nobody knows whether the note arrived"),
        (answer(400, b"{}"), "/note$", "the note was refused: 400"),
        (answer(403, b"{}"), "/threads$", "the note was not written: AuthRefused"),
    ],
)
def test_a_note_that_fails_is_told_is_not_repeated_and_leaves_the_write_as_it_is(
    log_in: Callable[..., PylonHelpdesk], tenant: PylonSandbox, mishap: object, path: str, told: str
) -> None:
    pylon, billing = log_in(has_notes=True), tenant.add_team("Billing")
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    tenant.faults.add(Fault(mishap, method="POST", path=path))  # type: ignore[arg-type]  # a behaviour

    applied = write(pylon, Change("d-1", fetch(pylon, issue), billing, (), note="Why"))

    posted = [each for each in tenant.requests if each.method == "POST" and each.path.endswith("/note")]
    assert (applied.outcome, applied.detail) == (Outcome.APPLIED, told)
    assert tenant.issues()[issue].team_id == billing
    assert len(posted) <= 1
    assert len(tenant.notes(issue)) <= 1


def test_a_note_alone_sends_no_patch(log_in: Callable[..., PylonHelpdesk], tenant: PylonSandbox) -> None:
    pylon, issue = log_in(has_notes=True), tenant.create_issue("Invoice", "<p>Wrong</p>")
    change = Change("d-1", fetch(pylon, issue), None, (), note="Why")

    applied = write(pylon, change)

    assert applied.outcome is Outcome.APPLIED
    assert (len(tenant.notes(issue)), tenant.writes(issue)) == (1, ())
    assert has_arrived(change, fetch(pylon, issue)) is None  # "no" would have it written again


def test_a_deleted_issue_is_missing(pylon: PylonHelpdesk, tenant: PylonSandbox) -> None:
    issue = tenant.create_issue("Invoice", "<p>Wrong</p>")
    tenant.delete(issue)

    assert pylon.fetch([issue]) == {}
