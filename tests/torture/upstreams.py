"""The ports of a connector that may die: every effect is a moment before it and a moment after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connector.domain.classification import Answer, Tier, Usage
from connector.domain.decision import Applied, Change
from connector.domain.ticket import Group, Message, Page, Ticket, Unreadable
from connector.ports import Account, Capabilities, Helpdesk, SubmissionClaim, WriteClaim
from connector.store import SqlLedger
from tests.torture.business import opinion
from tests.torture.mortality import Life
from tests.torture.unguarded import Patch


@dataclass
class MortalHelpdesk:
    """A helpdesk as a mortal process reaches it; ``deliver`` carries one change there."""

    life: Life
    inner: Helpdesk
    deliver: Callable[[Change], Applied]
    sending: Change | Patch | None = None  # about to be carried there

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    def check(self) -> Account:
        return self.inner.check()

    def groups(self) -> Sequence[Group]:
        return self.inner.groups()

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        self.life("pages.before")
        for page in self.inner.pages(checkpoint, start_at):
            self.life("pages.after")
            yield page

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        self.life("fetch.before")
        found = self.inner.fetch(ticket_ids)
        self.life("fetch.after")
        return found

    def messages(self, ticket: Ticket, since: datetime) -> Sequence[Message]:
        self.life("messages.before", ticket.id)
        found = self.inner.messages(ticket, since)
        self.life("messages.after", ticket.id)
        return found

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            self.sending = change
            self.life("apply.before", change.seen.id)
            self.sending = None
            applied = self.deliver(change)
            self.life("apply.after", change.seen.id)
            yield applied

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        self.life("find_write.before", seen.id)
        found = self.inner.find_write(seen, change_id)
        self.life("find_write.after", seen.id)
        return found


@dataclass
class MortalModel:
    """A model whose calls are paid once they are asked; ``paid`` hears of each."""

    life: Life
    paid: Callable[[str, Tier], None]
    prompt_version: str = "p1"

    def model(self, tier: Tier) -> str:
        return f"{tier}-model"

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        return Decimal("0.01")

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        ticket_id, kind = ticket["subject"].split()
        self.life("ask.before", ticket_id)
        self.paid(ticket_id, tier)
        self.life("ask.after", ticket_id)
        found, usage = opinion(kind, tier), Usage(100, 20, cost_usd=Decimal("0.0001"))
        return Answer(found, usage, self.model(tier), unusable=None if found else "refusal")


@dataclass
class OrderlyLedger:
    """A ledger that hands out submissions only to a stage that has none left, and writes if any wait.

    With one worker, one thread works at a time then, and a scenario passes the same moments in every run,
    however the threads of a pass are scheduled.  All that it does not mention goes to the ledger itself.
    """

    inner: SqlLedger
    most: int  # what a stage asks for that has none left

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def claim_submissions(
        self, limit: int, repeat_within: timedelta = timedelta(0)
    ) -> Sequence[SubmissionClaim]:
        return self.inner.claim_submissions(limit, repeat_within) if limit == self.most else ()

    def claim_writes(self, limit: int) -> Sequence[WriteClaim]:
        return self.inner.claim_writes(limit) if self.inner.due().writes else ()
