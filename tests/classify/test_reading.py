"""What triage reads of a ticket, and what of it leaves the machine."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.classify.language import Languages
from connector.classify.length import tokens_in
from connector.classify.reading import Reader
from connector.classify.redaction import Secret
from connector.domain.decision import ReadingFacts
from connector.domain.ticket import Ticket

MakeTicket = Callable[..., Ticket]

CARD = "4111 1111 1111 1111"
QUOTED = "On Tue, Nov 3, 2026 at 9:12 AM Acme <help@acme.test> wrote:\n> Which card?\n> Which month?"


def test_the_customers_own_words_are_read_and_shown(make_ticket: MakeTicket) -> None:
    text = f"Charged twice\u200b, please refund.\n\n{QUOTED}\n"

    reading = Reader().read(make_ticket(subject=" Refund\u202e ", text=text))

    assert (reading.ticket.subject, reading.ticket.text) == ("Refund", "Charged twice, please refund.")
    assert reading.shown["text"] == "Charged twice, please refund."
    assert reading.facts == ReadingFacts(cut_chars=len(QUOTED) + 2)


def test_the_rules_read_what_no_model_is_shown(make_ticket: MakeTicket) -> None:
    reading = Reader().read(make_ticket(text=f"My card {CARD}, password: hunter2"))

    assert reading.ticket.text == f"My card {CARD}, password: hunter2"
    assert reading.shown["text"] == "My card [CARD_1], password: [KEY_1]"
    assert reading.facts.redacted == {"key": 1, "card": 1}


def test_every_word_that_leaves_is_searched_for_secrets(make_ticket: MakeTicket) -> None:
    reader = Reader(redact=frozenset(Secret))
    address = "jane@exam\u200bple.com"
    ticket = make_ticket(
        subject=f"From {address}",
        text=f"I am {address}",
        organization=f"Jane <{address}>",
        tier=address,
        channel=address,
        attachments=(f"cv-{address}.pdf (application/pdf)", "sum.txt"),
    )

    reading = reader.read(ticket)

    assert "jane" not in json.dumps({**reading.shown, "attachments": None})
    assert reading.shown["subject"] == "From [EMAIL_1]"
    assert reading.shown["organization"] == "Jane <[EMAIL_1]>"
    assert reading.shown["attachments"] == ["[EMAIL_2] (application/pdf)", "sum.txt"]
    assert reading.facts.redacted == {"email": 2}


def test_a_secret_at_the_cut_is_hidden_before_it_is_cut(make_ticket: MakeTicket) -> None:
    for start in range(380, 420):
        text = "x" * start + f" {CARD} " + "word " * 2_000

        shown = Reader(max_text_tokens=220).read(make_ticket(text=text)).shown

        assert "4111" not in shown["text"]


def test_what_a_long_text_loses_is_counted(make_ticket: MakeTicket) -> None:
    long = "word " * 2_000
    longer = "word " * 100_000

    facts = [Reader(max_text_tokens=500).read(make_ticket(text=text)).facts for text in (long, longer)]

    assert [each.left_out_tokens for each in facts] == [
        pytest.approx(tokens_in(text) - 500, abs=30) for text in (long, longer)
    ]


def test_the_language_is_that_of_the_customers_own_words(make_ticket: MakeTicket) -> None:
    heard: list[str] = []

    def detect(text: str) -> tuple[str, float]:
        heard.append(text)
        return "de", 0.99

    reader = Reader(languages=Languages(frozenset({"en"}), detect))
    reading = reader.read(make_ticket(subject="Rechnung", text=f"Sie stimmt leider nicht.\n\n{QUOTED}"))

    assert heard == ["Rechnung\nSie stimmt leider nicht."]
    assert (reading.facts.language, reading.facts.is_foreign) == ("de", True)


def test_an_unsure_detector_does_not_make_a_ticket_foreign(make_ticket: MakeTicket) -> None:
    reader = Reader(languages=Languages(frozenset({"en"}), lambda _: ("sv", 0.4)))

    facts = reader.read(make_ticket(text="tyvm m8 gr8 app lol brb idk imho")).facts

    assert (facts.language, facts.is_foreign) == ("unknown", False)


@pytest.mark.parametrize("text", [QUOTED, "> only a quotation", "--\nJane", "Sent from my iPhone"])
def test_a_ticket_with_words_is_never_empty(make_ticket: MakeTicket, text: str) -> None:
    assert Reader().read(make_ticket(subject="", text=text)).shown["text"]


def test_a_ticket_without_text_is_read(make_ticket: MakeTicket) -> None:
    reading = Reader().read(make_ticket(subject="", text=None))

    assert (reading.ticket.text, reading.shown["text"], reading.facts) == ("", "", ReadingFacts())


@given(st.text(alphabet="On wrote:>-\n@.FromSubject 1234", max_size=300))
def test_any_text_is_read(make_ticket: MakeTicket, text: str) -> None:
    reading = Reader(redact=frozenset(Secret)).read(make_ticket(text=text))

    assert bool(reading.ticket.text) == bool(text.strip())
    assert bool(reading.shown["text"]) == bool(text.strip())
