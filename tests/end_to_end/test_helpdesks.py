"""Two accounts whose ticket ids are equal, in one ledger: what is about one is never about the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from connector.bootstrap import (
    connect,
    connect_all,
    connect_undo,
    open_eraser,
    open_labels,
    open_reports,
    open_retry,
)
from connector.bootstrap.backfill import survey_past
from connector.clock import ManualClock
from connector.domain.decision import Cause
from connector.domain.ticket import Disposition
from connector.errors import SettingsError, Unavailable
from connector.pipeline.summary import Summary
from connector.pipeline.sync import Stages, run_pass
from connector.pipeline.undo import Selection
from connector.ports import Event, broadcast
from connector.quality.dataset import LabelledTicket
from connector.quality.merging import Take
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.faults import Fault, answer
from connector.sandbox.zendesk_api import NewTicketWebhook, ZendeskSandbox
from connector.settings import Settings, load_settings
from connector.settings.connections import HelpdeskSettings
from connector.store import Whose, open_store
from connector.store.story import Story
from connector.web.opening import hearing

NAMES = ("acme", "bolt")
ELSEWHERE = "Elsewhere"


@dataclass
class Crowd:
    """Where calls of the model wait for each other, all but the first: for so many, or at most a second.

    Then ``look`` is called.
    """

    barrier: Barrier | None = None
    look: Callable[[], object] = lambda: None
    led: bool = False

    def meet(self) -> None:
        if self.barrier is None or not self.led:
            self.led = self.barrier is not None
            return
        with suppress(BrokenBarrierError):
            self.barrier.wait(1.0)
        self.look()


@dataclass
class Twins:
    """Two accounts that began alike, so that their groups and tickets have the same ids."""

    clock: ManualClock
    accounts: dict[str, ZendeskSandbox]
    claude: ClaudeSandbox
    crowd: Crowd
    settings: Settings
    groups: dict[str, int]
    events: list[Event] = field(default_factory=list)

    def of(self, name: str) -> Settings:
        return next(each for each in self.settings.per_helpdesk() if each.helpdesk.ledger_name == name)

    def run(self, *names: str, dry_run: bool = False) -> dict[str, dict[str, Any]]:
        """A pass of each, some minutes after whatever happened before it."""
        self.clock.advance(300)
        return {name: self._pass(name, dry_run=dry_run) for name in names or NAMES}

    def _pass(self, name: str, *, dry_run: bool) -> dict[str, Any]:
        summary = Summary()
        observer = broadcast([summary, self.events.append])
        with connect(self.of(name), self.clock, observer, dry_run=dry_run) as connector:
            run_pass(connector.stages)
        return summary.as_json()

    def arrives(self, **words: str) -> int:
        """A ticket in each account, of one id; its words are those given for the account, or usual ones."""
        ids = {
            zendesk.create_ticket("Charged twice", words.get(name, "Please refund my invoice."))
            for name, zendesk in self.accounts.items()
        }
        (ticket,) = ids
        return ticket

    def group_of(self, name: str, ticket: int) -> str | None:
        held = self.accounts[name].tickets()[ticket].group_id
        return next((group for group, id_ in self.groups.items() if id_ == held), None)

    def let_pay(self, name: str, usd: Decimal) -> None:
        """From now on a helpdesk has a daily budget of its own."""
        limited = (
            each.model_copy(update={"daily_usd": usd}) if each.name == name else each
            for each in self.settings.helpdesks
        )
        self.settings = self.settings.model_copy(update={"helpdesks": tuple(limited)})

    def count(self, what: str) -> int:
        """How many rows the ledger has, asked while it is in use."""
        url = self.settings.store.url.get_secret_value()
        with (
            closing(open_store(url, clock=self.clock, read_only=True)) as store,
            store.database.read("c") as tx,
        ):
            return int(tx.exec_driver_sql(f"SELECT count(*) FROM {what}").scalar_one())  # noqa: S608 - our own

    def story(self, name: str, ticket: int) -> Story:
        with open_reports(self.settings, self.clock) as reports:
            return reports.story(str(ticket), name)


@pytest.fixture(params=["sqlite", "postgresql"])
def twins(request: pytest.FixtureRequest, clock: ManualClock, store_url: str) -> Iterator[Twins]:
    url = store_url if request.param == "sqlite" else request.getfixturevalue("postgres").url
    crowd = Crowd()
    with (
        ZendeskSandbox(clock.timestamp, rate_limits=False) as acme,
        ZendeskSandbox(clock.timestamp, rate_limits=False) as bolt,
        ClaudeSandbox(api_key="key", author=lambda _: crowd.meet()) as claude,
    ):
        accounts = dict(zip(NAMES, (acme, bolt), strict=True))
        overrides = {
            "helpdesks": [
                {
                    "name": name,
                    "kind": "zendesk",
                    "base_url": zendesk.url,
                    "client_id": zendesk.credentials.client_id,
                    "client_secret": zendesk.credentials.client_secret,
                    "groups": {"billing": f"Billing {name}"},
                    "webhook_secret": f"a-signing-secret-of-{name}",
                }
                for name, zendesk in accounts.items()
            ],
            "llm": {"api_key": "key", "base_url": claude.url, "workers": 2},
            "store": {"url": url},
            "nudge": {"enabled": True, "listen": "127.0.0.1:0"},
        }
        settings = load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings
        wanted = {group for each in settings.per_helpdesk() for group in each.groups().values()}
        names = [*sorted({*wanted, *settings.groups().values()}), "Support", ELSEWHERE]
        (groups,) = {tuple(zendesk.add_group(name) for name in names) for zendesk in accounts.values()}
        yield Twins(clock, accounts, claude, crowd, settings, dict(zip(names, groups, strict=True)))


def test_each_ticket_is_classified_and_routed_by_itself(twins: Twins) -> None:
    ticket = twins.arrives(bolt="We suspect a data breach: our customers' data is on sale.")

    told = twins.run()
    again = twins.run()

    assert [each["written"] for each in told.values()] == [{"applied": 1}, {"applied": 1}]
    assert [each["screened"] for each in again.values()] == [{"echo": 1}, {"echo": 1}]
    assert twins.group_of("acme", ticket) == "Billing acme"
    assert twins.group_of("bolt", ticket) == "Security"
    stories = {name: twins.story(name, ticket) for name in NAMES}
    ids = {each.decision.id for story in stories.values() for each in story.decisions}
    assert len(ids) == 2
    assert [len(story.decisions) for story in stories.values()] == [1, 1]
    assert [len(story.writes) for story in stories.values()] == [1, 1]
    assert {call.id for call in stories["acme"].calls}.isdisjoint({c.id for c in stories["bolt"].calls})
    with open_reports(twins.settings, twins.clock) as reports:
        assert reports.helpdesks_of(str(ticket)) == NAMES
        assert [row.helpdesk for row in reports.decisions(ticket=str(ticket), helpdesk="bolt")] == ["bolt"]


def test_a_ledger_goes_on_when_its_helpdesk_becomes_one_of_several_under_its_name(twins: Twins) -> None:
    twins.arrives()
    alone = twins.of("acme").helpdesk.model_dump(include=set(HelpdeskSettings.model_fields))
    several = twins.settings
    twins.settings = several.model_copy(update={"helpdesk": HelpdeskSettings(**alone), "helpdesks": ()})
    twins.run("acme")

    twins.settings = several
    told = twins.run()

    assert told["acme"]["screened"] == {"echo": 1}
    assert told["bolt"]["screened"] == {"original": 1}


def test_events_of_each_say_whose_they_are(twins: Twins) -> None:
    twins.arrives()

    twins.run()

    for name in ("page.stored", "ticket.decided", "ticket.written"):
        of = [event.facts["helpdesk"] for event in twins.events if event.name == name]
        assert (name, set(of)) == (name, set(NAMES))


def test_a_persons_correction_counts_where_it_was_made(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()

    twins.clock.advance(5)
    twins.accounts["acme"].person_sets(ticket, group=twins.groups[ELSEWHERE])
    told = twins.run()

    assert told["acme"]["screened"] == {"correction": 1}
    assert told["bolt"]["screened"] == {"echo": 1}
    assert [len(twins.story(name, ticket).corrections) for name in NAMES] == [1, 0]


def test_a_reply_that_changes_everything_changes_one_ticket(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()

    twins.accounts["acme"].customer_reply(ticket, "My lawyer will contact you about this.")
    told = twins.run()

    assert [each["escalated"] for each in told.values()] == [1, 0]
    assert [twins.group_of(name, ticket) for name in NAMES] == ["Support", "Billing bolt"]


def test_what_is_forgotten_at_one_stays_at_the_other(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()

    with open_eraser(twins.of("acme"), twins.clock) as eraser:
        found = eraser.forget(Whose(tickets=(str(ticket),)))

    kept = {name: [each.ticket for each in twins.story(name, ticket).submissions] for name in NAMES}
    assert (found.texts, found.decisions) == (1, 1)
    assert kept["acme"] == [None]
    assert [each and each.text for each in kept["bolt"]] == ["Please refund my invoice."]
    with open_eraser(twins.of("bolt"), twins.clock, read_only=True) as eraser:
        assert eraser.barred([each for each in kept["bolt"] if each]) == frozenset()


def test_an_undo_takes_back_at_one_what_was_written_there(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run()
    twins.clock.advance(60)

    chosen = Selection(tickets=(str(ticket),))
    with connect_undo(twins.of("acme"), twins.clock, twins.events.append, chosen) as undoing:
        assert undoing.ledger is not None
        undoing.undo.run(undoing.ledger.start_pass("undo"), chosen)

    assert [twins.group_of(name, ticket) for name in NAMES] == [None, "Billing bolt"]
    assert [len(twins.story(name, ticket).undos) for name in NAMES] == [1, 0]


def test_what_failed_at_one_is_put_back_there(twins: Twins) -> None:
    ticket = twins.arrives()
    for zendesk in twins.accounts.values():
        zendesk.faults.add(Fault(answer(422), method="PUT", times=None))
    twins.run()
    for zendesk in twins.accounts.values():
        zendesk.faults.clear()

    with open_reports(twins.settings, twins.clock) as reports:
        both, one = reports.parked(), reports.parked(helpdesk="acme")
    with open_retry(twins.of("acme"), twins.clock) as put_back:
        deeds = [each.deed for each in put_back.some([str(ticket)])]
    told = twins.run()

    assert ({each.helpdesk for each in both}, {each.helpdesk for each in one}) == (set(NAMES), {"acme"})
    assert deeds == ["write"]
    assert [each["written"] for each in told.values()] == [{"applied": 1}, {}]
    assert twins.group_of("bolt", ticket) is None


def test_a_backfill_of_one_does_not_take_the_others_tickets_for_known(twins: Twins) -> None:
    twins.arrives()
    twins.run("bolt")

    past = {
        name: survey_past(twins.of(name), twins.clock, twins.clock.now() - timedelta(days=2), None)
        for name in NAMES
    }

    assert (past["acme"].tickets, past["bolt"].tickets) == (1, 0)
    assert past["acme"].screened == {Disposition.ORIGINAL: 1}


def test_labels_belong_to_one_helpdesk(twins: Twins) -> None:
    ticket = twins.arrives()
    label = LabelledTicket(text="Please refund my invoice.", labels={}, ticket_id=str(ticket))
    with open_labels(twins.of("acme"), twins.clock) as book:
        book.store([label], Take.NEW)

    with open_labels(twins.of("bolt"), twins.clock) as book:
        assert (book.tickets(), book.find([str(ticket)])) == ((), {})
    with open_eraser(twins.of("bolt"), twins.clock) as eraser:
        assert eraser.forget(Whose(tickets=(str(ticket),))).labels == 0
    with open_labels(twins.of("acme"), twins.clock) as book:
        assert len(book.tickets()) == 1


def test_the_daily_budget_is_one_for_all(twins: Twins) -> None:
    ticket = twins.arrives()
    twins.run("acme")
    (call,) = twins.story("acme", ticket).calls
    assert call.cost_usd
    enough_for_one = call.reserve_usd + call.cost_usd / 2
    budget = twins.settings.budget.model_copy(update={"daily_usd": enough_for_one})
    twins.settings = twins.settings.model_copy(update={"budget": budget})

    rehearsed = twins.run("bolt", dry_run=True)
    told = twins.run("bolt")

    (decided,) = twins.story("bolt", ticket).decisions
    assert decided.decision.cause is Cause.BUDGET_SPENT
    assert [each["bolt"]["model_calls"] for each in (rehearsed, told)] == [0, 0]
    assert Decimal(0) < call.cost_usd < enough_for_one


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_helpdesk_with_a_budget_of_its_own_spends_no_more(twins: Twins, dry_run: bool) -> None:
    twins.arrives()
    twins.let_pay("acme", Decimal(0))

    told = twins.run(dry_run=dry_run)

    assert [each["model_calls"] for each in told.values()] == [0, 1]
    assert [each["failed"] for each in told.values()] == [1, 0]


def test_in_one_process_a_budget_of_its_own_stops_one_and_not_the_other(twins: Twins) -> None:
    twins.arrives()
    twins.let_pay("bolt", Decimal(0))
    twins.clock.advance(300)

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        at_once(helpdesks)

    assert [event.facts["helpdesk"] for event in twins.events if event.name == "model.called"] == ["acme"]
    assert [event.facts["helpdesk"] for event in twins.events if event.name == "budget.spent"] == ["bolt"]


def test_each_has_a_rate_budget_of_its_own(twins: Twins) -> None:
    twins.arrives()

    twins.run()

    counted = twins.count("(SELECT DISTINCT helpdesk FROM rate_budgets) AS each_one")
    is_shared = twins.settings.store.url.get_secret_value().startswith("postgresql")
    assert counted == (2 if is_shared else 0)  # alone on a file nobody shares a count


def test_in_one_process_they_share_the_cached_prompt(twins: Twins) -> None:
    for _ in range(4):
        twins.arrives()
    twins.clock.advance(300)

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        at_once(helpdesks)

    written = [call for call in twins.claude.calls if call.usage.cache_creation_input_tokens]
    assert (len(twins.claude.calls), len(written)) == (8, 1)
    assert {len(zendesk.writes()) for zendesk in twins.accounts.values()} == {4}


def test_in_one_process_no_more_calls_are_begun_than_there_are_workers(twins: Twins) -> None:
    for _ in range(4):
        twins.arrives()
    twins.clock.advance(300)
    begun: list[int] = []

    def look() -> None:
        begun.append(twins.count("model_calls WHERE state = 'started'"))

    workers = twins.settings.llm.workers
    twins.crowd.barrier, twins.crowd.look = Barrier(workers + 1), look

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        at_once(helpdesks)

    assert len(begun) == 7
    assert 1 <= max(begun) <= workers


def test_an_outage_of_claude_is_told_once_and_about_no_helpdesk(twins: Twins) -> None:
    for _ in range(8):
        twins.arrives()
    twins.clock.advance(300)
    twins.claude.faults.add(Fault(answer(500), times=None))

    with connect_all(twins.settings, twins.clock, twins.events.append) as helpdesks:
        for stages in helpdesks:
            stages.intake.run()
            stages.triage.run()

    (down,) = [event.facts for event in twins.events if event.name == "upstream.down"]
    assert (down["upstream"], "helpdesk" in down) == ("claude", False)


def test_an_outage_of_one_is_told_by_its_name_and_leaves_the_other_alone(twins: Twins) -> None:
    twins.arrives()
    twins.clock.advance(300)

    with connect_all(twins.settings, twins.clock, twins.events.append) as (acme, bolt):
        twins.accounts["acme"].faults.add(Fault(answer(503), times=None))
        for _ in range(5):
            with pytest.raises(Unavailable):
                acme.intake.run()
        run_pass(bolt)

    told = [event.facts for event in twins.events if event.name == "upstream.down"]
    assert [(facts["upstream"], facts["helpdesk"]) for facts in told] == [("acme", "acme")]
    assert [len(zendesk.writes()) for zendesk in twins.accounts.values()] == [0, 1]


def test_a_start_tells_which_of_them_lacks_a_group(twins: Twins) -> None:
    twins.accounts["bolt"].delete_group(twins.groups["Billing bolt"])

    with (
        pytest.raises(SettingsError, match=r'^helpdesk "bolt": team billing: group "Billing bolt"'),
        connect_all(twins.settings, twins.clock, twins.events.append),
    ):
        pass

    assert twins.run("acme")["acme"]["polled"] == 0  # the database was let go


def at_once(helpdesks: Sequence[Stages]) -> None:
    """A pass of each, side by side as the service runs them."""
    with ThreadPoolExecutor(len(helpdesks)) as threads:
        for ended in [threads.submit(run_pass, stages) for stages in helpdesks]:
            ended.result()


def test_the_webhook_of_one_is_signed_with_its_own_secret_and_brings_its_own_ticket(twins: Twins) -> None:
    heard, refused = threading.Event(), threading.Event()

    def listen(event: Event) -> None:
        twins.events.append(event)
        if event.name in ("nudge.heard", "nudge.refused"):
            (heard if event.name == "nudge.heard" else refused).set()

    with connect_all(twins.settings, twins.clock, listen) as stages:
        both = [
            (settings, each.nudges)
            for settings, each in zip(twins.settings.per_helpdesk(), stages, strict=True)
            if each.nudges is not None
        ]
        with hearing(both, twins.clock, listen) as listener:
            acme, secret = twins.accounts["acme"], "a-signing-secret-of-acme"
            for name in NAMES:  # at bolt's address it proves nothing
                url = f"http://{listener.address}/hooks/{name}"
                acme.webhooks.add(NewTicketWebhook(url, secret, acme.world.now))
            ticket = twins.arrives()
            assert heard.wait(20)
            assert refused.wait(20)
            for _, nudges in both:
                nudges.run()

    stored = [event.facts for event in twins.events if event.name == "page.stored"]
    assert [(each["helpdesk"], each["dispositions"]) for each in stored] == [
        ("acme", {Disposition.ORIGINAL: 1})
    ]
    assert twins.count("submissions") == 1
    assert twins.story("acme", ticket).submissions
