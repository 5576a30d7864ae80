"""What Claude receives of a ticket over the wire, and which model of it, from a real poll to a real write."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.sandbox.claude_api import Scripted
from tests.support.town import Town, open_town

HTML = """<html><body><p>My card 4111 1111 1111 1111 was charged twice, write to jane@example.com.</p>
<div class="gmail_quote"><div class="gmail_attr">On Tue, Nov 3, 2026 at 9:12 AM Acme &lt;help@acme.test&gt;
wrote:<br></div><blockquote class="gmail_quote">Which invoice do you mean?</blockquote></div></body></html>"""


class Ear:
    """Hears every request that reaches the emulated Claude, as it was sent, and leaves the answer alone."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Mapping[str, Any]]] = []
        self.wire: list[str] = []

    def __call__(self, request: Any) -> Scripted | None:
        self.wire += [block.text for block in request.blocks]
        self.heard.append((request.model.id, request.ticket))
        return None


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def open_here(tmp_path: Path, ear: Ear) -> Iterator[Callable[..., Town]]:
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(
            open_town(tmp_path / "l.db", ManualClock(), claude={"author": ear}, settings=settings)
        )


def evidence(town: Town, ticket: int) -> Mapping[str, Any]:
    (row,) = town.rows("SELECT evidence FROM decisions WHERE ticket_id = ?", str(ticket))
    found: Mapping[str, Any] = json.loads(row["evidence"])
    return found


def test_of_a_mail_in_html_claude_gets_the_customers_words_without_quotation_and_secrets(
    open_here: Callable[..., Town], ear: Ear
) -> None:
    town = open_here(privacy={"redact": ["card", "email"]})
    ticket = town.ticket("Charged twice", HTML)

    town.run_until_rest()

    assert [seen["text"] for _, seen in ear.heard] == [
        "My card [CARD_1] was charged twice, write to [EMAIL_1]."
    ] * len(ear.heard)
    assert ear.heard
    assert not [text for text in ear.wire if "4111 1111" in text or "jane@" in text]
    assert evidence(town, ticket)["reading"]["redacted"] == {"card": 1, "email": 1}
    (stored,) = town.rows("SELECT ticket FROM submissions")
    assert "4111 1111 1111 1111" in stored["ticket"]
    assert "Which invoice" in stored["ticket"]


def test_a_german_ticket_goes_straight_to_the_strong_model(open_here: Callable[..., Town], ear: Ear) -> None:
    town = open_here(languages={"primary": ["en"], "known": ["de", "fr"]})
    german = town.ticket("Rechnung falsch", "Die Rechnung vom letzten Monat stimmt nicht, bitte prüfen.")
    english = town.ticket("Charged twice", "You charged my card twice this month, please refund it.")

    (ended,) = town.run_until_rest()

    models = {seen["subject"]: model for model, seen in reversed(ear.heard)}
    assert models == {"Rechnung falsch": "claude-sonnet-5-5", "Charged twice": "claude-haiku-5-5"}
    assert ended.summary["languages"] == {"de": 1, "en": 1}
    assert {each: evidence(town, each)["reading"]["language"] for each in (german, english)} == {
        german: "de",
        english: "en",
    }
    assert {facts["language"] for facts in town.told("ticket.decided")} == {"de", "en"}


def test_without_the_extra_languages_are_not_told_apart_which_is_said_once_and_breaks_nothing(
    open_here: Callable[..., Town], ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)  # as if it were not installed
    town = open_here(languages={"known": ["de"]})
    town.ticket("Rechnung falsch", "Die Rechnung vom letzten Monat stimmt nicht, bitte prüfen.")

    (ended,) = town.run_until_rest()

    (told,) = [event for event in town.events if event.name == "languages.untold"]
    assert (told.level, "helpdesk-connector[languages]" in told.facts["reason"]) == ("warning", True)
    assert ear.heard[0][0] == "claude-haiku-5-5"
    assert (ended.summary["languages"], ended.summary["written"]) == ({}, {"applied": 1})


def test_who_names_no_other_language_is_not_warned(open_here: Callable[..., Town]) -> None:
    town = open_here()

    town.run()

    assert not town.told("languages.untold")


def test_the_files_of_a_conversation_are_named_where_its_text_is_fetched(
    open_here: Callable[..., Town], ear: Ear
) -> None:
    town = open_here()
    channel = {"channel": "native_messaging", "from_messaging": True}
    ticket = town.ticket("Conversation", "My card was charged twice.", attachments=["invoice.pdf"], **channel)

    town.run_until_rest()

    assert ear.heard[0][1]["attachments"] == ["invoice.pdf (application/pdf)"]
    comments = [each for each in town.zendesk.requests if each.path.endswith(f"/{ticket}/comments")]
    assert len(comments) == 2  # to decide about it, and right before it is written; none for the files


def test_a_text_that_is_too_long_says_in_the_evidence_what_it_lost(
    open_here: Callable[..., Town], ear: Ear
) -> None:
    town = open_here(llm={"max_text_tokens": 200})
    ticket = town.ticket("Long", "It began on Monday. " + "word " * 2_000 + "Please refund me.")

    town.run_until_rest()

    assert ear.heard[0][1]["text"].startswith("It began on Monday. word")
    assert ear.heard[0][1]["text"].endswith("word Please refund me.")
    assert evidence(town, ticket)["reading"]["left_out_tokens"] > 3_000
