"""Zendesk's webhooks: how they are signed, and which ticket they are about."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from connector.web.hook import Accepted, Refused, Unfit
from connector.web.json_body import object_in

_SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
_CREATED = "zen:event-type:ticket.created"
_ID = re.compile(r"[1-9][0-9]{0,18}")  # 64 bits


def verify(
    headers: Mapping[str, str], raw_body: bytes, now: datetime, *, secret: str, window_seconds: float
) -> Accepted | Refused:
    """Whether Zendesk signed this, at most ``window_seconds`` before or after ``now``.

    base64(HMAC-SHA256(secret, timestamp + body)) (Zendesk, Verifying webhook authenticity).
    """
    signature, timestamp = headers.get(_SIGNATURE), headers.get(_TIMESTAMP)
    if not signature or not timestamp:
        return Refused("the signature is missing")
    digest = hmac.digest(secret.encode(), _raw(timestamp) + raw_body, "sha256")
    if not hmac.compare_digest(base64.b64encode(digest), _raw(signature)):
        return Refused("the signature is wrong")
    signed_at = _time(timestamp)
    if signed_at is None:
        return Refused("the timestamp is not a time")
    if abs((now - signed_at).total_seconds()) > window_seconds:
        return Refused("the timestamp is too old, or in the future")
    return Accepted(digest)


def ticket_in(raw_body: bytes) -> str | Unfit:
    """The id in ``detail.id`` of the event "ticket created", or in ``ticket_id`` of a trigger's body.

    (Zendesk, Webhook event types: Ticket events; the body of a trigger is what an admin wrote.)
    """
    body = object_in(raw_body)
    told = body.get("ticket_id")
    if told is None and "type" in body:
        if body["type"] != _CREATED:
            return Unfit.IRRELEVANT
        detail = body.get("detail")
        told = detail.get("id") if isinstance(detail, dict) else None
    if isinstance(told, int) and not isinstance(told, bool):
        told = str(told)
    return told if isinstance(told, str) and _ID.fullmatch(told) else Unfit.NO_TICKET


def _raw(header: str) -> bytes:
    """The bytes that a header had on the wire; a web server reads each as one character."""
    return header.encode("latin-1", "replace")


def _time(told: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(told)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
