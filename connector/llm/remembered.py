"""Answers that were paid for once: asked the same again, a replay takes them from a file."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from connector.domain.classification import Answer, Tier
from connector.errors import ConnectorError, RateLimited, SettingsError
from connector.ports import Classifier

_LATER_SECONDS = 86_400.0  # no wait within this run brings money


class _Line(msgspec.Struct):
    """One line of the file: a digest of all that was asked, and the answer without a word of it."""

    key: str
    answer: Answer


# Built by the thread that imports: two threads that decode a type for the first time crash msgspec 0.22.0.
_LINES = msgspec.json.Decoder(_Line)


class AnswersFile:
    """Answers by digest, one JSON line each, appended as they come: a killed process keeps what it paid.

    No customer's words are in it, nor the model's reasons.  The file belongs to its owner only (0600).
    Raises SettingsError when it cannot be opened.  Thread-safe.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            whole = path.read_bytes()
        except OSError as error:
            raise SettingsError(f"--answers {path}: {error.strerror}") from None
        self._known = dict(_read(whole))
        if whole and not whole.endswith(b"\n"):
            os.write(self._file, b"\n")  # the line that a killed process left half-written stays alone

    def get(self, key: str) -> Answer | None:
        with self._lock:
            return self._known.get(key)

    def keep(self, key: str, answer: Answer) -> None:
        """Raises SettingsError when nothing can be written any more: what follows would be paid in vain."""
        bare = replace(answer, request_id=None)
        if answer.classification is not None:
            bare = replace(bare, classification=replace(answer.classification, reason=""))
        line = msgspec.json.encode(_Line(key, bare)) + b"\n"
        with self._lock:
            self._known[key] = bare
            try:
                os.write(self._file, line)
            except OSError as error:
                raise SettingsError(f"the file of answers: {error.strerror}") from None

    def close(self) -> None:
        os.close(self._file)


def _read(whole: bytes) -> Iterator[tuple[str, Answer]]:
    for line in whole.splitlines():
        try:
            found = _LINES.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # half a line, or another version's: it is only asked again
        yield found.key, found.answer


class RememberedAnswers:
    """Satisfies `ports.Classifier`: asks ``inner`` what ``file`` does not know, for at most ``max_usd``.

    ``manner`` is how each tier is asked beyond the prompt (effort, length of the answer, …): another manner
    is another question.  A call under way counts at the most it can cost.  When the next one could exceed
    the limit, ``on_spent`` is called and the question is put off with RateLimited, which says nothing about
    the model's health.
    """

    def __init__(
        self,
        inner: Classifier,
        file: AnswersFile | None,
        manner: Mapping[Tier, str],
        max_usd: Decimal | None = None,
        on_spent: Callable[[], None] = lambda: None,
    ) -> None:
        self._inner = inner
        self._file = file
        self._manner = manner
        self._max = max_usd
        self._on_spent = on_spent
        self._change = threading.Condition()
        self._under_way = Decimal(0)
        self._spent = Decimal(0)
        self._remembered = 0
        self._unpriced = 0
        self._out_of_money = False

    @property
    def prompt_version(self) -> str:
        return self._inner.prompt_version

    @property
    def spent_usd(self) -> Decimal:
        """What was paid in this run."""
        with self._change:
            return self._spent

    @property
    def remembered(self) -> int:
        """How many answers had been paid for earlier."""
        with self._change:
            return self._remembered

    @property
    def unpriced(self) -> int:
        """How many answers came from a model without a price; each counts as the most it can cost."""
        with self._change:
            return self._unpriced

    @property
    def out_of_money(self) -> bool:
        """Whether a question was put off for its cost."""
        with self._change:
            return self._out_of_money

    def model(self, tier: Tier) -> str:
        return self._inner.model(tier)

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        return self._inner.reserve_usd(tier, ticket)

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        """As `Classifier.ask`; also RateLimited when the money is spent."""
        key = self._key(tier, ticket)
        if self._file is not None and (known := self._file.get(key)) is not None:
            with self._change:
                self._remembered += 1
            return known
        most = self._inner.reserve_usd(tier, ticket)
        self._take(most)
        try:
            answer = self._inner.ask(tier, ticket)
        except ConnectorError:
            self._settle(most, Decimal(0), priced=True)
            raise
        cost = answer.usage.cost_usd
        self._settle(most, most if cost is None else cost, priced=cost is not None)
        if self._file is not None:
            self._file.keep(key, answer)
        return answer

    def _key(self, tier: Tier, ticket: Mapping[str, Any]) -> str:
        inner = self._inner
        asked = [inner.prompt_version, inner.model(tier), self._manner.get(tier), ticket]
        said = json.dumps(asked, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()

    def _take(self, most: Decimal) -> None:
        """Set ``most`` aside, after the calls under way if need be: they cost less than was feared."""
        if self._max is None:
            return
        with self._change:
            while self._spent + self._under_way + most > self._max:
                if not self._under_way:
                    self._out_of_money = True
                    self._on_spent()
                    raise RateLimited(
                        f"another call could exceed ${self._max}", retry_after_seconds=_LATER_SECONDS
                    )
                self._change.wait()
            self._under_way += most

    def _settle(self, most: Decimal, cost: Decimal, *, priced: bool) -> None:
        with self._change:
            if self._max is not None:
                self._under_way -= most
            self._spent += cost
            self._unpriced += not priced
            self._change.notify_all()
