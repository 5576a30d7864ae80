"""Nudges: tickets that the helpdesk told us of are read at once instead of with the next poll."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from connector.domain.ticket import Ticket, Unreadable
from connector.ports import Clock, Event, Helpdesk, Ledger, Observer

Take = Callable[[Sequence[Ticket]], object]

_MOST_AT_ONCE = 100
_AGAIN_AFTER_SECONDS = (1.0, 2.0, 4.0)  # the helpdesk may tell of a ticket before it can show it
_STALE_SECONDS = 120.0  # by then the poll has brought it
_MINUTE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class NudgeLimits:
    """What nudges may cost: tickets read in any minute, and tickets that wait to be read."""

    per_minute: int = 30
    waiting: int = 1000


@dataclass(slots=True)
class _Wish:
    """A ticket to read; times are monotonic."""

    told_at: float
    due_at: float
    misses: int = 0


class Nudges:
    """Reads the named tickets through the port and hands those that are new to intake.

    Whatever is lost, late, repeated or made up here changes nothing but when a ticket arrives: the poll
    brings each one anyway, also what is given up here.  `offer` is for any thread, `run` for one at a time.
    """

    def __init__(
        self,
        helpdesk: Helpdesk,
        ledger: Ledger,
        take: Take,
        clock: Clock,
        observer: Observer,
        limits: NudgeLimits,
    ) -> None:
        self._helpdesk = helpdesk
        self._ledger = ledger
        self._take = take
        self._clock = clock
        self._observer = observer
        self._limits = limits
        self._lock = threading.Lock()
        self._wishes: dict[str, _Wish] = {}  # in the order in which they were told
        self._read_at: deque[float] = deque()

    def offer(self, ticket_id: str) -> bool:
        """Remember a ticket to read, once however often it is named; False when there is no room.

        Nor is there any for a service that stops.  Never waits.
        """
        if self._clock.sleep(0):
            return False
        with self._lock:
            if ticket_id not in self._wishes:
                if len(self._wishes) >= self._limits.waiting:
                    return False
                now = self._clock.monotonic()
                self._wishes[ticket_id] = _Wish(now, now)
        self._observer(Event("nudge.heard", "debug", {"ticket_id": ticket_id}))
        return True

    def run(self) -> None:
        """Read what is due, as far as this minute's share goes.

        Raises what helpdesk and ledger raise; each ticket is tried a few times at most, and never for more
        than two minutes.
        """
        while wanted := self._wanted():
            self._read(wanted)
            if self._clock.sleep(0):
                return

    def _wanted(self) -> list[str]:
        """What to read now.  What the ledger knows already costs no request: its changes are the poll's."""
        now = self._clock.monotonic()
        too_old = now - _STALE_SECONDS
        with self._lock:
            wishes = self._wishes
            stale = [each for each, wish in wishes.items() if wish.told_at < too_old]
            due = [each for each, wish in wishes.items() if wish.told_at >= too_old and wish.due_at <= now]
            due.sort(key=lambda each: wishes[each].due_at)  # new ones before those that were missed
        self._leave(stale, "it waited for too long")
        while self._read_at and self._read_at[0] <= now - _MINUTE_SECONDS:
            self._read_at.popleft()
        room = min(self._limits.per_minute - len(self._read_at), _MOST_AT_ONCE)
        wanted: list[str] = []
        while due and room and not wanted:
            batch, due = due[:room], due[room:]
            known = self._ledger.history(batch)
            self._done(known)
            wanted = [each for each in batch if each not in known]
        self._read_at.extend([now] * len(wanted))
        return wanted

    def _read(self, wanted: Sequence[str]) -> None:
        try:
            found = self._helpdesk.fetch(wanted)
            # The answer to one id could be another ticket, as where an issue has an id and a number.
            read = {each: found[each] for each in wanted if each in found and _id_of(found[each]) == each}
            if fresh := self._fresh(read.values()):
                self._take(fresh)
        except Exception:
            self._postpone(wanted)
            raise
        self._done(read)
        self._postpone([each for each in wanted if each not in read])

    def _fresh(self, read: Iterable[Ticket | Unreadable]) -> list[Ticket]:
        """Those that can be read, say something, and are not too old; the others are matters of the poll.

        A conversation begins without a word of the customer's; a minute later there usually is one.
        """
        tickets = [each for each in read if isinstance(each, Ticket) and (each.text or "").strip()]
        horizon = self._ledger.horizon() if tickets else None
        return [each for each in tickets if horizon is None or each.created_at >= horizon]

    def _postpone(self, ticket_ids: Iterable[str]) -> None:
        """Try these again in a few seconds; what was tried often enough is left to the poll."""
        now = self._clock.monotonic()
        given_up: list[str] = []
        with self._lock:
            for each in ticket_ids:
                wish = self._wishes[each]
                if wish.misses == len(_AGAIN_AFTER_SECONDS):
                    given_up.append(each)
                    continue
                wish.due_at = now + _AGAIN_AFTER_SECONDS[wish.misses]
                wish.misses += 1
        self._leave(given_up, "the helpdesk does not show it")

    def _leave(self, ticket_ids: Iterable[str], reason: str) -> None:
        """Leave tickets to the poll."""
        for each in ticket_ids:
            self._observer(Event("nudge.left", "debug", {"ticket_id": each, "reason": reason}))
        self._done(ticket_ids)

    def _done(self, ticket_ids: Iterable[str]) -> None:
        with self._lock:
            for each in ticket_ids:
                self._wishes.pop(each, None)


def _id_of(found: Ticket | Unreadable) -> str | None:
    return found.id if isinstance(found, Ticket) else found.ticket_id
