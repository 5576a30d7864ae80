"""Pylon's webhooks: how they are signed, and which issue they are about."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from connector.web.hook import Accepted, Refused, Unfit
from connector.web.json_body import object_in

_SIGNATURE = "x-pylon-signature"
_CREATED = "issue_new"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def verify(
    headers: Mapping[str, str],
    raw_body: bytes,
    now: datetime,  # noqa: ARG001 - Pylon signs no time; what was accepted is remembered instead
    *,
    secret: str,
) -> Accepted | Refused:
    """Whether Pylon signed this: hex(HMAC-SHA256(secret, body)).

    (Pylon, How do I verify the webhook signatures.)  There is no timestamp: the same
    body has the same ``mark`` for ever.
    """
    signature = headers.get(_SIGNATURE)
    if not signature:
        return Refused("the signature is missing")
    digest = hmac.digest(secret.encode(), raw_body, "sha256")
    if not hmac.compare_digest(digest.hex().encode(), signature.lower().encode("utf-8", "replace")):
        return Refused("the signature is wrong")
    return Accepted(digest)


def ticket_in(raw_body: bytes) -> str | Unfit:
    """The id in ``issue_id`` of the body, which an admin wrote (Pylon, Webhooks).

    With an ``event_type`` in it only that of a new issue counts.
    """
    body = object_in(raw_body)
    if body.get("event_type", _CREATED) != _CREATED:
        return Unfit.IRRELEVANT
    told = body.get("issue_id")
    if isinstance(told, str) and _ID.fullmatch(told.lower()):
        return told.lower()
    return Unfit.NO_TICKET
