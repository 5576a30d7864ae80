"""An undo puts back what our write changed, where nobody has touched the ticket since, and at most once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Status
from connector.errors import Unavailable
from connector.helpdesk.dry_run import DryRunHelpdesk
from connector.pipeline.undo import Selection, Undo
from connector.store import RehearsedUndos, SqlUndoQueue, Store
from tests.support.world import World

EVERYTHING = Selection()


@dataclass
class Undoing:
    """Undo runs over the world's ledger and helpdesk, each a pass of its own."""

    world: World
    queue: SqlUndoQueue
    runs: int = 0

    def __call__(self, chosen: Selection = EVERYTHING, helpdesk: Any = None) -> dict[str, tuple[str, str]]:
        """Per ticket the outcome of its undo and the reason; ends of earlier runs are not among them."""
        self.runs += 1
        told = len(self.world.told("ticket.undone"))
        target = helpdesk or self.world.helpdesk
        undo = Undo(target, self.queue, self.world.clock, self.world.events.append)
        self.left = undo.run(f"undo-{self.runs}", chosen)
        ended = self.world.told("ticket.undone")[told:]
        return {facts["ticket_id"]: (facts["outcome"], facts["reason"]) for facts in ended}


@pytest.fixture
def undo(world: World, store: Store) -> Undoing:
    return Undoing(world, store.undos("memory", "u1"))


def routed(world: World, **facts: Any) -> str:
    """A ticket that we routed a minute ago."""
    ticket = world.arrives(**facts)
    world.run()
    world.clock.advance(60)
    assert world.helpdesk.tickets[ticket].group == "11"
    return ticket


def touched(world: World, ticket: str, **facts: Any) -> None:
    world.helpdesk.person(ticket, **facts)
    world.clock.advance(60)


def test_group_priority_and_our_tags_go_back_and_everything_else_stays(world: World, undo: Undoing) -> None:
    ticket = routed(world, tags=("vip", "ai_routed"), group="77", priority="low")
    world.helpdesk.person(ticket, tags=(*world.helpdesk.tickets[ticket].tags, "mine"))

    found = undo()

    after = world.helpdesk.tickets[ticket]
    assert found == {ticket: ("applied", "")}
    assert (after.group, after.priority) == ("77", "low")
    assert after.tags == ("vip", "ai_routed", "mine")  # ai_routed was there before us
    assert undo.left == 0


def test_a_ticket_that_was_in_no_group_and_had_no_priority_has_none_again(
    world: World, undo: Undoing
) -> None:
    ticket = routed(world)

    undo()

    after = world.helpdesk.tickets[ticket]
    assert (after.group, after.priority, after.tags) == (None, None, ())


def test_a_second_undo_finds_nothing_to_do(world: World, undo: Undoing) -> None:
    routed(world)
    undo()
    writes = len(world.helpdesk.writes)

    assert undo() == {}
    assert len(world.helpdesk.writes) == writes


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"group": "12"}, "a person changed the group"),
        ({"group": None}, "a person changed the group"),
        ({"assignee": "5"}, "a person changed the assignee"),
        ({"status": Status.SOLVED}, "a person changed the status to solved"),
        ({"priority": "urgent"}, "a person changed the priority"),
        ({"tags": ("ai_routed",)}, "a person removed one of our tags"),
    ],
)
def test_a_ticket_that_a_person_touched_since_is_left_alone_with_the_reason(
    world: World, undo: Undoing, facts: dict[str, Any], reason: str
) -> None:
    ticket = routed(world)
    touched(world, ticket, **facts)
    as_left = world.helpdesk.tickets[ticket]

    found = undo()

    assert found == {ticket: ("superseded", reason)}
    assert world.helpdesk.tickets[ticket] == as_left


def test_a_person_who_moved_a_ticket_away_and_back_has_touched_it(world: World, undo: Undoing) -> None:
    ticket = routed(world)
    for group in ("12", "11"):
        touched(world, ticket, group=group)
        world.run()

    assert undo() == {ticket: ("superseded", "a person moved the ticket after our write")}


@pytest.mark.parametrize("status", [Status.CLOSED, Status.DELETED])
def test_a_ticket_that_is_over_is_gone(world: World, undo: Undoing, status: Status) -> None:
    ticket = routed(world)
    touched(world, ticket, status=status)

    assert undo() == {ticket: ("gone", str(status))}


def test_a_customers_reply_is_no_reason_to_leave_a_ticket(world: World, undo: Undoing) -> None:
    ticket = routed(world, status=Status.PENDING)
    touched(world, ticket, status=Status.OPEN)  # a reply reopens

    assert undo()[ticket][0] == "applied"
    assert world.helpdesk.tickets[ticket].status is Status.OPEN


def test_a_person_who_is_faster_than_the_undo_wins(world: World, undo: Undoing) -> None:
    ticket = routed(world)
    world.before_the_first_write(lambda: world.helpdesk.person(ticket, group="12"))

    found = undo()

    assert found == {ticket: ("superseded", "a person changed the group")}
    assert world.helpdesk.tickets[ticket].group == "12"


def test_a_customer_who_replies_meanwhile_only_costs_a_second_try(world: World, undo: Undoing) -> None:
    ticket = routed(world)
    world.before_the_first_write(lambda: world.helpdesk.person(ticket, subject="More words"))

    found = undo()

    assert found == {ticket: ("applied", "")}
    assert (world.helpdesk.tickets[ticket].group, world.helpdesk.tickets[ticket].subject) == (
        None,
        "More words",
    )


def test_the_undo_comes_back_as_an_echo_and_is_no_correction(
    world: World, undo: Undoing, store: Store
) -> None:
    routed(world)
    world.run()
    undo()
    world.clock.advance(60)

    summary = world.run()

    assert summary.screened == {"echo": 1}
    assert len(world.model.asked) == 1
    assert store.reports().totals().corrections == 0


def test_a_person_who_moves_a_ticket_after_the_undo_corrects_it(
    world: World, undo: Undoing, store: Store
) -> None:
    ticket = routed(world)
    undo()
    world.run()
    world.clock.advance(60)
    world.helpdesk.person(ticket, group="12")

    world.run()

    (correction,) = store.reports().story(ticket).corrections
    assert (correction.from_group, correction.to_group) == (None, "12")


def test_writes_are_chosen_by_the_time_they_took_effect_by_pass_and_by_ticket(
    world: World, undo: Undoing
) -> None:
    first = world.arrives()
    old_pass = world.ledger.start_pass("once")
    world.run()
    world.ledger.end_pass(old_pass, {})
    world.clock.advance(3600)
    since = world.clock.now()
    second, third = world.arrives(), world.arrives()
    world.run()

    assert set(undo(Selection(since=since, tickets=(third,)))) == {third}
    assert set(undo(Selection(since=since))) == {second}
    assert set(undo(Selection(pass_id=old_pass))) == {first}


def test_hundreds_are_undone_in_batches_and_each_once(world: World, undo: Undoing) -> None:
    tickets = [world.arrives() for _ in range(250)]
    world.run()

    found = undo()

    assert found == dict.fromkeys(tickets, ("applied", ""))
    assert len(world.helpdesk.writes) == 500
    assert {world.helpdesk.tickets[each].group for each in tickets} == {None}


def test_a_rehearsal_tells_and_leaves_no_trace(world: World, undo: Undoing, store: Store) -> None:
    ours, theirs = routed(world), routed(world)
    touched(world, theirs, group="12")
    before = dict(world.helpdesk.tickets)

    rehearsed = RehearsedUndos(undo.queue.look(EVERYTHING), world.clock)
    Undo(DryRunHelpdesk(world.helpdesk), rehearsed, world.clock, world.events.append).run("", EVERYTHING)

    told = {facts["ticket_id"]: facts["outcome"] for facts in world.told("ticket.undone")}
    assert told == {ours: "dry_run", theirs: "superseded"}
    assert world.helpdesk.tickets == before
    assert store.reports().story(ours).undos == ()


@dataclass
class JustChanged:
    """A helpdesk whose first look finds versions that are still open."""

    inner: Any
    looks: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def fetch(self, ticket_ids: Sequence[str]) -> Any:
        self.looks += 1
        found = self.inner.fetch(ticket_ids)
        return found if self.looks > 1 else {k: replace(v, settles_in_seconds=1.5) for k, v in found.items()}


def test_a_rehearsal_waits_for_versions_that_are_still_open_instead_of_leaving_them(
    world: World, undo: Undoing
) -> None:
    ours = routed(world)
    helpdesk = JustChanged(DryRunHelpdesk(world.helpdesk))
    rehearsed = RehearsedUndos(undo.queue.look(EVERYTHING), world.clock)

    left = Undo(helpdesk, rehearsed, world.clock, world.events.append).run("", EVERYTHING)

    assert left == 0
    assert [(each["ticket_id"], each["outcome"]) for each in world.told("ticket.undone")] == [
        (ours, "dry_run")
    ]
    assert helpdesk.looks == 2


@dataclass
class Unclear:
    """A helpdesk that loses the answer to each of the first changes, which arrive or do not."""

    inner: Any
    arrives: Sequence[bool]
    tells: bool = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            if not self.arrives:
                yield from self.inner.apply([change])
                continue
            arrives, *self.arrives = self.arrives
            if arrives:
                list(self.inner.apply([change]))
            yield Applied(change.seen.id, Outcome.UNCLEAR, detail="the answer was lost")

    def find_write(self, seen: Any, change_id: str) -> bool | None:
        return self.inner.find_write(seen, change_id) if self.tells else None


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("tells", [True, False])
def test_an_undo_without_an_answer_is_settled_by_reading_back(
    world: World, undo: Undoing, arrives: bool, tells: bool
) -> None:
    ticket = routed(world)

    found = undo(helpdesk=Unclear(world.helpdesk, [arrives], tells))

    assert found[ticket][0] == "applied"
    assert (world.helpdesk.tickets[ticket].group, len(world.helpdesk.writes)) == (None, 2)


def test_a_group_that_was_read_long_after_our_write_is_not_trusted(world: World, undo: Undoing) -> None:
    ticket = world.arrives()
    stages = replace(world.stages, write_back=_over(world, Unclear(world.helpdesk, [True])))
    stages.intake.run()
    stages.triage.run()
    stages.write_back.run()
    world.helpdesk.person(ticket, group="12")
    world.clock.advance(60)
    stages.write_back.run()  # finds our write, and the person's group

    assert undo() == {ticket: ("superseded", "somebody changed the group right after our write")}


def _over(world: World, helpdesk: Any) -> Any:
    from connector.pipeline.write_back import WriteBack, WritePolicy

    inbox = frozenset({"77"})
    return WriteBack(helpdesk, world.ledger, world.clock, world.events.append, WritePolicy(inbox))


def test_what_a_trigger_did_within_our_write_is_no_persons_touch(world: World, undo: Undoing) -> None:
    ticket = world.arrives()
    inner = world.helpdesk

    class WithTrigger(Unclear):
        def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
            for change in changes:
                (applied,) = inner.apply([change])
                after = inner.person(change.seen.id, status=Status.OPEN, priority="urgent")
                yield replace(applied, version=after.version, left=after.standing)

    stages = replace(world.stages, write_back=_over(world, WithTrigger(inner, [])))
    stages.intake.run()
    stages.triage.run()
    stages.write_back.run()
    world.clock.advance(60)

    assert undo()[ticket][0] == "applied"
    assert (inner.tickets[ticket].group, inner.tickets[ticket].priority) == (None, None)


def test_an_outage_leaves_what_is_left_for_another_run(world: World, undo: Undoing) -> None:
    tickets = [world.arrives() for _ in range(3)]
    world.run()
    answered = iter([None])

    class FailsAfterOne(Unclear):
        def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
            for change in changes:
                if next(answered, "down"):
                    raise Unavailable("HTTP 503", retry_after_seconds=120)
                yield from self.inner.apply([change])

    with pytest.raises(Unavailable):
        undo(helpdesk=FailsAfterOne(world.helpdesk, []))
    undone = [each for each in tickets if world.helpdesk.tickets[each].group is None]

    found = undo()

    assert len(undone) == 1
    assert set(found) == set(tickets) - set(undone)


def test_what_a_given_up_run_had_asked_for_is_not_done_by_a_later_run_with_another_aim(
    world: World, undo: Undoing
) -> None:
    first, second = routed(world), routed(world)
    undo.queue.enlist("given-up", EVERYTHING)

    found = undo(Selection(tickets=(second,)))

    assert set(found) == {second}
    assert world.helpdesk.tickets[first].group == "11"


def test_of_two_runs_at_once_each_ticket_is_undone_by_one(world: World, undo: Undoing, store: Store) -> None:
    tickets = [world.arrives() for _ in range(4)]
    world.run()
    rival = store.undos("memory", "u2")
    rival.enlist("rival", EVERYTHING)
    held = rival.claim("rival", 2)

    found = undo()

    assert set(found) == set(tickets) - {claim.ticket_id for claim in held}
    assert undo.left == 2


def test_the_mark_of_an_undo_is_its_own(world: World, undo: Undoing) -> None:
    routed(world)
    undo()

    write, taken_back = world.helpdesk.writes

    assert write.decision_id != taken_back.decision_id
