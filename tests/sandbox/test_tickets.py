"""The demo's tickets are real, readable, harmless and attributed."""

from __future__ import annotations

import re
from importlib import resources

from connector.sandbox.tickets import threads


def test_there_are_sixty_threads_with_their_own_ids() -> None:
    ids = {thread.id for thread in threads()}

    assert len(threads()) == len(ids) == 60


def test_every_thread_opens_with_a_customer_who_says_something() -> None:
    openings = [thread.turns[0] for thread in threads()]

    assert {turn.role for turn in openings} == {"customer"}
    assert min(len(turn.text) for turn in openings) >= 40


def test_every_thread_has_an_answer_and_in_most_the_customer_writes_again() -> None:
    written_again = [t for t in threads() if [turn.role for turn in t.turns].count("customer") > 1]

    assert all("agent" in {turn.role for turn in thread.turns} for thread in threads())
    assert len(written_again) > 30


def test_no_company_dominates() -> None:
    companies = [thread.company for thread in threads()]

    assert len(set(companies)) >= 15
    assert max(companies.count(name) for name in companies) <= 12


def test_no_address_phone_number_or_link_is_left_in_any_message() -> None:
    personal = re.compile(r"https?://|\d{7,}|[\w.]+@(?!example\.com)[\w-]+\.\w+")

    found = [turn.text for thread in threads() for turn in thread.turns if personal.search(turn.text)]

    assert found == []


def test_the_texts_travel_with_their_attribution_and_licence() -> None:
    data = resources.files("connector.sandbox").joinpath("data")

    notice = data.joinpath("NOTICE.md").read_text(encoding="utf-8")
    licence = data.joinpath("LICENSE-Apache-2.0.txt").read_text(encoding="utf-8")

    assert "IBM/twitter-customer-care-document-prediction" in notice
    assert "453470eea55a" in notice
    assert "Apache License" in licence
