"""The mail of a backfill: batches are handed in, followed, and their answers committed, each exactly once."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from connector.domain.classification import Answer, Tier
from connector.errors import BudgetSpent, ConnectorError, LeaseLost, OutOfMoney, RateLimited, Unavailable
from connector.pipeline.batching import BatchBook, BatchLine, Handed, Item, OpenBatch, Question, Unanswered
from connector.pipeline.purse import Purse
from connector.pipeline.questions import called
from connector.ports import Clock, Event, Ledger, Observer

MOST_QUESTIONS = 1_000  # of one batch: a tenth of what the vendor's size limit leaves room for at the worst
_SETTLED_AFTER = timedelta(minutes=15)  # no request that was sent before can still arrive
_SKEW = timedelta(hours=1)  # by which the vendor's clock may differ from ours


def _new_mark() -> str:
    return secrets.token_hex(8)


class Mail:
    """Hands in and fetches; knows nothing of what the questions are about."""

    def __init__(
        self,
        line: BatchLine,
        book: BatchBook,
        ledger: Ledger,
        purse: Purse,
        clock: Clock,
        observer: Observer,
        new_mark: Callable[[], str] = _new_mark,
    ) -> None:
        self._line = line
        self._book = book
        self._ledger = ledger
        self._purse = purse
        self._clock = clock
        self._observer = observer
        self._new_mark = new_mark
        self._set_aside: dict[int, Decimal] = {}  # per batch of this run
        self._foreign: set[str] = set()  # batches of somebody else, by their results
        self.canceled = 0  # questions that somebody canceled at the vendor

    def post(self, pass_id: str, questions: Sequence[Question]) -> bool:
        """Hand in what the purse allows, and give the rest back; False when it did not allow all.

        Raises what refuses the batch for good, and OutOfMoney when the day's budget is spent.  Where it is
        not known whether it arrived, `fetch` finds out.
        """
        affordable = []
        for question in questions:
            if self._purse.take_for_later(question.most_usd):
                affordable.append(question)
            else:
                self.give_back([question])
        for at in range(0, len(affordable), MOST_QUESTIONS):
            rest = affordable[at:]
            try:
                self._hand_in(pass_id, rest[:MOST_QUESTIONS])
            except ConnectorError:
                self._abandon(rest[MOST_QUESTIONS:])
                raise
        return len(affordable) == len(questions)

    def _hand_in(self, pass_id: str, questions: Sequence[Question]) -> None:
        try:
            batch, call_ids = self._book.intend(pass_id, self._new_mark(), questions)
        except BudgetSpent as spent:
            half = len(questions) // 2
            self._abandon(questions[half:])
            if half:
                self._hand_in(pass_id, questions[:half])
            raise OutOfMoney(str(spent)) from None
        except ConnectorError as error:
            self._abandon(questions)
            if isinstance(error, LeaseLost):
                return
            raise
        self._set_aside[batch.id] = _most(questions)
        items = [
            Item(batch.custom_id(call_id), each.tier, each.ticket)
            for call_id, each in zip(call_ids, questions, strict=True)
        ]
        try:
            vendor_id = self._line.submit(items)
        except ConnectorError as error:
            if isinstance(error, Unavailable) and not isinstance(error, RateLimited):
                self._tell("batch.unclear", batch, "warning", error=type(error).__name__)
                return
            asked = self._book.tiers(batch.id)
            self._end(batch, {}, asked, Unanswered.NEVER_ASKED, type(error).__name__)
            raise
        self._book.handed_in(batch.id, vendor_id)
        self._tell("batch.handed_in", batch, cost_usd=_most(questions))

    def fetch(self) -> bool:
        """Commit the answers of every batch that has ended; find out what became of unclear ones.

        Returns whether any batch ended.  Raises what the vendor and the ledger raise; what was committed
        before stays.
        """
        open_batches = self._book.open()
        unclear = [batch for batch in open_batches if batch.vendor_id is None]
        for batch in open_batches:
            if batch.vendor_id is not None:
                self._fetch(batch, batch.vendor_id)
        if unclear:
            self._search(unclear)
        return len(self._book.open()) < len(open_batches)

    def _fetch(self, batch: OpenBatch, vendor_id: str) -> None:
        now = self._line.look(vendor_id)
        if now is not None and not now.has_ended:
            return
        asked = self._book.tiers(batch.id)
        results = None if now is None else self._line.results(vendor_id, _tiers(batch, asked))
        if results is None:
            self._end(batch, {}, asked, Unanswered.LOST, "the vendor has no results any more")
        else:
            self._end(batch, results, asked, Unanswered.LOST)

    def _search(self, unclear: Sequence[OpenBatch]) -> None:
        """Look for batches whose name was never learnt: each is one of those that were made at that time.

        Only results tell whose a batch is.  As long as one that may be ours has none yet, ours waits; nothing
        is handed in twice.  Once none is left that could be it, it never arrived; if the results of one that
        could be it are gone, its questions may have been paid, and count so.
        """
        searched_at = self._clock.now()
        asked = {batch.mark: self._book.tiers(batch.id) for batch in unclear}
        ours = {batch.mark: batch for batch in unclear}
        tiers = {name: tier for batch in unclear for name, tier in _tiers(batch, asked[batch.mark]).items()}
        undecided: list[Handed] = []
        for each in self._candidates(unclear):
            results = self._line.results(each.id, tiers) if each.has_ended else None
            if results is None:
                undecided.append(each)
            elif (found := _owner(results, ours)) is None:
                self._foreign.add(each.id)
            else:
                self._book.handed_in(found.id, each.id)
                self._end(found, results, asked[found.mark], Unanswered.LOST)
                del ours[found.mark]
        for batch in ours.values():
            possible = [each for each in undecided if _may_be(each, batch)]
            if any(not each.has_ended for each in possible):
                continue
            if possible:
                self._end(batch, {}, asked[batch.mark], Unanswered.LOST, "the vendor has no results any more")
            elif searched_at - batch.intended_at >= _SETTLED_AFTER:
                self._end(batch, {}, asked[batch.mark], Unanswered.NEVER_ASKED, "it never arrived")

    def _candidates(self, unclear: Sequence[OpenBatch]) -> Iterator[Handed]:
        since = min(batch.intended_at for batch in unclear) - _SKEW
        for each in self._line.handed_since(since):
            if each.id in self._foreign or not any(_may_be(each, batch) for batch in unclear):
                continue
            if not self._book.knows(each.id):
                yield each

    def _end(
        self,
        batch: OpenBatch,
        results: Mapping[str, Answer | str],
        asked: Mapping[int, tuple[str, Tier]],
        unanswered: Unanswered,
        reason: str | None = None,
    ) -> None:
        """Commit what came back, and tell of it."""
        answers = {
            call_id: results[name] for call_id in asked if (name := batch.custom_id(call_id)) in results
        }
        if not self._book.end(batch.id, answers, unanswered, reason):
            return
        outcomes = Counter(each if isinstance(each, str) else "answered" for each in answers.values())
        outcomes[unanswered.value] += batch.questions - len(answers)
        self.canceled += outcomes["canceled"]
        self._pay(batch, answers, outcomes[Unanswered.LOST])
        for call_id, answer in answers.items():
            self._observer(called(*asked[call_id], answer))
        self._tell("batch.ended", batch, reason=reason, dispositions=+outcomes)

    def _pay(self, batch: OpenBatch, answers: Mapping[int, Answer | str], lost: int) -> None:
        most = self._set_aside.pop(batch.id, None)
        if most is None:
            return  # an earlier run has paid for it
        each_most = most / batch.questions
        bills = [each.usage.cost_usd for each in answers.values() if isinstance(each, Answer)]
        cost = sum((each_most if bill is None else bill for bill in bills), Decimal(0))
        self._purse.settle_later(most, cost + lost * each_most)

    def _abandon(self, questions: Sequence[Question]) -> None:
        """Give back questions for which money was set aside."""
        self._purse.settle_later(_most(questions), Decimal(0))
        self.give_back(questions)

    def give_back(self, questions: Sequence[Question]) -> None:
        """Put back what will not be handed in."""
        for question in questions:
            with suppress(LeaseLost):
                self._ledger.return_submission(question.claim)

    def _tell(self, name: str, batch: OpenBatch, level: str = "info", **facts: object) -> None:
        told = {"batch": batch.mark, "tickets": batch.questions}
        self._observer(Event(name, level, told | {key: value for key, value in facts.items() if value}))


def _most(questions: Sequence[Question]) -> Decimal:
    return sum((each.most_usd for each in questions), Decimal(0))


def _tiers(batch: OpenBatch, asked: Mapping[int, tuple[str, Tier]]) -> dict[str, Tier]:
    return {batch.custom_id(call_id): tier for call_id, (_, tier) in asked.items()}


def _owner(results: Mapping[str, object], ours: Mapping[str, OpenBatch]) -> OpenBatch | None:
    """The batch whose mark begins the names of these results; no other batch bears it."""
    return next((ours[mark] for name in results if (mark := name.partition("-")[0]) in ours), None)


def _may_be(handed: Handed, batch: OpenBatch) -> bool:
    latest = batch.intended_at + _SETTLED_AFTER + _SKEW
    return handed.questions == batch.questions and batch.intended_at - _SKEW <= handed.created_at <= latest
