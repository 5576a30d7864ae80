"""Connectors from which one precaution was taken away; the audit must notice each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.clock import ManualClock
from connector.domain.classification import Answer
from connector.domain.decision import Applied, Change, Decision
from connector.domain.ticket import Disposition, Ticket, Unreadable
from connector.helpdesk.memory import MemoryHelpdesk
from connector.ports import Helpdesk, Ledger, PaidAnswer, PollLease, Screened, SubmissionClaim
from tests.torture.business import GROUPS
from tests.torture.plans import Weakness
from tests.torture.unguarded import Care, UnguardedHelpdesk


@dataclass
class Unconditional:
    """A helpdesk that writes whatever the ticket has become meanwhile."""

    inner: MemoryHelpdesk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            now = self.inner.tickets.get(change.seen.id, change.seen)
            yield from self.inner.apply([replace(change, seen=now)])


@dataclass
class Forgetful(Unconditional):
    """One that cannot find an earlier write either, and says that it did not arrive."""

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        return False


@dataclass
class Silent:
    """A helpdesk that cannot tell which writes reached it.  Not a weakness: the port allows it."""

    inner: MemoryHelpdesk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        return None


@dataclass
class _Changed:
    """A ledger in which one method works otherwise."""

    inner: Ledger
    helpdesk: Helpdesk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class CheckpointFirst(_Changed):
    """Stores the checkpoint in a transaction before the page that it stands for."""

    def store_page(
        self,
        lease: PollLease,
        checkpoint: str | None,
        revisions: Sequence[Screened],
        unreadable: Sequence[Unreadable],
    ) -> Mapping[Disposition, int]:
        self.inner.store_page(lease, checkpoint, (), ())
        return self.inner.store_page(lease, checkpoint, revisions, unreadable)


class ActFirst(_Changed):
    """Writes to the helpdesk, then commits the decision."""

    def decide(self, claim: SubmissionClaim, decision: Decision, paid: PaidAnswer | None = None) -> None:
        route = decision.route
        change = Change(decision.id, claim.ticket, route.group, route.tags, route.priority)
        for _ in self.helpdesk.apply([change]):
            self.inner.decide(claim, decision, paid)


class AnswerForgotten(_Changed):
    """Notes that a model call ended, not what it answered."""

    def end_call(self, call_id: int, answer: Answer | None, error: str | None = None) -> None:
        self.inner.end_call(call_id, None, error or "not stored")

    def decide(self, claim: SubmissionClaim, decision: Decision, paid: PaidAnswer | None = None) -> None:
        if paid is not None:
            self.end_call(paid.call_id, paid.answer)
        self.inner.decide(claim, decision)


def _ledger(kind: Callable[[Ledger, Helpdesk], Any]) -> Weakness:
    return Weakness(ledger=kind)


def _unguarded(**care: bool) -> Weakness:
    def world(clock: ManualClock) -> UnguardedHelpdesk:
        return UnguardedHelpdesk(clock, GROUPS, page_size=2, care=Care(**care))

    return Weakness(world=world)


SILENT = Weakness(helpdesk=Silent)
UNGUARDED = _unguarded()
CARELESS: Mapping[str, Weakness] = {
    "no last look": _unguarded(looks=False),
    "tags not merged": _unguarded(merges=False),
    "tags not mended": _unguarded(mends=False),
}
WEAKNESSES: Mapping[str, Weakness] = {
    "no conditional write": Weakness(helpdesk=Unconditional),
    "no read-back": Weakness(helpdesk=Forgetful),
    "checkpoint before the page": _ledger(CheckpointFirst),
    "act before log": _ledger(ActFirst),
    "model answer not stored": _ledger(AnswerForgotten),
}
