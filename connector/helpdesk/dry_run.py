"""A dry run: everything is read as usual, nothing is ever written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Group, Message, Page, Ticket, Unreadable
from connector.ports import Account, Capabilities, Helpdesk


class DryRunHelpdesk:
    """Passes reads on to ``inner`` and answers every write with DRY_RUN."""

    def __init__(self, inner: Helpdesk) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    def check(self) -> Account:
        return self._inner.check()

    def groups(self) -> Sequence[Group]:
        return self._inner.groups()

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        return self._inner.pages(checkpoint, start_at)

    def newest(self, seen: Collection[str]) -> Sequence[Ticket | Unreadable]:
        return self._inner.newest(seen)

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        return self._inner.fetch(ticket_ids)

    def messages(self, ticket: Ticket, since: datetime) -> Sequence[Message]:
        return self._inner.messages(ticket, since)

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            yield Applied(change.seen.id, Outcome.DRY_RUN)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        return self._inner.find_write(seen, change_id)
