"""Words are found whole, in any spelling a customer uses, and not when they are negated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.classify.phrases import Phrases, normalize


def found(word: str, text: str, **options: bool) -> bool:
    return Phrases(words=(word,)).found_in(normalize(text), **options) == (word,)


@pytest.mark.parametrize(
    "text",
    [
        "This is urgent",
        "URGENT!!",
        "urgent: cannot log in",
        "It is not working. Urgent!",
        "I can not log in, urgent",
        "I can not log in urgent",
        "not only urgent but also embarrassing",
        "It's not low priority, it is urgent",
        "Not urgent yesterday; urgent today",
        "ｕｒｇｅｎｔ",
        "ur\u200bgent",
    ],
)
def test_a_word_is_found_where_a_reader_would_find_it(text: str) -> None:
    assert found("urgent", text)


@pytest.mark.parametrize(
    "text",
    [
        "This is not urgent",
        "not an urgent matter",
        "It isn't urgent",
        "It isn\u2019t really that urgent",
        "nothing urgent, take your time",
        "non-urgent question",
        "no longer working",
        "insurgents",
        "urgently",
        "This is never very urgent",
        "nicht urgent",
        "pas urgent",
        "without any urgent need",
    ],
)
def test_a_negated_word_and_a_part_of_a_word_are_not_found(text: str) -> None:
    assert not found("urgent", text)


@pytest.mark.parametrize("text", ["data breach", "data-breach", "Data\n  breach", "DATA\u00a0BREACH"])
def test_a_phrase_is_found_across_white_space_and_hyphens(text: str) -> None:
    assert found("data breach", text)


def test_a_negation_can_be_told_not_to_count() -> None:
    assert found("lawsuit", "this is not a lawsuit", negation_counts=False)


def test_padding_does_not_hide_a_word() -> None:
    assert found("lawsuit", "word " * 50_000 + "a lawsuit " + "word " * 50_000)


def test_a_regular_expression_matches_whole_words_only() -> None:
    invoices = Phrases(patterns=(r"inv-?\d{3,}",))

    assert invoices.found_in(normalize("see INV-2041 please")) == (r"inv-?\d{3,}",)
    assert invoices.found_in(normalize("see XINV-2041 please")) == ()


def test_a_pattern_that_matches_nothing_at_all_finds_nothing() -> None:
    assert Phrases(patterns=("x*",)).found_in("abc") == ()


@given(st.text(max_size=300), st.text(min_size=1, max_size=20))
def test_no_text_and_no_word_breaks_the_search(text: str, word: str) -> None:
    assert isinstance(Phrases(words=(word,)).found_in(normalize(text)), tuple)
