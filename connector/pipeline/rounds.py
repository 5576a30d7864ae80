"""A backfill in batches: think about what can be decided, hand in the questions, take answers, and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.errors import OutOfMoney, RateLimited, Unavailable
from connector.pipeline.batching import BatchBook, Collector, Question
from connector.pipeline.mail import Mail
from connector.pipeline.purse import Purse
from connector.pipeline.sync import Stages, run_pass
from connector.ports import Event, Observer

POLL_SECONDS = 30.0
_PATIENCE = "an upstream asks for patience"
_MOST_SILENT_POLLS = 40  # in a row: twenty minutes without a word from the vendor


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
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._stages = stages
        self._collector = collector
        self._mail = mail
        self._book = book
        self._purse = purse
        self._observer = observer
        self._poll_seconds = poll_seconds
        self._silence = 0

    def step(self, pass_id: str) -> str | None:
        """Hand in what was admitted; waits only where the purse is empty until answers have come."""
        while True:
            ended = self._round(pass_id)
            if self._stages.clock.sleep(0):
                return "asked to stop"
            if self._mail.canceled:
                return self._canceled
            if not ended.is_broke:
                return _PATIENCE if ended.waits else None
            if not self._book.open():
                return self._broke
            self._stages.clock.sleep(self._poll_seconds)

    def finish(self, pass_id: str) -> str | None:
        """Follow the batches until none is open; a stop leaves them to the next run."""
        ended = None
        while left := len(self._book.open()):
            if self._stages.clock.sleep(self._poll_seconds):
                batches = "1 batch goes on" if left == 1 else f"{left} batches go on"
                return f"asked to stop; {batches} at Claude, and the next run takes the answers"
            ended = self._round(pass_id)
        if self._mail.canceled:
            return self._canceled
        if ended is not None and ended.is_broke:
            return self._broke
        return _PATIENCE if ended is not None and ended.waits else None

    @property
    def _broke(self) -> str:
        return f"another call could exceed the limit of ${self._purse.limit_usd}"

    @property
    def _canceled(self) -> str:
        return f"somebody canceled {self._mail.canceled} questions at Claude"

    def _round(self, pass_id: str) -> _Round:
        self._fetch()
        broke = False
        try:
            run_pass(self._stages)
        except OutOfMoney:
            broke = True
        except Exception:
            for questions in self._collector.take():
                self._mail.give_back(questions)
            raise
        ready, others = self._collector.take()
        self._mail.give_back(others)
        if self._mail.canceled or self._stages.clock.sleep(0):
            self._mail.give_back(ready)  # it would only cost more
        elif ready:
            broke = not self._post(pass_id, ready) or broke
        return _Round(broke, self._stages.ledger.due().left > 0)

    def _post(self, pass_id: str, questions: Sequence[Question]) -> bool:
        """False when the purse did not allow all; what an upstream does not take now is back in the queue."""
        try:
            return self._mail.post(pass_id, questions)
        except RateLimited:
            return True

    def _fetch(self) -> None:
        """Take what has come; an answer that does not come now is asked for again with the next poll."""
        try:
            self._mail.fetch()
            self._silence = 0
        except Unavailable as error:
            self._silence += 1
            if self._silence >= _MOST_SILENT_POLLS:
                raise
            self._observer(Event("batch.unseen", "debug", {"error": str(error)}))
