"""Write-back: re-read the ticket, give way to any person who got there first, write once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connector.domain.decision import Applied, Change, Decision, Kind, Outcome
from connector.domain.ticket import Nature, Status, Ticket
from connector.pipeline.delivery import Delivery, Refusal
from connector.ports import Capabilities, Clock, Event, Helpdesk, Ledger, Observer, WriteClaim

_REOPENED = {Status.PENDING, Status.HOLD, Status.SOLVED}  # a customer's reply alone reopens these


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What may be written.  ``inbox_groups`` count as "nobody has routed this yet"."""

    inbox_groups: frozenset[str] = frozenset()
    group: bool = True
    priority: bool = True
    notes: Literal["off", "escalations", "all"] = "escalations"
    max_attempts: int = 5


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


def note_text(decision: Decision) -> str:
    """The private note: what was decided and why, in words for the person who opens the ticket."""
    found, route = decision.classification, decision.route
    if decision.kind is Kind.ROUTED and found and found.team:
        urgency = f" · {found.urgency.value}" if found.urgency else ""
        head = (
            f"AI triage → {route.group_name}{urgency} · confidence {found.team.confidence:.2f} ({found.tier})"
        )
    else:
        head = f"AI triage → {route.group_name}: a person should decide ({decision.cause.replace('_', ' ')})"
    lines = [head, f"Why: {decision.reason}"]
    if decision.kind is not Kind.ROUTED and found and found.team:
        lines.append(f"Suggestion: {found.team.value} ({found.team.confidence:.2f}): {found.reason}")
    return "\n".join([*lines, f"Decision {decision.id}"])


class WriteBack:
    """Turns committed decisions into at most one effective write each."""

    def __init__(
        self, helpdesk: Helpdesk, ledger: Ledger, clock: Clock, observer: Observer, policy: WritePolicy
    ) -> None:
        writes = _Writes(ledger, policy, helpdesk.capabilities)
        self._delivery = Delivery(writes, helpdesk, clock, observer, policy.max_attempts)

    def run(self) -> None:
        """Write until nothing is due or a stop is asked for.

        Raises what the helpdesk raises; writes that were not sent are back in the queue by then.
        """
        self._delivery.run()


@dataclass(frozen=True, slots=True)
class _Writes:
    """The errand of write-back: committed decisions, under the policy."""

    ledger: Ledger
    policy: WritePolicy
    capabilities: Capabilities
    stage: str = "write_back"

    def claim(self, limit: int) -> Sequence[WriteClaim]:
        return self.ledger.claim_writes(limit)

    def intend(self, sends: Sequence[tuple[WriteClaim, Ticket]]) -> None:
        self.ledger.intend_writes(sends)

    def end(self, claim: WriteClaim, outcome: Outcome, applied: Applied | None, reason: str) -> None:
        self.ledger.end_write(claim, outcome, applied, reason)

    def defer(self, claim: WriteClaim, seconds: float, reason: str, *, counts: bool) -> None:
        self.ledger.defer_write(claim, seconds, reason, counts=counts)

    def change_id(self, claim: WriteClaim) -> str:
        return claim.decision.id

    def gives_way(self, claim: WriteClaim, seen: Ticket) -> Refusal | None:
        return gives_way(claim.ticket, seen, self.policy.inbox_groups)

    def has_left_traces(self, claim: WriteClaim, seen: Ticket) -> bool:
        return set(claim.decision.route.tags) <= set(seen.tags)

    def change(self, claim: WriteClaim, seen: Ticket) -> Change:
        decision, policy = claim.decision, self.policy
        wants_note = policy.notes == "all" or (
            policy.notes == "escalations" and decision.kind is not Kind.ROUTED
        )
        return Change(
            decision_id=decision.id,
            seen=seen,
            group=decision.route.group if policy.group else None,
            add_tags=decision.route.tags,
            priority=decision.route.priority if policy.priority else None,
            note=note_text(decision) if wants_note and self.capabilities.notes else None,
        )

    def ended(self, claim: WriteClaim, outcome: Outcome, reason: str) -> Event:
        level = "warning" if outcome is Outcome.REJECTED else "info"
        return Event("ticket.written", level, _facts(claim, outcome.value, reason))


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
