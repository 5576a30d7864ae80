"""Intake: what arrived is screened, deduplicated and stored, a page of the feed with its checkpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.domain.ticket import (
    Arrival,
    Author,
    Disposition,
    History,
    Nature,
    Page,
    Status,
    Ticket,
    Unreadable,
)
from connector.errors import LeaseLost
from connector.pipeline.replies import with_replies
from connector.ports import Clock, Event, Helpdesk, Ledger, Observer, PollLease, Screened

_BY_NATURE = {
    Nature.SAMPLE: Disposition.SAMPLE,
    Nature.MERGED: Disposition.MERGED,
    Nature.SIDE_CONVERSATION: Disposition.SIDE_CONVERSATION,
    Nature.FOLLOW_UP: Disposition.FOLLOW_UP,
}
_BY_STATUS = {
    Status.DELETED: Disposition.DELETED,
    Status.CLOSED: Disposition.CLOSED,
    Status.SOLVED: Disposition.SOLVED,
}


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """Which groups count as "nobody has routed this yet", how far back the first poll looks, and for what."""

    inbox_groups: frozenset[str] = frozenset()
    lookback: timedelta = timedelta(hours=24)
    hears_replies: bool = False  # whether what requesters write later gets a second look


def screen(ticket: Ticket, known: History | None, horizon: datetime, inbox: frozenset[str]) -> Disposition:
    """The disposition of one revision; a ticket is ORIGINAL at most once in its life."""
    if known is not None:
        return _later_revision(ticket, known)
    if ticket.status is Status.DELETED:
        return Disposition.DELETED
    if special := _BY_NATURE.get(ticket.nature):
        return special
    if ticket.author is Author.AGENT:
        return Disposition.AGENT_AUTHORED
    if not ticket.is_public:
        return Disposition.PRIVATE
    if over := _BY_STATUS.get(ticket.status):
        return over
    if ticket.assignee is not None or (ticket.group is not None and ticket.group not in inbox):
        return Disposition.ALREADY_ROUTED
    if ticket.created_at < horizon:
        return Disposition.TOO_OLD
    return Disposition.ORIGINAL


def _later_revision(ticket: Ticket, known: History) -> Disposition:
    if known.written_version is None or known.written_at is None:
        return Disposition.UPDATE
    ours = {known.written_group} | known.awaited_groups
    moved = ticket.group not in ours and ticket.status is not Status.DELETED
    if ticket.version == known.written_version:
        return Disposition.CORRECTION if moved else Disposition.ECHO  # moved within the same second
    return Disposition.CORRECTION if moved and ticket.updated_at > known.written_at else Disposition.UPDATE


def _awaits_write(known: History | None) -> bool:
    return known is not None and known.verdict is Disposition.ORIGINAL and known.written_version is None


class Intake:
    """Reads the helpdesk's change feed into the ledger, page by page, and takes tickets that came sooner."""

    def __init__(
        self, helpdesk: Helpdesk, ledger: Ledger, clock: Clock, observer: Observer, policy: IntakePolicy
    ) -> None:
        self._helpdesk = helpdesk
        self._ledger = ledger
        self._clock = clock
        self._observer = observer
        self._policy = policy

    def run(self) -> None:
        """Poll until the feed has nothing more at the moment, or a stop is asked for.

        Raises what the helpdesk raises; every page handed over before that is stored for good.
        """
        lease = self._ledger.lease_poll(self._clock.now() - self._policy.lookback)
        if lease is None:
            self._observer(Event("poll.skipped", "debug", {"reason": "another process polls"}))
            return
        self._observer(Event("poll.started", "debug", {"helpdesk": lease.helpdesk}))
        checkpoint = lease.checkpoint
        for page in self._helpdesk.pages(checkpoint, lease.horizon):
            checkpoint = page.checkpoint if page.checkpoint is not None else checkpoint
            try:
                self._store(lease, checkpoint, page)
            except LeaseLost:
                self._observer(Event("poll.skipped", "debug", {"reason": "another process took over"}))
                return
            if self._clock.sleep(0):
                break
        self._observer(Event("poll.finished", "debug", {"helpdesk": lease.helpdesk}))

    def take(self, tickets: Sequence[Ticket | Unreadable], arrival: Arrival) -> Mapping[Disposition, int]:
        """Store tickets that came by another way than the feed, and count what was new, per disposition.

        They are screened like those of a page; the feed brings them again, as duplicates or as updates.
        Left to it, and not counted, are later states of a ticket whose write has not ended: whether one is a
        correction or holds a reply cannot be told yet.

        Needs no right to poll, and any number of threads and processes may take the same ticket at once.
        Raises what the database raises; then nothing is stored, and the feed brings them all the same.
        """
        if not tickets:
            return {}
        readable = [each for each in tickets if isinstance(each, Ticket)]
        unreadable = [each for each in tickets if isinstance(each, Unreadable)]
        known = self._ledger.history([ticket.id for ticket in readable])
        timely = [each for each in readable if not _awaits_write(known.get(each.id))]
        if not (timely or unreadable):
            return {}
        horizon = self._ledger.horizon() or self._clock.now() - self._policy.lookback
        screened = self._screen(timely, known, horizon)
        counts = self._ledger.store_arrivals(screened, unreadable, arrival)
        self._tell(screened, unreadable, counts, arrival)
        return counts

    def _store(self, lease: PollLease, checkpoint: str | None, page: Page) -> None:
        known = self._ledger.history([ticket.id for ticket in page.tickets])
        screened = self._screen(page.tickets, known, lease.horizon)
        counts = self._ledger.store_page(lease, checkpoint, screened, page.unreadable)
        self._tell(screened, page.unreadable, counts, Arrival.POLL)

    def _screen(
        self, tickets: Sequence[Ticket], known: Mapping[str, History], horizon: datetime
    ) -> list[Screened]:
        inbox = self._policy.inbox_groups
        screened = [
            Screened(ticket, screen(ticket, known.get(ticket.id), horizon, inbox)) for ticket in tickets
        ]
        return with_replies(screened, known, self._ledger) if self._policy.hears_replies else screened

    def _tell(
        self,
        screened: Sequence[Screened],
        unreadable: Sequence[Unreadable],
        counts: Mapping[Disposition, int],
        arrival: Arrival,
    ) -> None:
        for lost in unreadable:
            told = {"ticket_id": lost.ticket_id, "reason": lost.reason}
            self._observer(Event("ticket.unreadable", "warning", told))
        arrived = len(screened) + len(unreadable)
        replies = sum(each.reply is not None for each in screened)
        facts = {
            "tickets": arrived,
            "dispositions": Counter(counts),
            "replies": replies or None,
            "arrival": arrival,
        }
        self._observer(Event("page.stored", "info" if arrived else "debug", facts))
