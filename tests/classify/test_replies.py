"""Finding the customer's own words in a mail."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.classify.replies import own_words

MAILS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "mails.jsonl").read_text(encoding="utf-8").splitlines()
]

ENGLISH = """The export fails since this morning.

On Tue, Nov 3, 2026 at 9:12 AM Acme Support <help@acme.test> wrote:

> Have you tried another browser?
"""

OUTLOOK = """Die Rechnung stimmt immer noch nicht.

Von: Acme Support <help@acme.test>
Gesendet: Dienstag, 3. November 2026 09:12
An: Kundin <kundin@example.test>
Betreff: AW: Rechnung 4711

Wir haben die Rechnung geprüft.
"""


def folded(text: str) -> str:
    return " ".join(text.split())


def test_at_least_fifty_of_the_sixty_four_mails_are_exact() -> None:
    exact = [mail["id"] for mail in MAILS if folded(own_words(mail["mail"])) == folded(mail["own"])]

    assert len(MAILS) == 64
    assert len(exact) >= 50


def test_at_most_a_tenth_of_the_quoted_words_is_left() -> None:
    quoted = left = 0
    for mail in MAILS:
        own = Counter(mail["own"].split())
        quoted += (Counter(mail["mail"].split()) - own).total()
        left += (Counter(own_words(mail["mail"]).split()) - own).total()

    assert left / quoted <= 0.10


@pytest.mark.parametrize(
    ("mail", "own"),
    [
        (ENGLISH, "The export fails since this morning."),
        (OUTLOOK, "Die Rechnung stimmt immer noch nicht."),
    ],
    ids=["attribution", "header lines"],
)
def test_the_quoted_conversation_is_removed(mail: str, own: str) -> None:
    assert own_words(mail) == own


def test_answers_between_quotes_are_kept() -> None:
    quote = "On Tue, Nov 3, 2026 at 9:12 AM A <a@b.test> wrote:\n> Which browser?"
    mail = f"{quote}\nFirefox.\n> Which system?\nLinux."

    assert own_words(mail).split("\n")[0] == "Firefox."
    assert own_words(mail).endswith("Linux.")


def test_a_forwarded_mail_is_the_ticket() -> None:
    head = (
        "---------- Forwarded message ---------\nFrom: Bank <x@bank.test>\nDate: today\nSubject: Lock\nTo: me"
    )
    mail = f"FYI\n\n{head}\n\nYour account was locked."

    assert "Your account was locked." in own_words(mail)
    assert "FYI" in own_words(mail)


@pytest.mark.parametrize(
    "mail", ["> Only a quote.", "--\nJo", "Sent from my iPhone", ENGLISH.split("\n\n", 1)[1]]
)
def test_a_mail_that_would_be_empty_keeps_what_it_has(mail: str) -> None:
    assert own_words(mail)


def test_a_legal_footer_is_removed_but_not_a_customers_lawyer() -> None:
    footer = "This e-mail is confidential and meant for the intended recipient only."

    assert own_words(f"My attorney will write to you.\n\n{footer}") == "My attorney will write to you."


@pytest.mark.parametrize(
    "text",
    [
        "From: Berlin\nTo: Paris\nDate: Friday\n\nPlease change my booking.",
        "On page 2 of your manual I wrote:\nnothing works.",
        "Steps:\n---\n1. open the page\n---\n2. it crashes",
        "> cursor > menu > export does not work",
        "On this day\n\nI wrote to you already.",
    ],
)
def test_words_that_only_look_like_a_quotation_stay(text: str) -> None:
    assert own_words(text) == text


@given(
    st.lists(
        st.sampled_from(
            [*ENGLISH.split("\n"), *OUTLOOK.split("\n"), "> > x", "--", "---", "Sent from x", ">"]
        )
    )
)
def test_only_lines_of_the_mail_come_back_and_never_none_of_its_words(lines: list[str]) -> None:
    text = "\n".join(lines)

    own = own_words(text)

    assert bool(own.strip()) == bool(text.strip())
    known = {line.strip() for line in lines} | {line.lstrip("> ").strip() for line in lines}
    assert {line.strip() for line in own.split("\n")} <= known | {""}


@given(st.text(alphabet="On wrote:>-\n@.FromSubject 12", max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert bool(own_words(text).strip()) == bool(text.strip())
