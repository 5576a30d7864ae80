"""What the model is told about classes within classes, and that nobody else's prompt changes for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.classify.answer import read_answer
from connector.classify.prompt import build_prompt
from connector.domain.classification import Tier
from connector.domain.taxonomy import CROWDED_FROM, Axis, Category, Taxonomy


def with_types(taxonomy: Taxonomy, *types: Category) -> Taxonomy:
    return replace(taxonomy, categories={**taxonomy.categories, Axis.TYPE: types})


@pytest.fixture
def tree(taxonomy: Taxonomy) -> Taxonomy:
    return with_types(
        taxonomy,
        Category("payment", "Anything about paying."),
        Category("other"),
        Category("refund", "Money back.", ("I want my money back",), parent="payment"),
        Category("chargeback", "Through the bank.", parent="refund", shadow=True),
    )


def many(count: int, parent: str | None) -> tuple[Category, ...]:
    return (Category("root"), *(Category(f"class_{at}", parent=parent) for at in range(count - 1)))


def test_a_tree_is_shown_by_indentation_under_each_parent(tree: Taxonomy) -> None:
    system = build_prompt(tree).system

    assert (
        "# Types (`type`)\n"
        "- payment: Anything about paying.\n"
        '  - refund: Money back. Examples: "I want my money back"\n'
        "    - chargeback: Through the bank.\n"
        "- other\n"
    ) in system
    assert "# Classes within classes\n" in system


def test_every_class_of_a_tree_is_a_valid_answer(tree: Taxonomy) -> None:
    schema = build_prompt(tree).schema

    assert schema["properties"]["type"]["enum"] == ["payment", "other", "refund", "chargeback"]


def test_a_shadow_looks_like_any_other_class_to_the_model(tree: Taxonomy) -> None:
    types = tree.categories[Axis.TYPE]
    promoted = with_types(tree, *types[:-1], replace(types[-1], shadow=False))

    assert build_prompt(promoted) == build_prompt(tree)


@pytest.mark.parametrize("count", [3, 77])
def test_without_a_parent_nothing_is_said_about_trees_however_many_classes(
    taxonomy: Taxonomy, count: int
) -> None:
    system = build_prompt(with_types(taxonomy, *many(count, None))).system

    assert "within classes" not in system
    assert "shortlist" not in system
    assert "\n  " not in system


def test_the_shortlist_is_explained_from_the_first_crowded_tree_on(taxonomy: Taxonomy) -> None:
    few = build_prompt(with_types(taxonomy, *many(CROWDED_FROM - 1, "root"))).system
    crowd = build_prompt(with_types(taxonomy, *many(CROWDED_FROM, "root"))).system

    assert "# The shortlist" not in few
    assert "# The shortlist" in crowd


def test_equal_trees_give_equal_bytes(tree: Taxonomy) -> None:
    again = with_types(tree, *tree.categories[Axis.TYPE])

    assert build_prompt(again) == build_prompt(tree)


@pytest.mark.parametrize("said", ["chargeback", "Charge Back", "refund", "payment"])
def test_an_answer_may_be_of_any_level(tree: Taxonomy, said: str) -> None:
    types = tree.categories[Axis.TYPE]
    tree = with_types(tree, *types[:-1], replace(types[-1], name="charge_back"))
    said = said.replace("chargeback", "charge_back")
    text = (
        '{"team": "billing", "team_confidence": 0.9, "urgency": "low", "urgency_confidence": 0.9,'
        f' "sentiment": "angry", "sentiment_confidence": 0.9, "type": "{said}", "type_confidence": 0.8}}'
    )

    found = read_answer(text, tree, Tier.CHEAP, "m")

    assert found.type is not None
    assert found.type.value == said.lower().replace(" ", "_")
    assert found.shadow == {}  # what acts is the cascade's to say
