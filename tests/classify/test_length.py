"""How long a text is for a model, and what is left of one that is too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.classify.length import cut_middle, tokens_in


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("word " * 60, 100), ("é" * 100, 50), ("ש" * 100, 100), ("漢" * 100, 130), ("🎉" * 10, 30)],
)
def test_a_script_has_its_own_number_of_characters_to_a_token(text: str, tokens: int) -> None:
    assert tokens_in(text) == tokens


def test_a_long_text_keeps_its_beginning_and_its_end_and_says_what_is_missing() -> None:
    text = "It began on Monday. " + "word " * 12_000 + "Please call me."

    kept, left_out = cut_middle(text, 4_000)

    assert kept.startswith("It began on Monday. word ")
    assert kept.endswith(" word Please call me.")
    assert f"\n[... about {left_out:,} tokens left out ...]\n" in kept
    assert left_out == pytest.approx(tokens_in(text) - 4_000, abs=40)


def test_no_word_is_cut_in_two() -> None:
    kept, _ = cut_middle("blackbird " * 1_000, 100)

    beginning, _, end = kept.split("\n")
    assert {*beginning.split(), *end.split()} == {"blackbird"}


def test_what_fits_is_kept_as_it_is() -> None:
    assert cut_middle("word " * 60, 100) == ("word " * 60, 0)


@given(st.text(alphabet="ab é漢🎉\n", max_size=400), st.integers(0, 80))
def test_nothing_is_longer_than_allowed(text: str, most: int) -> None:
    kept, left_out = cut_middle(text, most)

    assert tokens_in(kept) <= most
    assert (left_out == 0) == (kept == text)
