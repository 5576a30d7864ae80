"""Whatever arrives, the hooks answer: they never raise, and an id is never anything but an id."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.web import pylon_hook, zendesk_hook
from connector.web.hook import Refused, Unfit

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "ticket_id": ANYTHING,
        "issue_id": ANYTHING,
        "type": ANYTHING | st.just("zen:event-type:ticket.created"),
        "event_type": ANYTHING,
        "detail": ANYTHING | st.fixed_dictionaries({"id": ANYTHING}),
    },
).map(lambda body: json.dumps(body).encode("utf-8", "surrogatepass"))


@settings(max_examples=150)
@given(st.binary(max_size=300) | BODIES)
def test_a_body_names_an_id_or_none(body: bytes) -> None:
    ticket, issue = zendesk_hook.ticket_in(body), pylon_hook.ticket_in(body)

    assert isinstance(ticket, Unfit) or (ticket.isascii() and ticket.isdigit() and len(ticket) <= 19)
    assert isinstance(issue, Unfit) or (set(issue) <= set("0123456789abcdef-") and len(issue) == 36)


@settings(max_examples=150)
@given(st.text(), st.text(), st.binary(max_size=300))
def test_no_header_that_nobody_signed_is_accepted(signature: str, timestamp: str, body: bytes) -> None:
    headers: dict[str, Any] = {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": timestamp,
        "x-pylon-signature": signature,
    }

    for secret in ("a-signing-secret", "schlüssel-🙃"):
        zendesk = zendesk_hook.verify(headers, body, NOW, secret=secret, window_seconds=300)
        pylon = pylon_hook.verify(headers, body, NOW, secret=secret)
        assert isinstance(zendesk, Refused)
        assert isinstance(pylon, Refused)
