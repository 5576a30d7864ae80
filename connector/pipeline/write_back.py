"""Write-back: re-read the ticket, give way to any person who got there first, write once."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from connector.domain.decision import Applied, Cause, Change, Decision, Kind, Outcome
from connector.domain.ticket import Nature, Status, Ticket
from connector.pipeline.delivery import Delivery, Refusal
from connector.ports import Capabilities, Clock, Event, Helpdesk, Ledger, Observer, WriteClaim
from connector.routing import RoutingPolicy, human_route

_FALL_BACKS = uuid.UUID("b8c7a1d4-7e0f-4c55-8a43-2f1a8f4a6e02")  # namespace of decision ids
_REOPENED = {Status.PENDING, Status.HOLD, Status.SOLVED}  # a customer's reply alone reopens these


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What may be written.  ``inbox_groups`` count as "nobody has routed this yet"."""

    inbox_groups: frozenset[str] = frozenset()
    group: bool = True
    priority: bool = True
    notes: Literal["off", "escalations", "all"] = "escalations"
    max_attempts: int = 5
    routing: RoutingPolicy | None = None  # leads to the human group what the helpdesk refuses; None: nowhere


def fall_back(refused: Decision, detail: str, routing: RoutingPolicy, at: datetime) -> Decision | None:
    """What is decided when the helpdesk refuses a decision for good: a person gets the ticket.

    None when that is what it refused.
    """
    if refused.route.group == routing.human.id:
        return None
    refusal = f"the helpdesk refused group {refused.route.group_name} or what came with it"
    return replace(
        refused,
        id=str(uuid.uuid5(_FALL_BACKS, refused.id)),
        kind=Kind.FAILED_OPEN,
        cause=Cause.WRITE_REJECTED,
        reason=f"{refusal} ({detail})" if detail else refusal,
        route=human_route(Cause.WRITE_REJECTED, routing),
        decided_at=at,
        cost_usd=Decimal(0),  # the refused one has paid
    )


def gives_way(classified: Ticket, seen: Ticket | None, inbox: frozenset[str]) -> Refusal | None:
    """Why nothing may be written any more, or None.  A person's choice stands, whatever it is."""
    if seen is None or seen.status is Status.DELETED:
        return Outcome.GONE, "deleted"
    if seen.status is Status.CLOSED or seen.nature is Nature.MERGED:
        return Outcome.GONE, "merged" if seen.nature is Nature.MERGED else "closed"
    if seen.assignee != classified.assignee:
        return Outcome.SUPERSEDED, "a person changed the assignee"
    if seen.group != classified.group and seen.group not in inbox:
        return Outcome.SUPERSEDED, "a person changed the group"
    reopened = classified.status in _REOPENED and seen.status is Status.OPEN
    if seen.status is not classified.status and not reopened:
        return Outcome.SUPERSEDED, f"a person changed the status to {seen.status}"
    return None


def untouched(before: Ticket, seen: Ticket, tags: Collection[str]) -> Refusal | None:
    """Why a ticket that we routed is no longer ours to change, or None: nobody touched it since ``before``.

    ``tags`` are those of ours that it should still have.  What customers write does not count.
    """
    if refusal := gives_way(before, seen, frozenset()):
        return refusal
    if seen.status is Status.SOLVED:
        return Outcome.SUPERSEDED, "solved"
    if seen.priority != before.priority:
        return Outcome.SUPERSEDED, "a person changed the priority"
    if not set(tags) <= set(seen.tags):
        return Outcome.SUPERSEDED, "a person removed one of our tags"
    return None


def note_text(decision: Decision) -> str:
    """The private note: what was decided and why, in words for the person who opens the ticket."""
    found, route = decision.classification, decision.route
    if decision.kind is Kind.ROUTED and _is_event(decision) and found and found.urgency:
        head = f"AI triage: the requester wrote again → {found.urgency.value}"
    elif decision.kind is Kind.ROUTED and found and found.team:
        urgency = f" · {found.urgency.value}" if found.urgency else ""
        head = (
            f"AI triage → {route.group_name}{urgency} · confidence {found.team.confidence:.2f} ({found.tier})"
        )
    else:
        head = f"AI triage → {route.group_name}: a person should decide ({decision.cause.replace('_', ' ')})"
    lines = [head, f"Why: {decision.reason}"]
    if found and found.secondary_team and (found.team is None or found.team.value != found.secondary_team):
        lines.append(f"Another issue in it: {found.secondary_team}")
    if decision.kind is not Kind.ROUTED and found and found.team:
        lines.append(f"Suggestion: {found.team.value} ({found.team.confidence:.2f}): {found.reason}")
    return "\n".join([*lines, f"Decision {decision.id}"])


class WriteBack:
    """Turns committed decisions into at most one effective write each."""

    def __init__(
        self, helpdesk: Helpdesk, ledger: Ledger, clock: Clock, observer: Observer, policy: WritePolicy
    ) -> None:
        writes = _Writes(ledger, policy, helpdesk.capabilities, clock)
        self._delivery = Delivery(writes, helpdesk, clock, observer, policy.max_attempts)

    def run(self) -> None:
        """Write what is due (see `Delivery.run`).  Raises what the helpdesk raises."""
        self._delivery.run()


@dataclass(frozen=True, slots=True)
class _Writes:
    """The errand of write-back: committed decisions, under the policy."""

    ledger: Ledger
    policy: WritePolicy
    capabilities: Capabilities
    clock: Clock
    stage: str = "write_back"

    def claim(self, limit: int) -> Sequence[WriteClaim]:
        return self.ledger.claim_writes(limit)

    def intend(self, sends: Sequence[tuple[WriteClaim, Ticket]]) -> None:
        self.ledger.intend_writes(sends)

    def end(
        self, claim: WriteClaim, outcome: Outcome, applied: Applied | None, reason: str
    ) -> Sequence[Event]:
        instead = self._instead(claim.decision, outcome, applied, reason)
        self.ledger.end_write(claim, outcome, applied, reason, instead)
        return _events(claim, outcome, reason, instead)

    def end_all(self, ended: Sequence[tuple[WriteClaim, Applied]]) -> Sequence[Event]:
        self.ledger.end_writes(ended)
        told = (_events(claim, applied.outcome, applied.detail, None) for claim, applied in ended)
        return [event for events in told for event in events]

    def defer(
        self, claim: WriteClaim, seconds: float, reason: str, *, counts: bool, sent: bool = False
    ) -> None:
        self.ledger.defer_write(claim, seconds, reason, counts=counts, sent=sent)

    def change_id(self, claim: WriteClaim) -> str:
        return claim.decision.id

    def gives_way(self, claim: WriteClaim, seen: Ticket) -> Refusal | None:
        if _is_event(claim.decision):
            return untouched(claim.ticket, seen, claim.decision.route.removes)
        return gives_way(claim.ticket, seen, self.policy.inbox_groups)

    def change(self, claim: WriteClaim, seen: Ticket) -> Change:
        decision, policy = claim.decision, self.policy
        moves = decision.kind is not Kind.ROUTED or not _is_event(decision)  # a raised urgency stays
        return Change(
            decision_id=decision.id,
            seen=seen,
            group=decision.route.group if policy.group and moves else None,
            add_tags=decision.route.tags,
            priority=decision.route.priority if policy.priority else None,
            note=note_text(decision) if self._wants_note(decision) else None,
            remove_tags=decision.route.removes,
        )

    def _wants_note(self, decision: Decision) -> bool:
        is_escalation = decision.kind is not Kind.ROUTED or _is_event(decision)
        wanted = self.policy.notes == "all" or (self.policy.notes == "escalations" and is_escalation)
        return wanted and self.capabilities.notes

    def _instead(
        self, refused: Decision, outcome: Outcome, applied: Applied | None, detail: str
    ) -> Decision | None:
        routing = self.policy.routing
        if outcome is not Outcome.REJECTED or applied is None or routing is None or not self.policy.group:
            return None
        if _is_event(refused):
            return None  # it has a team already, or leads to a person as it is
        return fall_back(refused, detail, routing, self.clock.now())


def _is_event(decision: Decision) -> bool:
    """Whether it escalates a ticket that was routed before."""
    return decision.cause is Cause.MATERIAL_CHANGE


def _events(claim: WriteClaim, outcome: Outcome, reason: str, instead: Decision | None) -> list[Event]:
    level = "warning" if outcome in (Outcome.REJECTED, Outcome.FAILED) else "info"
    events = [Event("ticket.written", level, _facts(claim, outcome.value, reason))]
    if instead is not None:
        told = {"ticket_id": claim.ticket.id, "decision_id": instead.id, "cause": instead.cause.value}
        events.append(Event("ticket.fell_back", "warning", told))
    return events


def _facts(claim: WriteClaim, outcome: str, reason: str) -> Mapping[str, object]:
    decision = claim.decision
    return {
        "ticket_id": claim.ticket.id,
        "decision_id": decision.id,
        "outcome": outcome,
        "reason": reason,
        "group": decision.route.group_name,
        "tags": list(decision.route.tags),
    }
