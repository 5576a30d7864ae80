"""A backfill in batches: think about what can be decided, hand in the questions, take answers, and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.errors import OutOfMoney, RateLimited, Unavailable
from connector.pipeline.backfill import OUT_OF_PATIENCE, PATIENCE_SECONDS, STOPPED
from connector.pipeline.batching import BatchBook, Collector, Question
from connector.pipeline.mail import Mail
from connector.pipeline.purse import Purse
from connector.pipeline.sync import SHORT_WAIT_SECONDS, Stages, triage_and_write
from connector.ports import Event, Observer

_FIRST_POLL_SECONDS, _POLL_SECONDS = 1.0, 300.0  # twice as long each time, until something is handed in
_MOST_SILENT_POLLS = 12  # in a row


@dataclass(frozen=True, slots=True)
class _Round:
    """How a round ended: what could not be paid for now, and what an upstream made wait."""

    is_broke: bool
    waits: bool


class BatchWork:
    """A `Work` whose questions go into batches.

    What the cheap model leaves in doubt goes to the strong one in a later batch: half the price there, too.
    """

    def __init__(
        self,
        stages: Stages,
        collector: Collector,
        mail: Mail,
        book: BatchBook,
        purse: Purse,
        observer: Observer,
    ) -> None:
        self._stages = stages
        self._collector = collector
        self._mail = mail
        self._book = book
        self._purse = purse
        self._observer = observer
        self._pause_seconds = _FIRST_POLL_SECONDS
        self._silence = 0
        self._why_broke = ""

    def step(self, pass_id: str) -> str | None:
        """Hand in what was admitted; waits where the purse is empty until answers come, and for upstreams."""
        clock = self._stages.clock
        until = clock.monotonic() + PATIENCE_SECONDS
        while True:
            self._fetch()
            ended = self._round(pass_id)
            if clock.sleep(0):
                return STOPPED
            if self._mail.canceled:
                return self._canceled
            if ended.is_broke:
                if not self._book.open():
                    return self._broke
            elif not ended.waits:
                return None
            elif clock.monotonic() >= until:
                return OUT_OF_PATIENCE
            self._pause()

    def finish(self, pass_id: str) -> str | None:
        """Follow the batches until none is open; a stop leaves them to the next run."""
        while True:
            ended = None
            while left := len(self._book.open()):
                if self._pause():
                    batches = "1 batch goes on" if left == 1 else f"{left} batches go on"
                    return f"{STOPPED}; {batches} at Claude, and the next run takes the answers"
                if self._fetch() or self._is_due():
                    ended = self._round(pass_id)
            if self._mail.canceled:
                return self._canceled
            if ended is None or not (ended.is_broke or ended.waits):
                return None
            if stopped := self.step(pass_id):
                return stopped

    def _pause(self) -> bool:
        """Wait until the next look at the vendor; True when asked to stop meanwhile."""
        seconds, self._pause_seconds = self._pause_seconds, min(2 * self._pause_seconds, _POLL_SECONDS)
        return self._stages.clock.sleep(seconds)

    @property
    def _broke(self) -> str:
        return self._why_broke or f"another call could exceed the limit of ${self._purse.limit_usd}"

    @property
    def _canceled(self) -> str:
        return f"somebody canceled {self._mail.canceled} questions at Claude"

    def _round(self, pass_id: str) -> _Round:
        """Think and hand in until nothing more can be done now."""
        ledger, clock = self._stages.ledger, self._stages.clock
        while True:
            is_broke, is_all = self._think(pass_id)
            due = ledger.due()
            pause = due.next_in_seconds
            if is_broke or not is_all or pause is None or pause > SHORT_WAIT_SECONDS:
                return _Round(is_broke, due.left > 0)
            # What was collected is out of our hands by now: beside it no suspect would be claimed.
            if clock.sleep(max(pause, 0.05)):
                return _Round(is_broke, due.left > 0)

    def _think(self, pass_id: str) -> tuple[bool, bool]:
        """One turn of the stages; whether the purse was too small, and whether all else was handed in."""
        broke = False
        try:
            triage_and_write(self._stages)
        except OutOfMoney as error:
            broke, self._why_broke = True, str(error)
        except Exception:
            for questions in self._collector.take():
                self._mail.give_back(questions)
            raise
        ready, others = self._collector.take()
        self._mail.give_back(others)
        if self._mail.canceled or self._stages.clock.sleep(0):
            self._mail.give_back(ready)  # it would only cost more
            return broke, False
        allowed, taken = self._post(pass_id, ready) if ready else (True, True)
        return broke or not allowed, taken and not others

    def _post(self, pass_id: str, questions: Sequence[Question]) -> tuple[bool, bool]:
        """Whether the purse allowed all, and whether the vendor took it; the rest is back in the queue."""
        try:
            allowed = self._mail.post(pass_id, questions)
        except OutOfMoney as error:
            self._why_broke = str(error)
            return False, True
        except RateLimited as error:
            self._pause_seconds = max(self._pause_seconds, error.retry_after_seconds or 0.0)
            return True, False
        self._pause_seconds = _FIRST_POLL_SECONDS
        return allowed, True

    def _is_due(self) -> bool:
        """Whether something that an upstream made wait can go on."""
        pause = self._stages.ledger.due().next_in_seconds
        return pause is not None and pause <= SHORT_WAIT_SECONDS

    def _fetch(self) -> bool:
        """Take what has come, if anything; what does not come now is asked for again with the next poll."""
        try:
            came = self._mail.fetch()
            self._silence = 0
        except Unavailable as error:
            self._silence += 1
            if self._silence >= _MOST_SILENT_POLLS:
                raise
            self._observer(Event("batch.unseen", "debug", {"error": str(error)}))
            return True  # perhaps some had come before it
        return came
