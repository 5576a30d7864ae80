"""Zendesk's signature: only what the account signed, and only for a few minutes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.web.hook import Accepted, Refused, Unfit
from connector.web.zendesk_hook import ticket_in, verify
from tests.web.conftest import SECRET, event, zendesk_headers

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
STAMP = "2026-11-02T09:00:00Z"
BODY = event()


def judged(headers: dict[str, str], body: bytes = BODY, *, secret: str = SECRET) -> Accepted | Refused:
    return verify(headers, body, NOW, secret=secret, window_seconds=300)


def stamped(ahead: timedelta) -> str:
    return (NOW + ahead).isoformat()


@pytest.mark.parametrize(
    ("body", "timestamp"),
    [
        (BODY, STAMP),
        (b"", STAMP),
        ('{"ticket_id": "1", "subject": "Früße 🙃 \u202e"}'.encode(), STAMP),
        (b"\xff\xfe\x00", STAMP),
        (BODY, "2026-11-02T10:00:00+01:00"),
        (BODY, "2026-11-02T09:00:00.123456Z"),
        (BODY, "2026-11-02T09:00:00"),
        (BODY, stamped(timedelta(seconds=-300))),
        (BODY, stamped(timedelta(seconds=300))),
    ],
    ids=[
        "event",
        "empty",
        "unicode",
        "no text",
        "offset",
        "fraction",
        "no zone",
        "just in time",
        "just ahead",
    ],
)
def test_what_the_account_signed_is_accepted(body: bytes, timestamp: str) -> None:
    assert isinstance(judged(zendesk_headers(body, timestamp), body), Accepted)


SIGNED = zendesk_headers(BODY)
SIGNATURE, STAMP_HEADER = SIGNED


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "the signature is missing"),
        ({SIGNATURE: SIGNED[SIGNATURE]}, "the signature is missing"),
        ({STAMP_HEADER: STAMP}, "the signature is missing"),
        (SIGNED | {SIGNATURE: ""}, "the signature is missing"),
        (SIGNED | {SIGNATURE: "x"}, "the signature is wrong"),
        (SIGNED | {SIGNATURE: SIGNED[SIGNATURE] + "\n"}, "the signature is wrong"),
        (SIGNED | {SIGNATURE: SIGNED[SIGNATURE].rstrip("=")}, "the signature is wrong"),
        (SIGNED | {SIGNATURE: SIGNED[SIGNATURE].swapcase()}, "the signature is wrong"),
        (SIGNED | {SIGNATURE: "é🙃" * 20}, "the signature is wrong"),
        (SIGNED | {STAMP_HEADER: "2026-11-02T09:00:01Z"}, "the signature is wrong"),
        (zendesk_headers(BODY + b" "), "the signature is wrong"),
        (zendesk_headers(BODY, secret="another-signing-secret"), "the signature is wrong"),
        (zendesk_headers(BODY, "yesterday"), "the timestamp is not a time"),
        (zendesk_headers(BODY, "1793620800"), "the timestamp is not a time"),
        (zendesk_headers(BODY, "0001-01-01T00:00:00+23:59"), "the timestamp is not a time"),
        (
            zendesk_headers(BODY, stamped(timedelta(seconds=-301))),
            "the timestamp is too old, or in the future",
        ),
        (
            zendesk_headers(BODY, stamped(timedelta(seconds=301))),
            "the timestamp is too old, or in the future",
        ),
        (zendesk_headers(BODY, stamped(timedelta(days=3650))), "the timestamp is too old, or in the future"),
    ],
)
def test_whatever_else_is_refused(headers: dict[str, str], reason: str) -> None:
    assert judged(headers) == Refused(reason)


def test_body_before_timestamp_is_refused() -> None:
    """As a page of Zendesk once had it: such a signature would let the two be moved into each other."""
    backwards = zendesk_headers(STAMP.encode(), BODY.decode())

    assert judged(SIGNED | {SIGNATURE: backwards[SIGNATURE]}) == Refused("the signature is wrong")


def test_a_repetition_has_the_same_mark_and_nothing_else_has_it() -> None:
    first, again = judged(SIGNED), judged(dict(SIGNED))
    later = judged(zendesk_headers(BODY, "2026-11-02T09:00:01Z"))

    assert isinstance(first, Accepted)
    assert first == again
    assert isinstance(later, Accepted)
    assert later.mark != first.mark


@pytest.mark.parametrize(
    ("body", "ticket_id"),
    [
        (event("35436"), "35436"),
        (event(35436), "35436"),
        (b'{"ticket_id": "33144692244499"}', "33144692244499"),
        (b'{"ticket_id": 7, "subject": "{{ticket.title}}"}', "7"),
        (b'{"ticket_id": "9223372036854775807"}', "9223372036854775807"),
    ],
)
def test_the_id_of_a_new_ticket_is_taken_from_events_and_from_bodies_of_triggers(
    body: bytes, ticket_id: str
) -> None:
    assert ticket_in(body) == ticket_id


@pytest.mark.parametrize("kind", ["ticket.comment_added", "ticket.status_changed", "user.created", ""])
def test_other_events_are_irrelevant(kind: str) -> None:
    assert ticket_in(event(kind=kind)) is Unfit.IRRELEVANT


@pytest.mark.parametrize(
    "told",
    [
        *("", " 7", "7\n", "-7", "007", "7.0", "1e5", "٣٤", "x", "../users/me", "7/tags", "7?a=b", "9" * 20),
        *(0, -7, 7.5, True, None, [7], {"id": 7}, 10**400),
    ],
)
def test_what_does_not_look_like_an_id_is_none(told: Any) -> None:
    assert ticket_in(json.dumps({"ticket_id": told}).encode()) is Unfit.NO_TICKET
    assert ticket_in(event(told)) is Unfit.NO_TICKET


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"7", b"[]", b'"7"', b"{", b"ticket_id=7", b"\xff", b"\x00", b"[" * 60_000),
        *(b'{"type": "zen:event-type:ticket.created"}', b'{"type": ["x"], "ticket_id": []}'),
        *(
            b'{"type": "zen:event-type:ticket.created", "detail": "7"}',
            b'{"ticket_id": ' + b"9" * 5000 + b"}",
        ),
    ],
)
def test_a_body_of_any_shape_is_only_a_body_without_an_id(body: bytes) -> None:
    assert ticket_in(body) is Unfit.NO_TICKET
