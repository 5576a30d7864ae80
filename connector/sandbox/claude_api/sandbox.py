"""A local Claude API that real clients talk to over HTTP; its answers come from counting words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from threading import Event
from typing import Any, Self

from connector.sandbox.claude_api.amazon_door import AmazonDoor
from connector.sandbox.claude_api.batches import Batches, Fate, Received, page_of
from connector.sandbox.claude_api.calls import Call, CallLog, Totals
from connector.sandbox.claude_api.doors import MAX_BATCH_BYTES, Door, is_key, read_body, render_reply
from connector.sandbox.claude_api.google_door import GoogleDoor
from connector.sandbox.claude_api.message import Json
from connector.sandbox.claude_api.messages import LATEST_VERSION, Messages
from connector.sandbox.claude_api.models import CATALOGUE, Model, describe_model, find_model
from connector.sandbox.claude_api.rate_limits import RateLimiter, RateLimits
from connector.sandbox.claude_api.rejection import Rejected, invalid
from connector.sandbox.claude_api.script import Author, Script, Scripted
from connector.sandbox.claude_api.writer import Writer
from connector.sandbox.faults import FaultPlan
from connector.sandbox.server import Request, Response, json_response, serve

_VERSIONS = frozenset({"2023-01-01", "2023-06-01", LATEST_VERSION})
_ORGANIZATION = "5a9db0c5-0000-4000-8000-5a9db0c50000"
_DOORS: tuple[Door, ...] = (AmazonDoor(), GoogleDoor())
_BATCH_PATH = re.compile(r"/v1/messages/batches/([^/]+)(/cancel|/results)?")


class ClaudeSandbox:
    """``with ClaudeSandbox() as claude:`` gives an Anthropic client's ``base_url`` as ``claude.url``.

    It is a Bedrock client's too, and with ``/v1`` at its end a Vertex client's; ``api_key`` is the id of the
    AWS access key and Google's access token as well.
    ``latency_seconds`` is one number or one per model; ``rate_limits`` None announces limits without
    enforcing them; ``author`` scripts answers (see Scripted); batches end ``batch_seconds`` after creation,
    their requests as ``batch_fate`` wants; ``watch`` is given the body of every request for a message as it
    came.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        latency_seconds: float | Mapping[str, float] = 0.0,
        seed: str = "sandbox",
        api_key: str = "sandbox-key",
        rate_limits: RateLimits | None = None,
        models: Sequence[Model] = CATALOGUE,
        faults: FaultPlan | None = None,
        author: Author | None = None,
        watch: Callable[[Mapping[str, Any]], object] | None = None,
        batch_seconds: float = 0.0,
        batch_fate: Fate | None = None,
        port: int = 0,
    ) -> None:
        self.faults = faults or FaultPlan()
        self._now = now
        self._latency_seconds = latency_seconds
        self._seed = seed
        self._api_key = api_key
        self._watch = watch
        self._models = tuple(models)
        self._numbers = count(1)
        self._stopping = Event()
        self._log = CallLog()
        self._script = Script(author)
        self._limiter = RateLimiter(rate_limits or RateLimits(), enforced=rate_limits is not None)
        self._messages = Messages(
            models=self._models,
            writer=Writer(seed),
            limiter=self._limiter,
            log=self._log,
            script=self._script,
            now=now,
            wait=self._wait,
            latency=self._latency,
            new_id=self._new_id,
        )
        self._batches = Batches(self._messages.create_in_batch, now, batch_seconds, self._new_id, batch_fate)
        self.server = serve(self.faults.wrap(self._serve), port, now)

    # --- for its owner -------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``"""
        return self.server.url

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every request for a message, refused ones included, in order of completion."""
        return self._log.calls

    @property
    def batched(self) -> tuple[Received, ...]:
        """Every request that was handed in as part of a batch."""
        return self._batches.received

    @property
    def high_water(self) -> int:
        """The most calls that ever ran at the same time."""
        return self._log.high_water

    def totals(self) -> Mapping[str, Totals]:
        """Answered calls and tokens per model."""
        return self._log.totals()

    def script(self, *answers: Scripted | None) -> None:
        """The next calls are answered like this, one each; None leaves a call alone."""
        self._script.add(answers)

    def start(self) -> Self:
        self.server.start()
        return self

    def stop(self) -> None:
        """Wake the calls that wait and close the port."""
        self._stopping.set()
        self.server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # --- for its clients -----------------------------------------------------------------------------------

    def _serve(self, request: Request) -> Response:
        request_id = self._new_id("req_")
        for door in _DOORS:
            if door.opens(request):
                return self._serve_at(door, request, request_id)
        headers = {"request-id": request_id, "anthropic-organization-id": _ORGANIZATION}
        try:
            self._authenticate(request)
            response = self._route(request, request_id)
        except Rejected as rejected:
            response = json_response(rejected.body(request_id), rejected.status, rejected.headers)
        return Response(
            response.status, headers | dict(response.headers), response.body, response.chunks, response.wire
        )

    def _serve_at(self, door: Door, request: Request, request_id: str) -> Response:
        try:
            knock = door.read(request, self._api_key)
            return door.render(self._messages.create(knock.body, knock.version, request_id), request_id)
        except Rejected as rejected:
            return door.refuse(rejected, request_id)

    def _authenticate(self, request: Request) -> None:
        """``x-api-key`` wins over ``Authorization: Bearer``, which newer clients send."""
        key = request.headers.get("x-api-key")
        if key is None:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise Rejected(401, "x-api-key header is required")
        if not is_key(key, self._api_key):
            raise Rejected(401, "invalid x-api-key")
        version = request.headers.get("anthropic-version")
        if version is None:
            raise invalid("anthropic-version: header is required")
        if version not in _VERSIONS:
            raise invalid(f'anthropic-version: "{version}" is not a valid version')

    def _route(self, request: Request, request_id: str) -> Response:
        match request.method, request.path:
            case "POST", "/v1/messages":
                return self._create_message(request, request_id)
            case "POST", "/v1/messages/count_tokens":
                tokens = self._messages.count(read_body(request), request.headers["anthropic-version"])
                return json_response({"input_tokens": tokens})
            case "GET", "/v1/models":
                return json_response(self._list_models(request))
            case "GET", path if path.startswith("/v1/models/"):
                return json_response(self._retrieve_model(path.removeprefix("/v1/models/")))
            case "POST", "/v1/messages/batches":
                return json_response(self._batches.create(read_body(request, MAX_BATCH_BYTES), self.url))
            case "GET", "/v1/messages/batches":
                return json_response(self._batches.page(request.query, self.url))
        if found := _BATCH_PATH.fullmatch(request.path):
            return self._route_batch(request.method, found.group(1), found.group(2) or "")
        raise Rejected(404, "Not found")

    def _route_batch(self, method: str, batch_id: str, action: str) -> Response:
        match method, action:
            case "GET", "":
                return json_response(self._batches.retrieve(batch_id, self.url))
            case "DELETE", "":
                return json_response(self._batches.delete(batch_id))
            case "POST", "/cancel":
                return json_response(self._batches.cancel(batch_id, self.url))
            case "GET", "/results":
                headers = {"Content-Type": "application/x-jsonl"}
                return Response(200, headers, self._batches.results(batch_id))
        raise Rejected(404, "Not found")

    def _create_message(self, request: Request, request_id: str) -> Response:
        version = request.headers["anthropic-version"]
        body = read_body(request)
        if self._watch is not None:
            self._watch(body)
        reply = self._messages.create(body, version, request_id)
        headers = dict(self._limiter.headers(reply.request.model.id, self._now()))
        return render_reply(reply, headers)

    def _list_models(self, request: Request) -> Json:
        wanted = request.query.get("lifecycle[]", request.query.get("lifecycle"))
        shown = [model for model in self._models if wanted in {None, model.lifecycle}]
        return page_of([describe_model(model) for model in shown], request.query)

    def _retrieve_model(self, name: str) -> Json:
        model = find_model(self._models, name)
        if model is None:
            raise Rejected(404, f"model: {name}")
        return describe_model(model)

    def _latency(self, model: str) -> float:
        given = self._latency_seconds
        return given if isinstance(given, int | float) else given.get(model, 0.0)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _new_id(self, prefix: str) -> str:
        number = next(self._numbers)
        return prefix + blake2b(f"{self._seed}\0{number}".encode(), digest_size=12).hexdigest()
