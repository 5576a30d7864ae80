"""The Messages endpoint: checks a request, prices its prompt, takes its time, and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connector.sandbox.claude_api.calls import Call, CallLog, usage_of
from connector.sandbox.claude_api.forms import Form, read_form
from connector.sandbox.claude_api.message import Json, build_message
from connector.sandbox.claude_api.message_request import MessageRequest, read_request
from connector.sandbox.claude_api.models import Model
from connector.sandbox.claude_api.prompt_cache import Metered, PromptCache, measure_prompt
from connector.sandbox.claude_api.rate_limits import RateLimiter
from connector.sandbox.claude_api.rejection import Rejected, invalid
from connector.sandbox.claude_api.script import Script, Scripted
from connector.sandbox.claude_api.writer import Writer

LATEST_VERSION = "2026-10-21"


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished call: the message, how it was scripted, and what was asked."""

    message: Json
    scripted: Scripted
    request: MessageRequest


class Messages:
    """Answers calls from any number of threads.

    ``now`` is epoch seconds, ``wait`` waits so many seconds, ``latency`` tells how long a model takes.
    """

    def __init__(
        self,
        *,
        models: Sequence[Model],
        writer: Writer,
        limiter: RateLimiter,
        log: CallLog,
        script: Script,
        now: Callable[[], float],
        wait: Callable[[float], None],
        latency: Callable[[str], float],
        new_id: Callable[[str], str],
    ) -> None:
        self._models = models
        self._writer = writer
        self._limiter = limiter
        self._log = log
        self._script = script
        self._now = now
        self._wait = wait
        self._latency = latency
        self._new_id = new_id
        self._cache = PromptCache()
        self._forms = lru_cache(maxsize=64)(_read_form)

    def create(self, body: Mapping[str, Any], version: str, request_id: str) -> Reply:
        """Answer one call; raises Rejected.  Either way the call is on record afterwards."""
        at = self._now()
        request: MessageRequest | None = None
        try:
            request = self._read(body, version)
            self._limiter.admit(request.model.id, at)
            with self._log.running():
                return self._answer(request, at, request_id)
        except Rejected as rejected:
            self._log.add(_refused(body, request, at, rejected, request_id))
            raise

    def create_in_batch(self, params: Mapping[str, Any]) -> Json:
        """Answer one request of a batch: no rate limit, no waiting, and of the script only its author."""
        at = self._now()
        request = self._read(params, LATEST_VERSION)
        metered = self._meter(request, at)
        self._cache.open(metered)
        scripted = self._script.by_author(request)
        if scripted.error is not None:
            raise scripted.error
        answer = self._writer.write(request, scripted)
        message = build_message(self._new_id("msg_"), request.model.id, metered, answer, tier="batch")
        self._log.add(_answered(request, at, message, metered, self._new_id("req_"), batch=True))
        return message

    def count(self, body: Mapping[str, Any], version: str) -> int:
        """The tokens of a prompt, free of charge."""
        request = self._read(body, version, counting=True)
        return measure_prompt(request)[-1].tokens

    def _read(self, body: Mapping[str, Any], version: str, *, counting: bool = False) -> MessageRequest:
        try:
            return read_request(body, self._models, version, self._forms, counting=counting)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise invalid("Input should be a valid request: a field has the wrong type") from error

    def _answer(self, request: MessageRequest, at: float, request_id: str) -> Reply:
        scripted = self._script.next(request)
        metered = self._meter(request, at)
        answer = self._writer.write(request, scripted)
        usual = self._latency(request.model.id)
        self._wait(usual if scripted.latency_seconds is None else scripted.latency_seconds)
        if scripted.error is not None:
            raise scripted.error
        self._cache.open(metered)
        self._limiter.charge(
            request.model.id, self._now(), metered.total - metered.read, answer.output_tokens
        )
        message = build_message(self._new_id("msg_"), request.model.id, metered, answer)
        self._log.add(_answered(request, at, message, metered, request_id, batch=False))
        return Reply(message, scripted, request)

    def _meter(self, request: MessageRequest, at: float) -> Metered:
        metered = self._cache.meter(request, at)
        if metered.total > request.model.max_input_tokens:
            limit = f"{metered.total} tokens > {request.model.max_input_tokens} maximum"
            raise invalid(f"prompt is too long: {limit}")
        return metered


def _read_form(source: str, strict: bool) -> Form:
    return read_form(json.loads(source), "output_config.format.schema", strict=strict)


def _answered(
    request: MessageRequest, at: float, message: Json, metered: Metered, request_id: str, *, batch: bool
) -> Call:
    return Call(
        request_id=request_id,
        at=at,
        status=200,
        model=request.model.id,
        ticket_id=request.ticket_id,
        subject_hash=request.subject_hash,
        stop_reason=message["stop_reason"],
        usage=usage_of(metered, message["usage"]["output_tokens"]),
        batch=batch,
    )


def _refused(
    body: Mapping[str, Any], request: MessageRequest | None, at: float, rejected: Rejected, request_id: str
) -> Call:
    return Call(
        request_id=request_id,
        at=at,
        status=rejected.status,
        model=str(body.get("model")) if request is None else request.model.id,
        ticket_id=None if request is None else request.ticket_id,
        subject_hash=None if request is None else request.subject_hash,
    )
