"""Pylon's signature: only what the tenant signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.web.hook import Accepted, Refused, Unfit
from connector.web.pylon_hook import ticket_in, verify
from tests.web.conftest import SECRET, pylon_headers

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ISSUE = "2f1c0a9e-7b53-4d1e-9a44-0c8d5b6e7f01"
BODY = json.dumps({"issue_id": ISSUE, "issue_title": "Früße 🙃"}).encode()
HEADER = "x-pylon-signature"
SIGNED = pylon_headers(BODY)


def judged(headers: dict[str, str], body: bytes = BODY) -> Accepted | Refused:
    return verify(headers, body, NOW, secret=SECRET)


@pytest.mark.parametrize("body", [BODY, b"", b"\xff\x00"])
def test_what_the_tenant_signed_is_accepted(body: bytes) -> None:
    assert isinstance(judged(pylon_headers(body), body), Accepted)


def test_hexadecimal_digits_in_capitals_are_the_same_signature() -> None:
    assert judged({HEADER: SIGNED[HEADER].upper()}) == judged(SIGNED)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "the signature is missing"),
        ({HEADER: ""}, "the signature is missing"),
        ({"pylon-webhook-signature": f"hs256={SIGNED[HEADER]}"}, "the signature is missing"),
        ({HEADER: f"sha256={SIGNED[HEADER]}"}, "the signature is wrong"),
        ({HEADER: SIGNED[HEADER][:-1]}, "the signature is wrong"),
        ({HEADER: "🙃\udcff"}, "the signature is wrong"),
        (pylon_headers(BODY + b" "), "the signature is wrong"),
        (pylon_headers(BODY, "another-signing-secret"), "the signature is wrong"),
    ],
)
def test_whatever_else_is_refused(headers: dict[str, str], reason: str) -> None:
    assert judged(headers) == Refused(reason)


@pytest.mark.parametrize(
    "body",
    [{"issue_id": ISSUE}, {"issue_id": ISSUE.upper()}, {"issue_id": ISSUE, "event_type": "issue_new"}],
)
def test_the_id_of_the_issue_is_taken_from_the_body(body: dict[str, str]) -> None:
    assert ticket_in(json.dumps(body).encode()) == ISSUE


def test_other_events_are_irrelevant() -> None:
    told = {"issue_id": ISSUE, "event_type": "issue_status_changed"}

    assert ticket_in(json.dumps(told).encode()) is Unfit.IRRELEVANT


@pytest.mark.parametrize(
    "told",
    ["", "7", 7, None, [ISSUE], f"{ISSUE}\n", f"{ISSUE}/messages", ISSUE.replace("-", ""), "{{issue.id}}"],
)
def test_what_does_not_look_like_an_id_is_none(told: Any) -> None:
    assert ticket_in(json.dumps({"issue_id": told}).encode()) is Unfit.NO_TICKET


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 60_000])
def test_a_body_of_any_shape_is_only_a_body_without_an_id(body: bytes) -> None:
    assert ticket_in(body) is Unfit.NO_TICKET
