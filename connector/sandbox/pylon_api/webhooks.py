"""Pylon's webhooks for new issues: a trigger with the action "Send webhook" and a body template."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

from connector.sandbox.postman import Letter
from connector.sandbox.pylon_api.records import Issue


@dataclass(frozen=True, slots=True)
class NewIssueWebhook:
    """Invoked for each new issue; the body's template is ``{"issue_id": …, "event_type": …}``."""

    url: str
    secret: str

    def body(self, issue: Issue) -> bytes:
        return json.dumps({"issue_id": issue.id, "event_type": "issue_new"}).encode()

    def letter(self, body: bytes) -> Letter:
        """hex(HMAC-SHA256(secret, body)) (vendor page "How do I verify the webhook signatures")."""
        signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return Letter({"Content-Type": "application/json", "X-Pylon-Signature": signature}, body)
