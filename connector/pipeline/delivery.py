"""Delivery: claimed changes are carried to the helpdesk, each at most once, giving way to people."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Standing, Ticket, Unreadable
from connector.errors import ConnectorError, LeaseLost, Unavailable
from connector.pipeline.traces import as_it_stood, has_arrived
from connector.ports import Clock, Event, Helpdesk, Observer

_FINAL = {Outcome.APPLIED, Outcome.NO_OP, Outcome.GONE, Outcome.REJECTED, Outcome.SUPERSEDED, Outcome.DRY_RUN}
_DONE = {Outcome.APPLIED, Outcome.NO_OP}

Refusal = tuple[Outcome, str]
"""Why nothing may be written any more, for the ledger and for people."""


class Claim(Protocol):
    """A change on record that is leased to this worker."""

    @property
    def ticket_id(self) -> str: ...

    @property
    def attempts(self) -> int:
        """How often it was claimed, this time included."""
        ...

    @property
    def sent_to(self) -> Standing | None:
        """The ticket when an earlier attempt may have been sent; None: none ever was."""
        ...


Claimed = TypeVar("Claimed", bound=Claim)


class Errand(Protocol[Claimed]):
    """What is delivered: where it is claimed and ends, when it must not be sent, and what is sent."""

    @property
    def stage(self) -> str: ...

    def claim(self, limit: int) -> Sequence[Claimed]: ...

    def intend(self, sends: Sequence[tuple[Claimed, Ticket]]) -> None: ...

    def end(self, claim: Claimed, outcome: Outcome, applied: Applied | None, reason: str) -> Sequence[Event]:
        """End it for good; returns what observers hear of it."""
        ...

    def end_all(self, ended: Sequence[tuple[Claimed, Applied]]) -> Sequence[Event]:
        """The same for several that were done: all or, where one is not ours any more (LeaseLost), none."""
        ...

    def defer(self, claim: Claimed, seconds: float, reason: str, *, counts: bool, sent: bool = False) -> None:
        """Put it back; ``sent``: this attempt may have reached the helpdesk."""
        ...

    def change_id(self, claim: Claimed) -> str:
        """The mark by which the change is found again at the helpdesk."""
        ...

    def gives_way(self, claim: Claimed, seen: Ticket) -> Refusal | None:
        """Why the ticket, as it is now, is left alone; None: it is ours to write."""
        ...

    def change(self, claim: Claimed, seen: Ticket) -> Change:
        """What is sent to the ticket as ``seen``."""
        ...


class Delivery(Generic[Claimed]):
    """Turns claimed changes into at most one effective write each."""

    def __init__(
        self, errand: Errand[Claimed], helpdesk: Helpdesk, clock: Clock, observer: Observer, max_attempts: int
    ) -> None:
        self._errand = errand
        self._helpdesk = helpdesk
        self._clock = clock
        self._observer = observer
        self._max_attempts = max_attempts
        self._random = random.Random()  # noqa: S311 - jitter, not secrets

    def run(self) -> None:
        """Write what is due, until a batch is small or a stop is asked for.

        What comes while a small batch is written is left to the next run: batch by batch of a few, each with
        a claim and a reading of its own, costs more than it saves time.  Raises what the helpdesk raises;
        writes that were not sent are back in the queue by then.
        """
        may_do = self._helpdesk.capabilities
        is_small = False
        while not (is_small or self._clock.sleep(0)):
            claims = self._errand.claim(may_do.bulk_size)
            if not claims:
                return
            is_small = len(claims) < may_do.bulk_from
            open_claims = self._one_per_ticket(claims)
            try:
                self._write(open_claims)
            except LeaseLost as error:
                self._put_back(open_claims, error)
            except ConnectorError as error:
                self._put_back(open_claims, error)
                raise

    def _one_per_ticket(self, claims: Sequence[Claimed]) -> dict[str, Claimed]:
        """The claims by ticket; a second write to the same ticket waits until the first has ended."""
        first: dict[str, Claimed] = {}
        for claim in claims:
            if first.setdefault(claim.ticket_id, claim) is not claim:
                self._defer({claim.ticket_id: claim}, claim, 1.0, "another write goes first", counts=False)
        return first

    def _write(self, open_claims: dict[str, Claimed]) -> None:
        """One batch; claims leave ``open_claims`` as soon as they are settled."""
        for claim in list(open_claims.values()):
            if claim.attempts > self._max_attempts + 1:  # not even reading it back was outlived
                reason = f"gave up after {self._max_attempts} attempts"
                self._end(open_claims, claim, Outcome.FAILED, None, reason)
        fresh = self._helpdesk.fetch(list(open_claims))
        sends: list[tuple[Claimed, Ticket]] = []
        for claim in list(open_claims.values()):
            seen = fresh.get(claim.ticket_id)
            if seen is None:
                self._end(open_claims, claim, Outcome.GONE, None, "deleted")
            elif isinstance(seen, Unreadable):
                self._end(open_claims, claim, Outcome.REJECTED, None, f"cannot be read: {seen.reason}")
            elif self._may_send(claim, seen, open_claims):
                sends.append((claim, seen))
        if not sends:
            return
        self._errand.intend(sends)
        changes = [self._errand.change(claim, seen) for claim, seen in sends]
        if len(changes) > 1 and len(changes) >= self._helpdesk.capabilities.bulk_from:
            self._write_together(open_claims, changes)
            return
        for applied in self._helpdesk.apply(changes):
            self._settle(open_claims, open_claims[applied.ticket_id], applied)

    def _write_together(self, open_claims: dict[str, Claimed], changes: Sequence[Change]) -> None:
        """Changes whose outcomes come all at once, or job by job: they are put on record together."""
        sent: dict[str, Claimed] = {}  # out of `open_claims`: whatever fails from here on, it was sent
        arrived: list[Applied] = []
        try:
            for applied in self._helpdesk.apply(changes):
                sent[applied.ticket_id] = open_claims.pop(applied.ticket_id)
                arrived.append(applied)
        finally:
            self._settle_together(sent, arrived)

    def _settle_together(self, sent: dict[str, Claimed], arrived: Sequence[Applied]) -> None:
        done = [(sent[each.ticket_id], each) for each in arrived if each.outcome in _DONE]
        try:
            told = self._errand.end_all(done) if done else ()
        except LeaseLost:
            told = ()  # of one at least: each by itself then
        else:
            for claim, _ in done:
                del sent[claim.ticket_id]
        for event in told:
            self._observer(event)
        for applied in arrived:
            if applied.ticket_id in sent:
                self._settle(sent, sent[applied.ticket_id], applied)

    def _may_send(self, claim: Claimed, seen: Ticket, open_claims: dict[str, Claimed]) -> bool:
        """Whether to write now; otherwise the claim is ended or deferred here."""
        if claim.sent_to is not None and (found := self._found(claim, claim.sent_to, seen)):
            self._end(open_claims, claim, *found)
            return False
        if refusal := self._errand.gives_way(claim, seen):
            outcome, reason = refusal
            self._end(open_claims, claim, outcome, None, reason)
            return False
        if claim.attempts > self._max_attempts:
            verdict = "gave up" if claim.sent_to is None else "unclear"
            reason = f"{verdict} after {self._max_attempts} attempts"
            self._end(open_claims, claim, Outcome.FAILED, None, reason)
            return False
        if seen.settles_in_seconds > 0:
            # A person's change within the same second would carry the same version as ours.
            self._defer(
                open_claims, claim, seen.settles_in_seconds, "the version is still open", counts=False
            )
            return False
        return True

    def _found(
        self, claim: Claimed, sent_to: Standing, seen: Ticket
    ) -> tuple[Outcome, Applied | None, str] | None:
        """How an earlier, unclear attempt ended, read back from the helpdesk; None: it did not arrive.

        It may have been the attempt of another process, of which nothing is left but the ledger.
        """
        as_seen = Applied(seen.id, Outcome.APPLIED, seen.version, seen.updated_at, seen.group)
        match self._helpdesk.find_write(seen, self._errand.change_id(claim)):
            case True:
                return Outcome.APPLIED, as_seen, "found our earlier write"
            case False:
                return None
        arrived = has_arrived(self._errand.change(claim, as_it_stood(seen, sent_to)), seen)
        if arrived:
            return Outcome.APPLIED, as_seen, "found our earlier write by its traces"
        guarded = seen.version == sent_to.version and self._helpdesk.capabilities.conditional_write
        if arrived is False or guarded:
            return None  # guarded: nothing has changed since, and a late arrival makes a repeat a conflict
        return Outcome.FAILED, None, "an unclear write, and the ticket has changed since"

    def _settle(self, open_claims: dict[str, Claimed], claim: Claimed, applied: Applied) -> None:
        if applied.outcome in _FINAL:
            self._end(open_claims, claim, applied.outcome, applied, applied.detail)
        elif applied.outcome is not Outcome.UNCLEAR and claim.attempts >= self._max_attempts:
            reason = f"{applied.outcome} {claim.attempts} times: {applied.detail}".rstrip(": ")
            self._end(open_claims, claim, Outcome.FAILED, applied, reason)
        else:
            # The last unclear attempt too is read back by the next claim before anything is concluded.
            wait = self._random.uniform(0.5, 1.0) * 2.0 ** min(claim.attempts, 5)
            sent = applied.outcome is Outcome.UNCLEAR
            self._defer(open_claims, claim, wait, applied.outcome.value, counts=True, sent=sent)

    def _end(
        self,
        open_claims: dict[str, Claimed],
        claim: Claimed,
        outcome: Outcome,
        applied: Applied | None,
        reason: str,
    ) -> None:
        del open_claims[claim.ticket_id]
        told: list[Event] = []
        if self._is_ours(claim, lambda: told.extend(self._errand.end(claim, outcome, applied, reason))):
            for event in told:
                self._observer(event)

    def _defer(
        self,
        open_claims: dict[str, Claimed],
        claim: Claimed,
        seconds: float,
        reason: str,
        *,
        counts: bool,
        sent: bool = False,
    ) -> None:
        del open_claims[claim.ticket_id]
        if self._is_ours(claim, lambda: self._errand.defer(claim, seconds, reason, counts=counts, sent=sent)):
            waits = {"stage": self._errand.stage, "reason": reason, "wait_s": round(seconds, 3)}
            self._observer(Event("ticket.deferred", "debug", {"ticket_id": claim.ticket_id, **waits}))

    def _is_ours(self, claim: Claimed, store: Callable[[], None]) -> bool:
        """Store the end of a claim; False when its lease ran out and another worker goes on with it."""
        try:
            store()
        except LeaseLost:
            self._observer(Event("lease.lost", "warning", {"ticket_id": claim.ticket_id}))
            return False
        return True

    def _put_back(self, open_claims: dict[str, Claimed], error: ConnectorError) -> None:
        seconds = (error.retry_after_seconds if isinstance(error, Unavailable) else None) or 1.0
        for claim in list(open_claims.values()):
            self._defer(open_claims, claim, seconds, type(error).__name__, counts=False)
