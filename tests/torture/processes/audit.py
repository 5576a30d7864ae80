"""What became of every ticket of a round: the helpdesk's own record against the database, from outside."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from connector.domain.classification import Tier
from connector.sandbox.zendesk_api.records import Audit, Ticket
from tests.torture.business import KINDS
from tests.torture.processes.plan import ROUTED
from tests.torture.processes.town import BILLING, HUMAN, Town
from tests.torture.remains import Remains

CLAIMS = frozenset({"group_id", "assignee_id", "status"})
OURS = "ai_"
_EXHAUSTED = frozenset({"too_many_attempts", "waited_too_long"})


class Broken(StrEnum):
    """The promises, by what it is called when one is broken."""

    LOST = "lost"
    STUCK = "stuck"
    DOUBLED = "doubled"
    SECOND_NOTE = "second note"
    OVERRULED = "overruled"
    TAGS_LOST = "tags lost"
    PAID_TWICE = "paid twice"
    CHECKPOINT_AHEAD = "checkpoint ahead"
    UNDECIDED = "undecided write"
    VERDICT_CHANGED = "verdict changed"
    LEDGER_LIES = "ledger lies"
    WRONG_END = "wrong end"
    PROGRAM_FAILED = "program failed"


Finding = tuple[Broken, str]


@dataclass
class Excuses:
    """Why a question may be asked again: its answer was lost with a process, on the wire, or with a lease.

    Or it came later than anybody waits for it, which a machine that stalls can do to any call.
    """

    questions: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    wire: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    late: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    leases: Counter[int] = field(default_factory=Counter)  # that ran out, by number

    def of(self, number: int, tier: Tier) -> int:
        key = (number, tier)
        return self.questions[key] + self.wire[key] + self.late[key] + self.leases[number]


@dataclass(frozen=True, slots=True)
class Written:
    """The end of one submission, as the ledger tells it; None where there is nothing yet."""

    state: str
    cause: str | None
    write: str | None
    outcome: str | None
    reason: str | None

    @property
    def is_given_up(self) -> bool:
        """A documented end: too many processes died with this very write in hand."""
        return self.outcome == "superseded" and str(self.reason).startswith(("unclear after", "conflict "))


def examine(town: Town, remains: Remains, excuses: Excuses) -> Iterator[Finding]:
    """Every broken promise of a round that has come to rest."""
    ends = submissions(remains)
    for number, ticket_id in town.tickets.items():
        ticket = town.zendesk.tickets()[ticket_id]
        told = [
            *_of_history(town, number, ticket),
            *_of_ledger(town, number, ticket, ends.get(str(ticket_id), [])),
            *_of_payments(town, number, excuses, remains),
        ]
        for broken, what in told:
            yield broken, f"case {number} ({town.kinds[number]}): {what}"


def submissions(remains: Remains) -> Mapping[str, list[Written]]:
    """What the ledger says of each ticket; a second look that changed nothing is no end of it."""
    found: dict[str, list[Written]] = {}
    for ticket_id, *rest in remains.rows(
        "SELECT s.ticket_id, s.state, d.cause, w.state, w.outcome, w.reason FROM submissions s"
        " LEFT JOIN decisions d ON d.submission_id = s.id LEFT JOIN writes w ON w.decision_id = d.id"
        " WHERE s.heard_since IS NULL OR s.state <> 'decided' OR d.id IS NOT NULL"
    ):
        found.setdefault(ticket_id, []).append(Written(*rest))
    return found


def _of_history(town: Town, number: int, ticket: Ticket) -> Iterator[Finding]:
    """The helpdesk's own audits in order: our writes, and what people did before them."""
    ours = [write for write in town.zendesk.writes(ticket.id) if "decision_id" in write.custom]
    if len(ours) > 1:
        yield Broken.DOUBLED, f"{len(ours)} effective writes"
    if len(notes := town.zendesk.notes(ticket.id)) > 1:
        yield Broken.SECOND_NOTE, f"{len(notes)} notes"
    claimed = ""
    for audit in town.zendesk.audits(ticket.id):
        if "decision_id" in audit.custom:
            if claimed:
                yield Broken.OVERRULED, f"written although a person had changed the {claimed}"
        else:
            claimed = claimed or claim_of(town, audit)
    missing = town.tags[number] - set(ticket.tags)
    removed = {tag for write in ours for tag in write.tags_removed if not tag.startswith(OURS)}
    if missing | removed:
        yield Broken.TAGS_LOST, f"{sorted(missing | removed)}"


def claim_of(town: Town, audit: Audit) -> str:
    """What an agent changed that makes the ticket theirs; empty if nothing."""
    if audit.author_id != town.zendesk.agent:
        return ""
    fields = [str(event.get("field_name")) for event in audit.events if event.get("type") == "Change"]
    return next((name for name in fields if name in CLAIMS), "")


def _of_ledger(town: Town, number: int, ticket: Ticket, ends: list[Written]) -> Iterator[Finding]:
    """Each original ends once, the ledger knows how, and it ends where it belongs unless people took it."""
    taken = any(claim_of(town, audit) for audit in town.zendesk.audits(ticket.id))
    effects = len([write for write in town.zendesk.writes(ticket.id) if "decision_id" in write.custom])
    kind = town.kinds[number]
    if kind == ROUTED:
        if ends or effects:
            yield Broken.WRONG_END, "was routed already, and was worked on"
        return
    if not ends:
        if not taken:
            yield Broken.LOST, "no submission"
        return
    if len(ends) > 1:
        yield Broken.DOUBLED, f"{len(ends)} submissions"
    end = ends[0]
    if (end.state, end.write) != ("decided", "done"):
        yield Broken.STUCK, f"submission {end.state}, write {end.write}"
        return
    if (end.outcome == "applied") != (effects > 0):
        yield Broken.LEDGER_LIES, f"says {end.outcome} ({end.reason}) of {effects} effective writes"
    if not taken and not end.is_given_up:
        yield from _where_it_belongs(town, kind, ticket, end)


def _where_it_belongs(town: Town, kind: str, ticket: Ticket, end: Written) -> Iterator[Finding]:
    expected = KINDS[kind]
    to_people = expected.notes > 0 or end.cause in _EXHAUSTED
    group, notes = (HUMAN, 1) if to_people else (BILLING, 0)
    if end.outcome != "applied":
        yield Broken.LOST, f"not written ({end.outcome}: {end.reason}) though nobody took it"
    elif (ticket.group_id, len(town.zendesk.notes(ticket.id))) != (town.groups[group], notes):
        yield Broken.WRONG_END, f"in group {ticket.group_id} with {len(town.zendesk.notes(ticket.id))} notes"


def _of_payments(town: Town, number: int, excuses: Excuses, remains: Remains) -> Iterator[Finding]:
    """Each tier that was needed is paid once, and once more for each answer that was lost on the way."""
    kind = town.kinds[number]
    for tier in (Tier.CHEAP, Tier.STRONG):
        needed = kind != ROUTED and tier in KINDS[kind].calls
        allowed = needed + (excuses.of(number, tier) if needed else 0)
        if town.paid[number, tier] > allowed:
            calls = remains.rows(
                "SELECT c.try_no, c.lease_epoch, c.state, c.error, c.started_at, c.finished_at"
                " FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
                " WHERE s.ticket_id = ? AND c.tier = ? ORDER BY c.id",
                str(town.tickets[number]),
                tier.value,
            )
            yield Broken.PAID_TWICE, f"{tier} paid {town.paid[number, tier]} times for {allowed}: {calls}"


# --- At any moment ----------------------------------------------------------------------------------------


def checkpoint_is_ahead(town: Town, remains: Remains) -> str:
    """Which tickets lie behind the stored checkpoint and are not stored; empty when none.

    Both are read in this order: a ticket that changes in between moves to a place after the checkpoint.
    """
    rows = remains.rows("SELECT checkpoint FROM checkpoints")
    cursor = json.loads(rows[0][0] or "{}").get("cursor") if rows else None
    if cursor is None:
        return ""
    place = re.fullmatch(r"(\d+)\.0\|\|(\d+)\|", base64.b64decode(cursor).decode())
    assert place is not None
    stored = set(remains.rows("SELECT ticket_id, version FROM revisions"))
    return ", ".join(
        str(ticket.id)
        for ticket in town.zendesk.tickets().values()
        if (ticket.generated_at, ticket.id) <= (int(place[1]), int(place[2]))
        and (str(ticket.id), version_of(ticket)) not in stored
    )


def version_of(ticket: Ticket) -> str:
    """``updated_at`` as the helpdesk writes it."""
    return f"{datetime.fromtimestamp(ticket.updated_at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_all_stored(town: Town, remains: Remains) -> bool:
    """Whether the newest version of every ticket has been polled."""
    stored = set(remains.rows("SELECT ticket_id, version FROM revisions"))
    return all((str(each.id), version_of(each)) in stored for each in town.zendesk.tickets().values())


def uncommitted(remains: Remains, decision_ids: list[str]) -> list[str]:
    """Which of these decisions are not committed, with their writes announced, at this moment."""
    marks = ", ".join("?" * len(decision_ids))
    known: set[Any] = {
        row[0]
        for row in remains.rows(
            "SELECT d.id FROM decisions d JOIN writes w ON w.decision_id = d.id"  # noqa: S608 - only marks
            f" WHERE w.maybe_sent AND d.id IN ({marks})",
            *decision_ids,
        )
    }
    return [each for each in decision_ids if each not in known]


def late_answers(remains: Remains, patience_seconds: float) -> list[tuple[str, Tier, int]]:
    """Per ticket and tier, how many calls were given up after the longest wait for an answer."""
    rows = remains.rows(
        "SELECT s.ticket_id, c.tier, count(*) FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
        " WHERE c.state = 'error' AND c.finished_at - c.started_at >= ? GROUP BY s.ticket_id, c.tier",
        round(950 * patience_seconds),
    )
    return [(ticket_id, Tier(tier), int(late)) for ticket_id, tier, late in rows]


def lost_questions(remains: Remains) -> list[tuple[str, Tier, int]]:
    """Per ticket and tier, how many questions the ledger has no answer to, because their asker vanished."""
    rows = remains.rows(
        "SELECT s.ticket_id, c.tier, count(*) FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
        " WHERE c.state IN ('started', 'lost') GROUP BY s.ticket_id, c.tier"
    )
    return [(ticket_id, Tier(tier), int(lost)) for ticket_id, tier, lost in rows]
