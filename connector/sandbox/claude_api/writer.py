"""What the emulated model writes: thinking first, then an answer that obeys the asked-for form."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from connector.sandbox.claude_api.forms import explain
from connector.sandbox.claude_api.judgement import Judge, Opinion, Question
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.prompt_cache import tokens_of
from connector.sandbox.claude_api.script import Scripted

_THOUGHT_TOKENS = {"low": 60, "medium": 220, "high": 480, "xhigh": 900, "max": 1_800}
_SILENT = frozenset({"disabled", "between_tools"})
_MOODS = (
    Question(("urgency",), ("high", "normal", "low")),
    Question(("mood",), ("angry", "neutral", "positive")),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of a message, why it ends, and its length in tokens (thinking included)."""

    content: tuple[Mapping[str, Any], ...]
    stop_reason: str
    output_tokens: int
    thinking_tokens: int = 0
    stop_details: Mapping[str, Any] | None = None


class Writer:
    """Writes answers; the same request and seed always give the same one."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._judge = lru_cache(maxsize=64)(self._make_judge)

    def write(self, request: MessageRequest, scripted: Scripted) -> Answer:
        """The emulated answer, changed as scripted, within the budget of ``max_tokens``."""
        if request.max_tokens == 0:
            return Answer((), "max_tokens", 0)
        thoughts = min(self._thought_tokens(request), request.max_tokens)
        answer = self._answer(request, scripted, request.max_tokens - thoughts)
        if thoughts and scripted.content is None:
            answer = replace(answer, content=(_thinking(request, self._seed), *answer.content))
        return replace(
            answer,
            output_tokens=answer.output_tokens + thoughts,
            thinking_tokens=thoughts,
            stop_reason=scripted.stop_reason or answer.stop_reason,
            stop_details=scripted.stop_details,
        )

    def _answer(self, request: MessageRequest, scripted: Scripted, budget: int) -> Answer:
        if scripted.content is not None:
            length = sum(len(json.dumps(block)) for block in scripted.content)
            return Answer(tuple(scripted.content), "end_turn", _cost(request, length) if length else 0)
        filled = self._fill(request)
        if request.tool is not None and scripted.text is None:
            use = {"type": "tool_use", "id": _id("toolu_", request, self._seed), "name": request.tool}
            return _called(request, use, _changed(filled, scripted), budget)
        return _spoken(request, _wording(filled, scripted), budget)

    def _fill(self, request: MessageRequest) -> object:
        if request.form is None:
            return _prose(self._opinions(_MOODS, request))
        return request.form.fill(self._opinions(request.form.questions, request))

    def _opinions(self, questions: tuple[Question, ...], request: MessageRequest) -> Sequence[Opinion]:
        return self._judge(questions, request.briefing).judge(request.text, request.model.skill)

    def _make_judge(self, questions: tuple[Question, ...], briefing: str) -> Judge:
        return Judge(questions, briefing, self._seed)

    def _thought_tokens(self, request: MessageRequest) -> int:
        if request.thinking in _SILENT or (request.tool_is_forced and request.tool is not None):
            return 0
        usual = _THOUGHT_TOKENS[request.effort or "medium"]
        return usual // 2 + usual * _dice(request, self._seed)[0] // 255


def _spoken(request: MessageRequest, text: str, budget: int) -> Answer:
    """A text block, cut where the budget ends; a budget eaten by thinking leaves no block at all."""
    cost = _cost(request, len(text.encode(errors="replace")))
    if budget <= 0:
        return Answer((), "max_tokens", 0)
    if cost > budget:
        kept = int(budget * 4 / request.model.tokens_per_4_bytes)
        cut = text.encode(errors="replace")[:kept].decode(errors="ignore")
        return Answer(({"type": "text", "text": cut},), "max_tokens", budget)
    return Answer(({"type": "text", "text": text},), "end_turn", cost)


def _called(request: MessageRequest, use: Mapping[str, Any], filled: object, budget: int) -> Answer:
    """The call of a tool; where the budget ends before its input does, what has come is empty."""
    cost = _cost(request, len(json.dumps(filled)))
    if cost > budget:
        return Answer(({**use, "input": {}},) if budget > 0 else (), "max_tokens", max(0, budget))
    return Answer(({**use, "input": filled},), "tool_use", cost)


def _wording(filled: object, scripted: Scripted) -> str:
    if scripted.text is not None:
        return scripted.text
    filled = _changed(filled, scripted)
    return filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False)


def _changed(filled: object, scripted: Scripted) -> object:
    """The answer as scripted: without some properties, with others."""
    if not isinstance(filled, dict):
        return filled
    kept = {name: value for name, value in filled.items() if name not in scripted.without}
    return kept | dict(scripted.changes or {})


def _prose(opinions: Sequence[Opinion]) -> str:
    urgency, mood = opinions
    return (
        f"{explain(opinions)} The wording suggests {urgency.value} urgency and a {mood.value} writer. "
        "This text was written by an emulator that counts words; no language model was asked."
    )


def _thinking(request: MessageRequest, seed: str) -> Mapping[str, Any]:
    signature = base64.b64encode(_dice(request, seed)).decode()
    return {"type": "thinking", "thinking": "", "signature": signature}


def _cost(request: MessageRequest, length_bytes: int) -> int:
    return tokens_of(length_bytes, request.model.tokens_per_4_bytes)


def _dice(request: MessageRequest, seed: str) -> bytes:
    return blake2b(f"{seed}\0{request.text}".encode(errors="replace"), digest_size=32).digest()


def _id(prefix: str, request: MessageRequest, seed: str) -> str:
    return prefix + _dice(request, seed).hex()[:24]
