"""What a failed request means: one table from statuses and exceptions to the connector's errors."""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
import urllib3

from connector.errors import AuthRefused, ConnectorError, RateLimited, SettingsError, Unavailable

_TRANSIENT = frozenset({425})
_TOOK_TOO_LONG = frozenset({408, 504, 524})
_MOST_RETRY_AFTER_SECONDS = 3600.0
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_HOST = re.compile(r"[\w.:\[\]-]{1,255}", re.ASCII)


class AnswerLost(Unavailable):
    """The request may have arrived, but no usable answer came back: a write may have happened."""


class AnswerTooLong(AnswerLost):
    """The answer takes too long or is too large; asking for less may help."""


def judge_status(
    what: str, status: int, headers: Mapping[str, str], now: datetime, *, forbidden_is_answer: bool
) -> ConnectorError | None:
    """The error that ``status`` means, or None when the caller must look at the answer (2xx, other 4xx)."""
    told = f"{what} answered {status}{_request_id(headers)}"
    wait = retry_after_seconds(headers, now)
    if 300 <= status < 400:
        return SettingsError(f"{told}: redirected to {_target(headers)}; redirects are never followed")
    if status == 429:
        return RateLimited(told, retry_after_seconds=wait)
    if status == 401 or (status == 403 and not forbidden_is_answer):
        return AuthRefused(f"{told}: the helpdesk refuses the credentials or their role")
    if status in _TOOK_TOO_LONG:
        return AnswerTooLong(told, retry_after_seconds=wait)
    if status in _TRANSIENT or status >= 500 or status < 200:
        return AnswerLost(told, retry_after_seconds=wait)
    return None


def judge_exception(what: str, error: Exception) -> ConnectorError:
    """The error that a failed exchange means.  Its own message is dropped: it may hold headers."""
    told = f"{what}: {type(error).__name__}"
    if _is_untrusted(error):
        return SettingsError(f"{told}: the certificate of the helpdesk cannot be verified (see ca_bundle)")
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidURL):
        return SettingsError(f"{told}: only the configured helpdesk may be reached")
    if _never_sent(error):
        return Unavailable(f"{told}: the helpdesk cannot be reached")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return AnswerTooLong(f"{told}: no answer in time")
    return AnswerLost(f"{told}: the connection broke")


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """``Retry-After`` (or ``X-Retry-After``) in seconds, 1..3600; None when absent or not understood.

    Both forms of RFC 9110 are read: seconds and a date.  A date is counted from the answer's own ``Date``,
    because the server's clock and ours may differ by minutes; ``now`` is for an answer without one.
    """
    told = (headers.get("retry-after") or headers.get("x-retry-after") or "").strip()
    try:
        seconds = float(told)
    except ValueError:
        until = parse_http_date(told)
        if until is None:
            return None
        seconds = (until - (parse_http_date(headers.get("date")) or now)).total_seconds()
    return None if math.isnan(seconds) else min(max(seconds, 1.0), _MOST_RETRY_AFTER_SECONDS)


def parse_http_date(told: str | None) -> datetime | None:
    """An HTTP date as aware UTC, or None."""
    try:
        at = parsedate_to_datetime(told or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _request_id(headers: Mapping[str, str]) -> str:
    """The id that Zendesk's support asks for, when there is one."""
    told = headers.get("x-request-id", "")
    return f" (x-request-id {told})" if _REQUEST_ID.fullmatch(told) else ""


def _target(headers: Mapping[str, str]) -> str:
    try:
        host = urlsplit(headers.get("location", "")).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    return host if _HOST.fullmatch(host) else "another address"


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether the certificate was refused; any other TLS trouble may pass, or strike after the request."""
    for _ in range(8):  # requests wraps urllib3, which wraps ssl
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            return error is not None
        wrapped = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        error = wrapped if isinstance(wrapped, BaseException) else error.__context__
    return False


def _never_sent(error: Exception) -> bool:
    """Whether the connection itself failed (refused, unknown name, proxy): nothing left this machine."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)  # urllib3's MaxRetryError carries the real one
    return isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError) or (
        isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
    )
