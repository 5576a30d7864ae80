"""Tickets that say the same are found, however they are typed."""

from __future__ import annotations

import pytest

from connector.quality.dataset import LabelledTicket


@pytest.mark.parametrize("text", ["please HELP\tme", " Please\r\nhelp   me ", "Ｐlease help me"])
def test_case_form_and_spacing_do_not_count(text: str) -> None:
    assert LabelledTicket(text).digest == LabelledTicket("Please help me").digest


@pytest.mark.parametrize(
    "other", [LabelledTicket("Please help me!"), LabelledTicket("Please help me", subject="Invoice")]
)
def test_another_text_or_subject_is_another_ticket(other: LabelledTicket) -> None:
    assert other.digest != LabelledTicket("Please help me").digest


def test_a_lone_surrogate_has_a_digest() -> None:
    assert len(LabelledTicket("\ud800").digest) == 64


@pytest.mark.parametrize(
    ("subject", "text", "said"),
    [
        ("Charged twice", "Please refund me.", "Charged twice\nPlease refund me."),
        (
            "My invoice is wrong, the…",
            "My invoice\nis wrong, the sum too.",
            "My invoice\nis wrong, the sum too.",
        ),
        ("", "Only text. ", "Only text."),
        ("Only a subject", "", "Only a subject"),
        ("…", "", "…"),
    ],
)
def test_a_subject_that_is_only_the_beginning_of_the_text_is_not_said_twice(
    subject: str, text: str, said: str
) -> None:
    assert LabelledTicket(text, subject=subject).submission == said
