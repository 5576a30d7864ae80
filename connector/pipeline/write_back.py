"""Write-back: re-read the ticket, give way to any person who got there first, write once."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from connector.domain.decision import Applied, Change, Decision, Kind, Outcome
from connector.domain.ticket import Nature, Status, Ticket, Unreadable
from connector.errors import ConnectorError, LeaseLost, Unavailable
from connector.ports import Clock, Event, Helpdesk, Ledger, Observer, WriteClaim

_REOPENED = {Status.PENDING, Status.HOLD, Status.SOLVED}  # a customer's reply alone reopens these
_FINAL = {Outcome.APPLIED, Outcome.NO_OP, Outcome.GONE, Outcome.REJECTED, Outcome.SUPERSEDED, Outcome.DRY_RUN}


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What may be written.  ``inbox_groups`` count as "nobody has routed this yet"."""

    inbox_groups: frozenset[str] = frozenset()
    group: bool = True
    priority: bool = True
    notes: Literal["off", "escalations", "all"] = "escalations"
    max_attempts: int = 5


def gives_way(classified: Ticket, seen: Ticket | None, inbox: frozenset[str]) -> tuple[Outcome, str] | None:
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
        self._helpdesk = helpdesk
        self._ledger = ledger
        self._clock = clock
        self._observer = observer
        self._policy = policy
        self._random = random.Random()  # noqa: S311 - jitter, not secrets

    def run(self) -> None:
        """Write until nothing is due or a stop is asked for.

        Raises what the helpdesk raises; writes that were not sent are back in the queue by then.
        """
        while not self._clock.sleep(0):
            claims = self._ledger.claim_writes(self._helpdesk.capabilities.bulk_size)
            if not claims:
                return
            open_claims = {claim.ticket.id: claim for claim in claims}
            try:
                self._write(open_claims)
            except LeaseLost as error:
                self._put_back(open_claims, error)
            except ConnectorError as error:
                self._put_back(open_claims, error)
                raise

    def _write(self, open_claims: dict[str, WriteClaim]) -> None:
        """One batch; claims leave ``open_claims`` as soon as they are settled."""
        fresh = self._helpdesk.fetch(list(open_claims))
        sends: list[tuple[WriteClaim, Ticket]] = []
        for claim in list(open_claims.values()):
            seen = fresh.get(claim.ticket.id)
            if seen is None:
                self._end(open_claims, claim, Outcome.GONE, None, "deleted")
            elif isinstance(seen, Unreadable):
                self._end(open_claims, claim, Outcome.REJECTED, None, f"cannot be read: {seen.reason}")
            elif self._may_send(claim, seen, open_claims):
                sends.append((claim, seen))
        if not sends:
            return
        self._ledger.intend_writes(sends)
        changes = [self._change(claim, seen) for claim, seen in sends]
        for applied in self._helpdesk.apply(changes):
            self._settle(open_claims, open_claims[applied.ticket_id], applied)

    def _may_send(self, claim: WriteClaim, seen: Ticket, open_claims: dict[str, WriteClaim]) -> bool:
        """Whether to write now; otherwise the claim is ended or deferred here."""
        if claim.sent_version is not None and (found := self._found(claim, seen)):
            self._end(open_claims, claim, *found)
            return False
        if yields := gives_way(claim.ticket, seen, self._policy.inbox_groups):
            outcome, reason = yields
            self._end(open_claims, claim, outcome, None, reason)
            return False
        if claim.sent_version is not None and claim.attempts > self._policy.max_attempts:
            reason = f"unclear after {self._policy.max_attempts} attempts"
            self._end(open_claims, claim, Outcome.SUPERSEDED, None, reason)
            return False
        if seen.settles_in_seconds > 0:
            # A person's change within the same second would carry the same version as ours.
            self._defer(
                open_claims, claim, seen.settles_in_seconds, "the version is still open", counts=False
            )
            return False
        return True

    def _found(self, claim: WriteClaim, seen: Ticket) -> tuple[Outcome, Applied | None, str] | None:
        """How an earlier, unclear attempt ended, read back from the helpdesk; None: it did not arrive."""
        as_seen = Applied(seen.id, Outcome.APPLIED, seen.version, seen.updated_at, seen.group)
        match self._helpdesk.find_write(seen, claim.decision.id):
            case True:
                return Outcome.APPLIED, as_seen, "found our earlier write"
            case False:
                return None
        if seen.version == claim.sent_version:
            return None  # nothing has changed since: it did not arrive, and the version still guards a repeat
        ours = set(claim.decision.route.tags) <= set(seen.tags)
        if ours:
            return Outcome.APPLIED, as_seen, "found our earlier write by its tags"
        return Outcome.SUPERSEDED, None, "an unclear write, and the ticket has changed since"

    def _change(self, claim: WriteClaim, seen: Ticket) -> Change:
        decision, policy = claim.decision, self._policy
        wants_note = policy.notes == "all" or (
            policy.notes == "escalations" and decision.kind is not Kind.ROUTED
        )
        return Change(
            decision_id=decision.id,
            seen=seen,
            group=decision.route.group if policy.group else None,
            add_tags=decision.route.tags,
            priority=decision.route.priority if policy.priority else None,
            note=note_text(decision) if wants_note and self._helpdesk.capabilities.notes else None,
        )

    def _settle(self, open_claims: dict[str, WriteClaim], claim: WriteClaim, applied: Applied) -> None:
        if applied.outcome in _FINAL:
            self._end(open_claims, claim, applied.outcome, applied, applied.detail)
        elif applied.outcome is not Outcome.UNCLEAR and claim.attempts >= self._policy.max_attempts:
            reason = f"{applied.outcome} {claim.attempts} times: {applied.detail}".rstrip(": ")
            self._end(open_claims, claim, Outcome.SUPERSEDED, applied, reason)
        else:
            # The last unclear attempt too is read back by the next claim before anything is concluded.
            wait = self._random.uniform(0.5, 1.0) * 2.0 ** min(claim.attempts, 5)
            self._defer(open_claims, claim, wait, applied.outcome.value, counts=True)

    def _end(
        self,
        open_claims: dict[str, WriteClaim],
        claim: WriteClaim,
        outcome: Outcome,
        applied: Applied | None,
        reason: str,
    ) -> None:
        del open_claims[claim.ticket.id]
        if self._is_ours(claim, lambda: self._ledger.end_write(claim, outcome, applied, reason)):
            level = "warning" if outcome is Outcome.REJECTED else "info"
            self._observer(Event("ticket.written", level, _facts(claim, outcome.value, reason)))

    def _defer(
        self,
        open_claims: dict[str, WriteClaim],
        claim: WriteClaim,
        seconds: float,
        reason: str,
        *,
        counts: bool,
    ) -> None:
        del open_claims[claim.ticket.id]
        if self._is_ours(claim, lambda: self._ledger.defer_write(claim, seconds, reason, counts=counts)):
            waits = {"stage": "write_back", "reason": reason, "wait_s": round(seconds, 1)}
            self._observer(Event("ticket.deferred", "debug", {"ticket_id": claim.ticket.id, **waits}))

    def _is_ours(self, claim: WriteClaim, store: Callable[[], None]) -> bool:
        """Store the end of a claim; False when its lease ran out and another worker goes on with it."""
        try:
            store()
        except LeaseLost:
            self._observer(Event("lease.lost", "warning", {"ticket_id": claim.ticket.id}))
            return False
        return True

    def _put_back(self, open_claims: dict[str, WriteClaim], error: ConnectorError) -> None:
        seconds = (error.retry_after_seconds if isinstance(error, Unavailable) else None) or 1.0
        for claim in list(open_claims.values()):
            self._defer(open_claims, claim, seconds, type(error).__name__, counts=False)


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
