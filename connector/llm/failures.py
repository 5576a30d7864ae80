"""What went wrong at Claude, as one of our errors: the type says what to do next.

Imported late, with the vendor's package.  No message repeats what the vendor said: it may quote the ticket.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Mapping

import anthropic

from connector.errors import (
    AuthRefused,
    ConnectorError,
    RateLimited,
    RequestRejected,
    SettingsError,
    Unavailable,
)
from connector.llm.provider import Wording

# 429s that no waiting mends before the month ends (types/shared of the vendor's package).  The fourth of the
# family, ramp_limit_exceeded, comes with a retry-after and is an ordinary rate limit.
_SPENT = frozenset(
    {
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)
_OWN_LIMIT = "you have reached your specified api usage limits"

# A 400 about one of these is about our settings, the same for every ticket; the vendor's messages begin with
# the parameter's path ("thinking.type: ...").  One that is worded otherwise rejects its ticket only.
_OUR_PARAMETER = re.compile(r"(model|max_tokens|system|thinking|output_config|tool_choice)\b")

# 400s of the other homes that are about the account or the settings, whatever the ticket.
_OUR_ACCOUNT = (
    ("the provided model identifier is invalid", "knows no such model in this region"),
    ("invocation of model id", "wants an inference profile's id, such as global.anthropic.claude-haiku-5-5"),
    (
        "organization policy constraint",
        'refuses this by your organization\'s policy; llm.output = "tool" needs no permission',
    ),
)

_COME_BACK = frozenset({408, 409, 424, 425, 499})  # 424: a model of Bedrock that failed while it answered
_SLOW_DOWN = ("Throttling", "ServiceQuotaExceeded", "TooManyRequests")  # Bedrock: some of these are 400s
_TOO_COMPLEX = re.compile(r"compiled grammar is too large|schema is too complex|too many \w+ parameters")

_RETRY_LEAST_SECONDS, _RETRY_MOST_SECONDS = 1.0, 3600.0
_MID_STREAM = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "rate_limit_error": 429,
    "request_too_large": 413,
    "invalid_request_error": 400,
}


def explain_failure(error: Exception, model: str, wording: Wording) -> ConnectorError:
    """The error of ours that ``error``, raised by the vendor's package, means.  Never fails itself."""
    if isinstance(error, ConnectorError):
        return error
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error, model, wording)
    if isinstance(error, anthropic.APITimeoutError):
        return Unavailable(f"{wording.service} did not answer in time")
    if isinstance(error, anthropic.APIConnectionError):
        cause = type(error.__cause__).__name__ if error.__cause__ else "unknown"
        return Unavailable(f"the connection to {wording.service} failed ({cause})")
    name = type(error).__name__
    if isinstance(error, (TypeError, ValueError)) and not isinstance(error, json.JSONDecodeError):
        # Refused before anything was sent, and it would be again.
        return RequestRejected(f"the request to {wording.service} could not be built ({name})")
    return Unavailable(f"the Claude client failed ({name})")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The server's wish in seconds, clamped to 1..3600; None without a readable one."""
    wish = _seconds(headers.get("retry-after-ms"), 0.001)
    if wish is None:
        wish = _seconds(headers.get("retry-after"), 1.0)
    if wish is None:
        wish = _until(headers.get("retry-after"), headers.get("date"))
    return None if wish is None else min(_RETRY_MOST_SECONDS, max(_RETRY_LEAST_SECONDS, wish))


def request_id_in(headers: Mapping[str, str]) -> str | None:
    """The id by which the provider's support finds a call."""
    return headers.get("request-id") or headers.get("x-amzn-requestid")


def _of_status(error: anthropic.APIStatusError, model: str, wording: Wording) -> ConnectorError:
    status = error.status_code
    if status < 300:  # an error event in the middle of a stream
        status = _MID_STREAM.get(str(error.type), 500)
    where = _where(error, status)
    if status in {401, 402, 403}:
        return AuthRefused(f"{wording.refused[status]} {where}")
    if status == 429 or _code(error).startswith(_SLOW_DOWN):
        return _of_429(error, wording, where)
    if status >= 500 or status in _COME_BACK:
        wish = retry_after(error.response.headers)
        return Unavailable(f"{wording.service} is not available {where}", retry_after_seconds=wish)
    return _of_request(error, status, model, wording, where)


def _of_429(error: anthropic.APIStatusError, wording: Wording, where: str) -> ConnectorError:
    if error.error_code in _SPENT:
        return AuthRefused(f"the Claude account's spend limit is reached; raise it in the Console {where}")
    wish = retry_after(error.response.headers)
    return RateLimited(f"{wording.service} asks to slow down {where}", retry_after_seconds=wish)


def _of_request(
    error: anthropic.APIStatusError, status: int, model: str, wording: Wording, where: str
) -> ConnectorError:
    said = _said(error)
    if status < 400:
        return SettingsError(f"Claude's base URL redirects elsewhere; configure its final address {where}")
    if status == 404:
        return SettingsError(f"{wording.service} knows no model {model} {wording.unknown_model} {where}")
    if status == 400 and said.lower().startswith(_OWN_LIMIT):
        return AuthRefused(f"your own Claude usage limit is reached; raise it in the Console {where}")
    if status == 400 and _TOO_COMPLEX.search(said.lower()):
        return SettingsError(
            f"model {model} cannot take so many classes in one answer format; merge or drop some {where}"
        )
    if status == 400 and (ours := _OUR_PARAMETER.match(said)):
        return SettingsError(f'model {model} does not accept the configured "{ours[1]}" {where}')
    for beginning, meaning in _OUR_ACCOUNT:
        if status == 400 and said.lower().startswith(beginning):
            return SettingsError(f"model {model}: {wording.service} {meaning} {where}")
    return RequestRejected(f"{wording.service} rejects this request {where}")


def _said(error: anthropic.APIStatusError) -> str:
    """The message of an error, to compare and never to repeat."""
    said = _stated(error).get("message")
    return said if isinstance(said, str) else ""


def _code(error: anthropic.APIStatusError) -> str:
    """The provider's code word: the vendor's, else Amazon's header (``X:http://…``), else Google's status."""
    amazons = error.response.headers.get("x-amzn-errortype", "").partition(":")[0]
    return _word(error.error_code or error.type or amazons or _stated(error).get("status"))


def _stated(error: anthropic.APIStatusError) -> Mapping[str, object]:
    """The object with the message: Amazon's is the whole body, Google's may be wrapped into a list."""
    body = error.body
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body


def _where(error: anthropic.APIStatusError, status: int) -> str:
    """Status, code word and request id: what the provider's support asks for."""
    parts = [str(status), _code(error), _word(request_id_in(error.response.headers))]
    return f"({', '.join(part for part in parts if part)})"


def _word(value: object) -> str:
    """``value`` if it looks like an identifier: a proxy could put anything there."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value) else ""


def _seconds(value: str | None, unit: float) -> float | None:
    try:
        seconds = float(value or "") * unit
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(value: str | None, date: str | None) -> float | None:
    """Seconds until an HTTP date, by the clock of the answer's own ``Date``; by ours where it has none."""
    until, named_at = _epoch(value), _epoch(date)
    return None if until is None else until - (time.time() if named_at is None else named_at)


def _epoch(date: str | None) -> float | None:
    parts = email.utils.parsedate_tz(date) if date else None
    try:
        return email.utils.mktime_tz(parts) if parts else None
    except (ValueError, OverflowError):
        return None
