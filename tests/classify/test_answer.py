"""What counts as an answer, how far a model may drift, and that nothing else ever gets through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.classify.answer import read_answer
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.errors import AnswerUnusable

SAID: dict[str, Any] = {
    "sentiment": "angry",
    "sentiment_confidence": 0.8,
    "reason": "asks for a refund",
    "type": "bug_report",
    "type_confidence": 0.7,
    "team": "billing",
    "team_confidence": 0.9,
    "secondary_team": "security",
    "urgency": "high",
    "urgency_confidence": 1,
}


def read(taxonomy: Taxonomy, **changes: Any) -> Classification:
    return read_answer(json.dumps(SAID | changes), taxonomy, Tier.CHEAP, "claude-haiku-5-5")


def read_without(taxonomy: Taxonomy, *names: str) -> Classification:
    said = {name: value for name, value in SAID.items() if name not in names}
    return read_answer(json.dumps(said), taxonomy, Tier.CHEAP, None)


def test_a_plain_answer_is_read_whole(taxonomy: Taxonomy) -> None:
    assert read(taxonomy) == Classification(
        tier=Tier.CHEAP,
        team=Label("billing", 0.9),
        type=Label("bug_report", 0.7),
        urgency=Label("high", 1.0),
        sentiment=Label("angry", 0.8),
        secondary_team="security",
        reason="asks for a refund",
        model="claude-haiku-5-5",
    )


@pytest.mark.parametrize("drifted", ["Bug_Report", " bug_report ", "BUG REPORT", "bug-report", "Bug  report"])
def test_letter_case_and_spaces_do_not_matter(taxonomy: Taxonomy, drifted: str) -> None:
    assert read(taxonomy, type=drifted).type == Label("bug_report", 0.7)


def test_a_label_is_spelled_as_the_taxonomy_spells_it() -> None:
    taxonomy = Taxonomy({axis: (Category("Tier-2 Support"),) for axis in Axis})
    said = json.dumps({f"{axis}_confidence": 1 for axis in Axis} | dict.fromkeys(Axis, "tier_2_support"))

    found = read_answer(said, taxonomy, Tier.STRONG, None)

    assert found.team == Label("Tier-2 Support", 1.0)


def test_further_keys_are_ignored_and_a_missing_reason_is_empty(taxonomy: Taxonomy) -> None:
    found = read_answer(
        json.dumps({k: v for k, v in SAID.items() if k != "reason"} | {"group": "root", "tags": ["vip"]}),
        taxonomy,
        Tier.CHEAP,
        None,
    )

    assert found.reason == ""
    assert found.team == Label("billing", 0.9)


@pytest.mark.parametrize(
    "text", [" {} ", "", "null", "[]", "7", '"x"', "{", "not json", "[" * 100_000, "NaN"]
)
def test_what_is_not_a_json_object_with_labels_is_unusable(taxonomy: Taxonomy, text: str) -> None:
    with pytest.raises(AnswerUnusable) as raised:
        read_answer(text, taxonomy, Tier.CHEAP, None)

    assert raised.value.code in {"invalid_json", "missing_label"}


def test_a_byte_order_mark_and_blank_lines_around_the_object_are_harmless(taxonomy: Taxonomy) -> None:
    found = read_answer(f"\ufeff\n{json.dumps(SAID)}\n", taxonomy, Tier.CHEAP, None)

    assert found.team == Label("billing", 0.9)


@pytest.mark.parametrize("axis", list(Axis))
def test_every_axis_needs_a_label_and_a_confidence(taxonomy: Taxonomy, axis: Axis) -> None:
    with pytest.raises(AnswerUnusable) as unlabelled:
        read_without(taxonomy, axis.value)
    with pytest.raises(AnswerUnusable) as unsure:
        read_without(taxonomy, f"{axis.value}_confidence")

    assert unlabelled.value.code == "missing_label"
    assert unsure.value.code == "bad_confidence"


@pytest.mark.parametrize("value", ["root", "billing; security", 7, True, ["billing"], {"team": "billing"}])
@pytest.mark.parametrize("name", ["team", "secondary_team"])
def test_a_label_that_is_not_configured_is_unusable_and_not_repeated(
    taxonomy: Taxonomy, name: str, value: object
) -> None:
    with pytest.raises(AnswerUnusable) as raised:
        read(taxonomy, **{name: value})

    assert raised.value.code == "unknown_label"
    assert "root" not in str(raised.value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [(0, 0.0), (1, 1.0), ("0.75", 0.75), (" 1 ", 1.0), (1.04, 1.0), (-0.01, 0.0), (5e-1, 0.5)],
)
def test_a_small_drift_of_a_confidence_is_clamped(taxonomy: Taxonomy, said: object, meant: float) -> None:
    assert read(taxonomy, team_confidence=said).team == Label("billing", meant)


@pytest.mark.parametrize(
    "said",
    [None, "", "high", "95%", True, False, [], {}, 1.2, 1.7, 95, -0.2, 10**400, "nan", "1e999", float("nan")],
)
def test_a_confidence_is_a_number_or_the_answer_is_unusable(taxonomy: Taxonomy, said: object) -> None:
    with pytest.raises(AnswerUnusable) as raised:
        read(taxonomy, team_confidence=said)

    assert raised.value.code == "bad_confidence"


@pytest.mark.parametrize("said", ["none", "None ", "", None, "billing"])
def test_one_issue_has_no_secondary_team(taxonomy: Taxonomy, said: object) -> None:
    assert read(taxonomy, secondary_team=said).secondary_team is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("x" * 200_000, "x" * 199 + "…"),
        ("two\r\nlines\x00 and \x1b[31mred\u202e", "two lines and [31mred"),
        (None, ""),
        (["a"], ""),
    ],
)
def test_a_reason_is_one_short_line_of_visible_text(taxonomy: Taxonomy, said: object, kept: str) -> None:
    assert read(taxonomy, reason=said).reason == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(SAID)), JSON, max_size=4))
def test_whatever_a_model_says_it_is_an_answer_or_unusable(
    taxonomy: Taxonomy, changes: dict[str, Any]
) -> None:
    try:
        found = read(taxonomy, **changes)
    except AnswerUnusable:
        return

    for axis in Axis:
        label = found.on(axis)
        assert label is not None
        assert label.value in taxonomy.names(axis)
        assert 0.0 <= label.confidence <= 1.0
    assert len(found.reason) <= 200
    assert found.secondary_team in {None, *taxonomy.names(Axis.TEAM)}


@settings(max_examples=200)
@given(st.text(st.characters()) | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_at_all_is_read_without_another_error(taxonomy: Taxonomy, text: str) -> None:
    with pytest.raises(AnswerUnusable):
        read_answer(text, taxonomy, Tier.CHEAP, None)
