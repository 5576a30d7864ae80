"""Credentials are recognised by what they are and by how they look."""

from __future__ import annotations

import pytest

from connector.observe.redaction import MASK, Redaction, escape_controls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9-_x", f"Authorization: Bearer {MASK}"),
        ("authorization='Basic YWJjOmRlZg=='", f"authorization='Basic {MASK}'"),
        ("key sk-ant-api03-AbC_d-9 refused", f"key {MASK} refused"),
        ("agent@acme.com/token:6wiIBWbGkBMo1mRDMuVwkw1EPsNkeUj95PIz2akv", f"agent@acme.com/token:{MASK}"),
        ("postgresql+psycopg://triage:hunter2@db:5432/x", f"postgresql+psycopg://triage:{MASK}@db:5432/x"),
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str, shown: str) -> None:
    assert Redaction(()).text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "basic authentication is going away",
        "Basic understanding of the product",
        "bearer of news",
        "https://acme.zendesk.com:443/api/v2/tickets?x=a@b",
        "the task-and-ant-hill",
    ],
)
def test_plain_words_and_addresses_are_left_alone(text: str) -> None:
    assert Redaction(()).text(text) == text


def test_the_longest_secret_is_masked_whole() -> None:
    redaction = Redaction(["token", "token-and-more"])

    assert redaction.text("token-and-more token") == f"{MASK} {MASK}"


def test_a_secret_too_short_to_be_one_does_not_blank_the_log() -> None:
    assert Redaction(["a", ""]).text("a banana") == "a banana"


def test_values_are_searched_at_any_depth_and_numbers_kept() -> None:
    redaction = Redaction(["s3cr3t"])

    value = redaction.value({"s3cr3t": [("s3cr3t", 1, None, True)], "error": ValueError("s3cr3t")})

    assert value == {MASK: [[MASK, 1, None, True]], "error": MASK}


def test_a_redaction_does_not_show_what_it_hides() -> None:
    assert "s3cr3t" not in repr(Redaction(["s3cr3t"]))


def test_control_characters_are_spelled_out() -> None:
    assert escape_controls("a\nb\x1b[0m\u202ec é") == "a\\nb\\x1b[0m\\u202ec é"
