"""Zendesk's webhooks for new tickets: the event "ticket created", or what a trigger's author wrote."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from connector.sandbox.postman import Letter
from connector.sandbox.zendesk_api.records import Ticket
from connector.sandbox.zendesk_api.rendering import encode, moment

_ACCOUNT = 12_345
_SPACE = uuid.UUID("6f6f1f5e-2f0c-4a55-9c1e-0a4d6c2f3b11")  # the same ids in every run


@dataclass(frozen=True, slots=True)
class NewTicketWebhook:
    """A webhook that is invoked for each new ticket.  ``now`` is the account's clock.

    "event": subscribed to ticket events (vendor page "Ticket events"); "trigger": connected to a trigger
    whose body is ``{"ticket_id": "{{ticket.id}}"}``.
    """

    url: str
    secret: str
    now: Callable[[], float]
    kind: Literal["event", "trigger"] = "event"

    def body(self, ticket: Ticket) -> bytes:
        if self.kind == "trigger":
            return encode({"ticket_id": str(ticket.id)})
        return encode(_created(ticket))

    def letter(self, body: bytes) -> Letter:
        """base64(HMACSHA256(TIMESTAMP + BODY)) (vendor page "Verifying webhook authenticity")."""
        timestamp = moment(self.now())
        signed = hmac.new(self.secret.encode(), timestamp.encode() + body, hashlib.sha256)
        return Letter(
            {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Zendesk Webhook",
                "X-Zendesk-Account-Id": str(_ACCOUNT),
                "X-Zendesk-Webhook-Id": "01SANDBOXWEBHOOK",
                "X-Zendesk-Webhook-Invocation-Id": uuid.uuid5(_SPACE, body.decode()).hex.upper(),
                "X-Zendesk-Webhook-Signature": base64.b64encode(signed.digest()).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            },
            body,
        )


def _created(ticket: Ticket) -> dict[str, Any]:
    """Ids are text here, and values of lists are in capitals, both unlike in the API."""
    return {
        "type": "zen:event-type:ticket.created",
        "account_id": _ACCOUNT,
        "id": str(uuid.uuid5(_SPACE, str(ticket.id))),
        "time": moment(ticket.created_at),
        "zendesk_event_version": "2022-11-06",
        "subject": f"zen:ticket:{ticket.id}",
        "detail": {
            "actor_id": str(ticket.submitter_id),
            "assignee_id": _text(ticket.assignee_id),
            "created_at": moment(ticket.created_at),
            "description": ticket.description,
            "external_id": ticket.external_id,
            "group_id": _text(ticket.group_id),
            "id": str(ticket.id),
            "is_public": ticket.is_public,
            "organization_id": _text(ticket.organization_id),
            "priority": ticket.priority and ticket.priority.upper(),
            "requester_id": str(ticket.requester_id),
            "status": ticket.status.upper(),
            "subject": ticket.subject,
            "submitter_id": str(ticket.submitter_id),
            "tags": list(ticket.tags),
            "type": ticket.type and ticket.type.upper(),
            "updated_at": moment(ticket.updated_at),
            "via": {"channel": str(ticket.channel)},
        },
        "event": {"meta": {"sequence": {"id": f"S{ticket.id}", "position": 1, "total": 1}}},
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
