"""A helpdesk in memory that guards nothing: a feed without order, writes without a condition, lists of tags.

What an adapter can do about it is done here, too: it looks once more right before it writes, sends all tags
that it saw together with ours, and looks afterwards whether somebody's stale list has taken ours off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.clock import ManualClock
from connector.domain.decision import Applied, Change, Outcome
from connector.domain.ticket import Group, Page, Status, Ticket
from connector.helpdesk.memory import MemoryHelpdesk


@dataclass(frozen=True, slots=True)
class Care:
    """What is done about it; a weakened adapter leaves one thing out."""

    looks: bool = True  # once more, right before it writes
    merges: bool = True  # other people's tags into the list that it sends
    mends: bool = True  # the list, when a stale one has replaced it


@dataclass(frozen=True, slots=True)
class Patch:
    """A write on its way; ``at_departure`` is the ticket when it left, whether its sender looked or not."""

    change: Change
    at_departure: Ticket
    tags: tuple[str, ...]


class UnguardedHelpdesk(MemoryHelpdesk):
    """Shows what changed since a scan began, the newest ticket first, and takes every write as it comes."""

    def __init__(
        self, clock: ManualClock, groups: Sequence[Group], *, page_size: int, care: Care | None = None
    ) -> None:
        super().__init__(clock, groups, page_size=page_size, bulk_size=1)
        self.capabilities = replace(
            self.capabilities, sorted_feed=False, conditional_write=False, bulk_from=1
        )
        self._most = page_size
        self._care = care or Care()

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        """Only the last page of a scan has a checkpoint: the number of changes when the scan began."""
        since, began = int(checkpoint or 0), self.changes
        below: tuple[datetime, str] | None = None
        while True:
            newest = sorted(self.tickets.values(), key=_key, reverse=True)
            there = [each for each in newest if each.status is not Status.DELETED]
            rest = [each for each in there if below is None or _key(each) < below]
            found = [each for each in rest if int(each.version) > since]
            page, more = tuple(found[: self._most]), len(found) > self._most
            yield Page(page, None if more else str(began), complete=not more)
            if not more:
                return
            below = _key(page[-1])

    @property
    def changes(self) -> int:
        """How many there were so far."""
        return max((int(each.version) for each in self.tickets.values()), default=0)

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        return None

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        for change in changes:
            sent = self.look(change)
            if isinstance(sent, Applied):
                yield sent
                continue
            applied = self.land(sent)
            self.finish(sent)
            yield applied

    def look(self, change: Change) -> Patch | Applied:
        """The write that is sent after the last look at the ticket, or why none is."""
        at_departure = self.tickets[change.seen.id]
        now = at_departure if self._care.looks else change.seen
        if now.status is Status.DELETED:
            return Applied(now.id, Outcome.GONE)
        if now.version != change.seen.version:
            return Applied(now.id, Outcome.CONFLICT)
        theirs = [tag for tag in now.tags if tag not in change.remove_tags] if self._care.merges else []
        return Patch(change, at_departure, tuple(dict.fromkeys((*theirs, *change.add_tags))))

    def land(self, patch: Patch) -> Applied:
        """It takes effect, whatever the ticket has become meanwhile; one that changes nothing is none."""
        now, change = self.tickets[patch.change.seen.id], patch.change
        if now.status is Status.DELETED:
            return Applied(now.id, Outcome.GONE)
        group = now.group if change.group is None else change.group_after
        priority = now.priority if change.priority is None else change.priority_after
        after = replace(now, group=group, priority=priority, tags=patch.tags)
        if after != now:
            self.writes.append(change)
        stored = self.put(after)
        facts = (stored.version, stored.updated_at, stored.group)
        return Applied(stored.id, Outcome.APPLIED, *facts, left=stored.standing)

    def finish(self, patch: Patch) -> None:
        """What its sender does after the answer: mend the list of tags, and leave the note."""
        change, now = patch.change, self.tickets[patch.change.seen.id]
        if now.status is Status.DELETED:
            return
        is_lost = not set(change.add_tags) & set(now.tags) and now.group == change.group_after
        if self._care.mends and is_lost:
            self.put(replace(now, tags=tuple(dict.fromkeys((*now.tags, *change.add_tags)))))
        if change.note is not None:
            self.notes.setdefault(now.id, []).append(change.note)
            self.put(self.tickets[now.id])


def _key(ticket: Ticket) -> tuple[datetime, str]:
    return ticket.created_at, ticket.id
