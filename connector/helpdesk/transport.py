"""The HTTP client of a helpdesk: one host, bounded in time and size, and honest about lost answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from random import Random
from typing import Any, Protocol
from weakref import WeakSet

import requests
import urllib3
from requests.adapters import HTTPAdapter

from connector import __version__
from connector.breaker import Breaker
from connector.errors import AuthRefused, ConnectorError, RateLimited, SettingsError, Unavailable
from connector.helpdesk.address import Origin
from connector.helpdesk.body import is_json, read_body
from connector.helpdesk.budget import RateBudget
from connector.helpdesk.failure import AnswerLost, judge_exception, judge_status
from connector.helpdesk.patience import Patience
from connector.ports import Clock

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the caller must look at: 2xx with JSON, or a 4xx that says something about the request.

    ``headers`` ignore case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


class Auth(Protocol):
    """Who we are, as the value of the Authorization header."""

    def header(self) -> str: ...

    def renew(self, refused: str) -> bool:
        """Whether a request refused with ``refused`` is worth one more try with the then current header."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much time and memory one exchange may take."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    total_seconds: float = 60.0
    body_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    params: Params
    content: bytes | None
    is_reserved: bool = False

    @property
    def what(self) -> str:
        """How errors name the request: without its query."""
        return f"{self.method} {self.path}"


class Transport:
    """Sends requests to ``origin`` and nowhere else: no redirects, no cookies, nothing of the environment.

    Thread-safe: each thread has its own session.  ``read_only`` refuses every `send`.  While ``breaker``
    is open nothing is sent, and the caller gets Unavailable at once.  ``refusal`` says, from the body of an
    answer that refuses us, what a person can do about it.  A reading that a rate limit refuses waits up to
    ``longest_limit_seconds`` for it to open.
    """

    def __init__(
        self,
        origin: Origin,
        clock: Clock,
        *,
        auth: Auth | None = None,
        budget: RateBudget | None = None,
        breaker: Breaker | None = None,
        read_only: bool = False,
        bounds: Bounds | None = None,
        ca_bundle: str | None = None,
        proxy: str | None = None,
        random: Random | None = None,
        refusal: Callable[[str, bytes], AuthRefused] | None = None,
        longest_limit_seconds: float = 0.0,
    ) -> None:
        self._origin = origin
        self._clock = clock
        self._auth = auth
        self._budget = budget
        self._breaker = breaker
        self._read_only = read_only
        self._bounds = bounds or Bounds()
        self._ca_bundle = ca_bundle
        self._proxy = proxy
        self._refusal = refusal
        self._patience = Patience(
            clock,
            random or Random(),  # noqa: S311 - jitter, not secrets
            longest_limit_seconds=longest_limit_seconds,
        )
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: WeakSet[requests.Session] = WeakSet()

    def get(self, path: str, params: Params | None = None, *, forbidden_is_answer: bool = False) -> Reply:
        """Read; repeated within bounds while the helpdesk is unavailable."""
        request = _Request("GET", path, params or {}, None)
        return self._patience.call(lambda: self._authorised(request, forbidden_is_answer))

    def ask(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Read with a POST, where the question is too long for a query string; repeated like `get`."""
        request = _Request("POST", path, {}, json.dumps(body, allow_nan=False).encode())
        return self._patience.call(lambda: self._authorised(request, forbidden_is_answer=False))

    def reserve(self, method: str, path: str) -> None:
        """Wait for the rate budget now, so that a `send` with ``is_reserved`` need not wait later.

        Raises RateLimited, or Unavailable when asked to stop meanwhile.
        """
        if self._budget:
            self._budget.wait(method, path)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        repeatable: bool = False,
        forbidden_is_answer: bool = False,
        is_reserved: bool = False,
    ) -> Reply:
        """Write ``body`` as JSON, once unless it is ``repeatable``; ``is_reserved``: see `reserve`.

        Raises AnswerLost when it may have taken effect; any other error means that it was not executed.
        """
        if self._read_only:
            raise SettingsError(f"a dry run must not send {method} {path}")
        request = _Request(method, path, {}, json.dumps(body, allow_nan=False).encode(), is_reserved)
        if repeatable:
            return self._patience.call(lambda: self._authorised(request, forbidden_is_answer))
        return self._authorised(request, forbidden_is_answer)

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            for session in tuple(self._sessions):
                session.close()

    def _authorised(self, request: _Request, forbidden_is_answer: bool) -> Reply:
        header = self._auth.header() if self._auth else None
        reply = self._exchange(request, header)
        if reply.status == 401 and self._auth and header is not None and self._auth.renew(header):
            reply = self._exchange(request, self._auth.header())
        if error := self._judge(request, reply, forbidden_is_answer):
            raise error
        return reply

    def _judge(self, request: _Request, reply: Reply, forbidden_is_answer: bool) -> ConnectorError | None:
        error = judge_status(
            request.what,
            reply.status,
            reply.headers,
            self._clock.now(),
            forbidden_is_answer=forbidden_is_answer,
        )
        if isinstance(error, AuthRefused) and self._refusal:
            return self._refusal(str(error), reply.body)
        if error is None and reply.is_ok and not is_json(reply.body):
            # A maintenance page, or a connection closed inside the headers: never "there are no tickets".
            return AnswerLost(f"{request.what} answered {reply.status} with something that is not JSON")
        return error

    def _exchange(self, request: _Request, header: str | None) -> Reply:
        """One request and its answer, if it may be sent now; what both say is remembered for the next ones.

        An error raised before the request is sent says nothing about the helpdesk's health.
        """
        if self._breaker:
            self._breaker.admit()
        if self._budget and not request.is_reserved:
            self._budget.wait(request.method, request.path)
        try:
            reply = self._send(request, header)
        except Unavailable as broken:
            if self._breaker:
                self._breaker.failed(broken)
            raise
        error = self._judge(request, reply, forbidden_is_answer=True)
        self._remember_health(reply, error)
        self._remember_limits(request, reply, error)
        return reply

    def _remember_health(self, reply: Reply, error: ConnectorError | None) -> None:
        """Whatever a helpdesk refuses (4xx, 429): it answers, so it is up."""
        if self._breaker is None:
            return
        if isinstance(error, Unavailable) and not 400 <= reply.status < 500:
            self._breaker.failed(error)
        else:
            self._breaker.succeeded()

    def _remember_limits(self, request: _Request, reply: Reply, error: ConnectorError | None) -> None:
        if self._budget is None:
            return
        self._budget.learn(request.method, request.path, reply.headers)
        if isinstance(error, RateLimited):
            self._budget.pause(request.method, request.path, error.retry_after_seconds)

    def _send(self, request: _Request, header: str | None) -> Reply:
        over_at = self._clock.monotonic() + self._bounds.total_seconds
        try:
            with self._open(request, header) as response:
                body = read_body(
                    response,
                    request.what,
                    is_over=lambda: self._clock.monotonic() > over_at,
                    most_bytes=self._bounds.body_bytes,
                )
                return Reply(response.status_code, response.headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            failure = judge_exception(request.what, error)
        # Raised out here so that it is not chained: an error of requests carries the Authorization header.
        raise failure

    def _open(self, request: _Request, header: str | None) -> requests.Response:
        return self._session().request(
            request.method,
            self._origin.url + request.path,
            params=dict(request.params),
            data=request.content,
            headers={"Content-Type": "application/json"} if request.content is not None else None,
            auth=_authorization(header),
            timeout=(self._bounds.connect_seconds, self._bounds.read_seconds),
            allow_redirects=False,
            stream=True,
        )

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            with self._lock:
                self._sessions.add(session)
        return session

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # no netrc, no proxy variables, no CA variables
        session.verify = self._ca_bundle or True
        session.proxies = {self._origin.scheme: self._proxy} if self._proxy else {}
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.headers.update(
            {"Accept": "application/json", "User-Agent": f"helpdesk-connector/{__version__}"}
        )
        # The only adapter: any other scheme, host or port fails before a byte leaves.
        session.adapters.clear()
        session.mount(f"{self._origin.url}/", HTTPAdapter(pool_connections=1, pool_maxsize=4, max_retries=0))
        return session


def _authorization(
    header: str | None,
) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """A callable, because requests lets a netrc entry overrule a plain header."""

    def authorise(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if header is not None:
            prepared.headers["Authorization"] = header
        return prepared

    return authorise
