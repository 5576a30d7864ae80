"""The line to Claude: one connection pool for all threads, with an end to every call.

Imported late: the vendor's package costs a second and 66 MB.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2

from connector.errors import SettingsError
from connector.llm.allowance import MOST_ANSWER_BYTES, Allowances, BoundedBackend, BoundedTransport

_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 60.0  # how long an unused connection is kept for the next call
_LOGGERS = ("anthropic", "httpx2", "httpcore2")


@dataclass(frozen=True, slots=True)
class Line:
    """How to reach Claude.  ``base_url`` None is the vendor's own; nothing is read from the environment."""

    base_url: str | None = None
    call_seconds: float = 60.0
    connections: int = 64
    proxy: str | None = None
    ca_bundle: str | None = None
    most_bytes: int = MOST_ANSWER_BYTES  # of one answer


def client_options(
    line: Line, default_url: str, transport: httpx2.BaseTransport | None = None
) -> dict[str, Any]:
    """What every client of the vendor's package gets: no retries, no redirects, no logs, an end to each call.

    ``default_url`` is the address where the line names none; ``transport`` replaces the network, for tests.
    Raises SettingsError.
    """
    quieten(_LOGGERS)
    url = check_url(line.base_url or default_url)
    allowances = Allowances()
    inner = transport if transport is not None else _network(line, allowances)
    return {
        "base_url": url,
        "max_retries": 0,
        "timeout": httpx2.Timeout(line.call_seconds, connect=min(_CONNECT_SECONDS, line.call_seconds)),
        "default_headers": {"Accept-Encoding": "identity"},  # answers are small, and a small one stays small
        "open_telemetry": {"propagation": False},
        "http_client": anthropic.DefaultHttpxClient(
            transport=BoundedTransport(inner, allowances, line.call_seconds, line.most_bytes),
            trust_env=False,
            follow_redirects=False,
        ),
    }


def check_url(url: str) -> str:
    """``url`` when the key may be sent there: https, or http to this very machine; else SettingsError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise SettingsError("Claude's base URL is not a URL") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise SettingsError("Claude's base URL must have no user, password, query or fragment")
    if host and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        return url
    raise SettingsError("Claude's base URL must begin with https:// (http:// only for this machine)")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _network(line: Line, allowances: Allowances) -> httpx2.HTTPTransport:
    try:
        verify = ssl.create_default_context(cafile=line.ca_bundle) if line.ca_bundle else True
        transport = httpx2.HTTPTransport(
            verify=verify,
            trust_env=False,
            proxy=line.proxy,
            limits=httpx2.Limits(
                max_connections=line.connections,
                max_keepalive_connections=line.connections,
                keepalive_expiry=_IDLE_SECONDS,
            ),
        )
    except (OSError, ValueError, httpx2.InvalidURL) as error:
        name = type(error).__name__
        raise SettingsError(f"the proxy or the CA bundle for Claude cannot be used ({name})") from None
    # httpx2 has no argument for the backend that httpcore2 offers.
    pool: Any = transport._pool
    pool._network_backend = BoundedBackend(pool._network_backend, allowances)
    return transport


def quieten(loggers: Iterable[str]) -> None:
    """Cap a vendor's loggers: ANTHROPIC_LOG=debug would log whole requests, ticket text included."""
    for name in loggers:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
