"""Writing: read again, merge, write once, give way to people, and put back what another writer took off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from connector.clock import ManualClock
from connector.domain.decision import EMPTY, Applied, Change, Outcome
from connector.domain.ticket import Ticket
from connector.errors import AuthRefused, RateLimited, SettingsError, Unavailable
from connector.helpdesk.pylon import PylonHelpdesk
from connector.pipeline.traces import has_arrived

if TYPE_CHECKING:
    from tests.helpdesk.pylon.conftest import Answer, ConnectPylon, Organization

ChangeOf = Callable[..., Change]


def write(pylon: PylonHelpdesk, change: Change) -> Applied:
    (applied,) = pylon.apply([change])
    return applied


def read(pylon: PylonHelpdesk, issue_id: str) -> Ticket:
    found = pylon.fetch([issue_id])[issue_id]
    assert isinstance(found, Ticket)
    return found


def right_before_the_patch(organization: Organization, happens: Callable[[], object]) -> None:
    """Something happens in the world after our last look at the issue, as the first PATCH arrives."""

    def move(method: str, _: str, nth: int) -> Answer | None:
        if (method, nth) == ("PATCH", 1):
            happens()
        return None

    organization.before = move


def test_team_tags_and_priority_travel_in_one_request_with_the_whole_list_of_tags(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a", tags=["vip", "emea"], custom_fields={"region": {"slug": "region", "value": "x"}})

    applied = write(pylon, change_of("a", priority="normal"))

    assert organization.sent("PATCH") == [
        {
            "team_id": "t-1",
            "tags": ["vip", "emea", "ai_billing"],
            "custom_fields": [{"slug": "priority", "value": "medium"}],
        }
    ]
    assert (applied.outcome, applied.group, applied.detail) == (Outcome.APPLIED, "t-1", "")
    assert organization.issues["a"]["custom_fields"]["region"] == {"slug": "region", "value": "x"}
    assert read(pylon, "a").priority == "normal"


def test_what_need_not_change_is_not_sent(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a", team={"id": "t-1"}, tags=["ai_billing"])

    applied = write(pylon, change_of("a"))

    assert applied.outcome is Outcome.NO_OP
    assert organization.sent("PATCH") == []


def test_the_version_after_the_write_is_that_of_the_echo(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf, clock: ManualClock
) -> None:
    organization.add("a")
    change = change_of("a")
    clock.advance(60)

    applied = write(pylon, change)

    ((echo,),) = [page.tickets for page in pylon.pages(None, clock.now())]
    assert applied.version == echo.version != change.seen.version
    assert applied.left == echo.standing


def test_an_undo_takes_team_priority_and_our_tags_away_and_leaves_the_others(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    urgent = {"priority": {"slug": "priority", "value": "urgent"}}
    organization.add("a", team={"id": "t-1"}, tags=["vip", "ai_billing"], custom_fields=urgent)

    change = change_of("a", group=EMPTY, priority=EMPTY, add_tags=(), remove_tags=("ai_billing",))
    applied = write(pylon, change)

    after = read(pylon, "a")
    assert organization.sent("PATCH") == [
        {"team_id": "", "tags": ["vip"], "custom_fields": [{"slug": "priority"}]}
    ]
    assert applied.outcome is Outcome.APPLIED
    assert (after.group, after.priority, after.tags) == (None, None, ("vip",))


@pytest.mark.parametrize(
    "moved",
    [
        {"team": {"id": "t-9"}},
        {"assignee": {"id": "u-1"}},
        {"state": "closed"},
        {"custom_fields": {"priority": {"slug": "priority", "value": "urgent"}}},
        {"tags": ["vip"]},
        {"title": "Something else"},
        {"latest_message_time": "2026-11-02T09:30:00Z"},
        {"parent_issue_group": {"id": "g"}},
    ],
)
def test_whatever_a_person_changed_since_the_issue_was_read_stops_the_write_even_within_the_same_second(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf, moved: dict[str, Any]
) -> None:
    organization.add("a")
    change = change_of("a")

    organization.change("a", **moved)
    applied = write(pylon, change)

    assert applied.outcome is Outcome.CONFLICT
    assert organization.sent("PATCH") == []


def test_nobody_can_tell_a_write_by_a_mark_of_ours(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    write(pylon, change_of("a"))

    assert pylon.find_write(read(pylon, "a"), "d-1") is None


@pytest.mark.parametrize("state", ["new", "triaged"])
def test_between_the_last_look_at_an_issue_and_its_write_nothing_is_asked_not_even_what_its_state_means(
    connect_to_pylon: ConnectPylon, organization: Organization, change_of: ChangeOf, state: str
) -> None:
    organization.add("a", state=state)
    change = change_of("a")
    sent = len(organization.requests)

    write(connect_to_pylon(), change)  # a process that has never asked for the states

    methods = [(method, path) for method, path, _ in organization.requests[sent:]]
    assert methods[:2] == [("GET", "/issues/a"), ("PATCH", "/issues/a")]


def test_nothing_lies_between_the_last_look_at_an_issue_and_its_write_not_even_a_wait_for_the_rate_limit(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf, clock: ManualClock
) -> None:
    names = [f"i{number}" for number in range(20)]  # more than a minute may take
    for each in names:
        organization.add(each)
    began_at = clock.monotonic()
    looked_at: dict[str, float] = {}
    waited: list[float] = []

    def note(method: str, path: str, _: int) -> None:
        if method == "PATCH":
            waited.append(clock.monotonic() - looked_at[path])
        looked_at[path] = clock.monotonic()

    organization.before = note
    outcomes = [write(pylon, change_of(each)).outcome for each in names]

    assert set(outcomes) == {Outcome.APPLIED}
    assert clock.monotonic() - began_at >= 60
    assert waited == [0.0] * 20


def test_tags_that_a_stale_list_takes_off_right_after_our_write_are_put_back_beside_the_others(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a", tags=["vip"])

    def another_writer(method: str, path: str, nth: int) -> None:
        if method == "GET" and organization.sent("PATCH") and len(organization.sent("PATCH")) == 1:
            organization.change("a", tags=["vip", "theirs"])

    organization.before = another_writer
    applied = write(pylon, change_of("a"))

    assert organization.issues["a"]["tags"] == ["vip", "theirs", "ai_billing"]
    assert applied.outcome is Outcome.APPLIED
    assert "both are there now" in applied.detail
    assert len(organization.sent("PATCH")) == 2


@pytest.mark.parametrize(
    "moved", [{"team": {"id": "t-9"}, "tags": None}, {"tags": ["ai_urgent"]}, {"assignee": {"id": "u-1"}}]
)
def test_what_a_person_changes_right_after_our_write_is_not_mended(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf, moved: dict[str, Any]
) -> None:
    organization.add("a")

    def a_person(method: str, path: str, nth: int) -> None:
        if method == "GET" and organization.sent("PATCH"):
            organization.change("a", **moved)

    organization.before = a_person
    applied = write(pylon, change_of("a", add_tags=("ai_billing", "ai_urgent")))

    assert applied.outcome is Outcome.APPLIED
    assert len(organization.sent("PATCH")) == 1


def test_a_verification_that_fails_does_not_make_the_write_unclear(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    organization.before = lambda method, _path, _nth: (
        organization.refuse(503, "down") if method == "GET" and organization.sent("PATCH") else None
    )

    applied = write(pylon, change_of("a"))

    assert applied.outcome is Outcome.APPLIED
    assert applied.group == "t-1"
    assert "not verified" in applied.detail


def test_a_tag_that_pylon_does_not_take_is_told_and_not_sent_again(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    row = organization.add("a")
    deaf = row | {"team": {"id": "t-1"}, "tags": None}
    organization.before = lambda method, _path, _nth: organization.ok(deaf) if method == "PATCH" else None

    applied = write(pylon, change_of("a"))

    assert applied.detail == "tags missing after the write: ai_billing"
    assert len(organization.sent("PATCH")) == 1


def test_a_trigger_that_moves_the_issue_on_is_told(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    row = organization.add("a")
    moved = row | {"team": {"id": "t-7"}, "tags": ["ai_billing"]}
    organization.before = lambda method, _path, _nth: organization.ok(moved) if method == "PATCH" else None

    applied = write(pylon, change_of("a"))

    assert (applied.outcome, applied.group) == (Outcome.APPLIED, "t-7")
    assert "a trigger?" in applied.detail


def test_a_deleted_issue_is_gone(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    change = change_of("a")
    del organization.issues["a"]

    assert write(pylon, change).outcome is Outcome.GONE


def test_a_refused_change_is_rejected_with_its_code_and_without_its_prose(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    organization.before = lambda method, _path, _nth: (
        organization.refuse(400, "invalid_team") if method == "PATCH" else None
    )

    applied = write(pylon, change_of("a"))

    assert (applied.outcome, applied.detail) == (Outcome.REJECTED, "400 invalid_team")


def test_a_token_that_may_not_write_stops_the_stage_instead_of_rejecting_every_ticket(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    organization.before = lambda method, _path, _nth: (
        organization.refuse(403, "permission_denied") if method == "PATCH" else None
    )

    with pytest.raises(AuthRefused, match="may not do this"):
        write(pylon, change_of("a"))


def test_a_write_that_is_refused_for_its_pace_was_never_executed(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    organization.before = lambda method, _path, _nth: (
        organization.refuse(429, "rate_limited") if method == "PATCH" else None
    )

    with pytest.raises(RateLimited):
        write(pylon, change_of("a"))


class TestAnUnclearAnswer:
    @pytest.fixture
    def lost(self, organization: Organization) -> Callable[[bool], None]:
        """From now on the answers to PATCH get lost, whether or not it took effect."""

        def arrange(arrives: bool) -> None:
            def lose(method: str, path: str, _: int) -> Answer | None:
                if method != "PATCH":
                    return None
                if arrives:
                    organization._patch(organization.issues[path[8:]], organization.requests[-1][2])
                raise requests.exceptions.ReadTimeout

            organization.before = lose

        return arrange

    def test_is_neither_repeated_nor_called_a_success(
        self,
        pylon: PylonHelpdesk,
        organization: Organization,
        change_of: ChangeOf,
        lost: Callable[[bool], None],
    ) -> None:
        organization.add("a")
        lost(True)

        applied = write(pylon, change_of("a"))

        assert applied.outcome is Outcome.UNCLEAR
        assert len(organization.sent("PATCH")) == 1

    @pytest.mark.parametrize("arrives", [True, False])
    def test_is_told_by_the_traces_of_the_write_also_to_another_process(
        self,
        pylon: PylonHelpdesk,
        organization: Organization,
        change_of: ChangeOf,
        lost: Callable[[bool], None],
        connect_to_pylon: ConnectPylon,
        arrives: bool,
    ) -> None:
        organization.add("a")
        lost(arrives)
        change = change_of("a")
        write(pylon, change)

        organization.change("a", latest_message_time="2026-11-02T09:30:00Z")  # the customer wrote meanwhile

        assert has_arrived(change, read(connect_to_pylon(), "a")) is arrives

    def test_twice_in_a_row_keeps_the_rest_from_being_sent(
        self,
        pylon: PylonHelpdesk,
        organization: Organization,
        change_of: ChangeOf,
        lost: Callable[[bool], None],
    ) -> None:
        for each in ("a", "b", "c"):
            organization.add(each)
        changes = [change_of(each) for each in ("a", "b", "c")]
        lost(False)
        applied = pylon.apply(changes)

        outcomes = [next(applied).outcome, next(applied).outcome]

        assert outcomes == [Outcome.UNCLEAR] * 2
        with pytest.raises(Unavailable):
            next(applied)
        assert len(organization.sent("PATCH")) == 2

    def test_is_what_a_success_is_whose_body_does_not_tell(
        self, pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
    ) -> None:
        organization.add("a")
        organization.before = lambda method, _path, _nth: organization.ok(None) if method == "PATCH" else None

        assert write(pylon, change_of("a")).outcome is Outcome.UNCLEAR


def test_a_dry_run_cannot_write(
    connect_to_pylon: ConnectPylon, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")

    with pytest.raises(SettingsError, match="dry run"):
        write(connect_to_pylon(read_only=True), change_of("a"))

    assert organization.sent("PATCH") == []


def test_a_person_who_changes_the_issue_in_the_last_round_trip_keeps_what_we_do_not_write(
    pylon: PylonHelpdesk, organization: Organization, change_of: ChangeOf
) -> None:
    organization.add("a")
    right_before_the_patch(
        organization, lambda: organization.change("a", assignee={"id": "u-1"}, state="on_hold")
    )

    applied = write(pylon, change_of("a"))

    after = read(pylon, "a")
    assert applied.outcome is Outcome.APPLIED
    assert (after.assignee, after.status.value) == ("u-1", "hold")
