"""Every column that can hold text is known to be personal or harmless, and nothing personal survives."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Table, Text
from sqlalchemy.types import TypeDecorator

from connector.domain.classification import Classification, Label, Tier
from connector.domain.decision import Cause, Step
from connector.store.documents import Evidence
from connector.store.personal import (
    ERASED,
    HARMLESS,
    LABELS,
    TRACES,
    WORDS,
    without_reasons,
    without_words,
)
from connector.store.tables import metadata


def texts_of(table: Table) -> set[str]:
    """The columns of a table whose values are text for the database."""
    plain = {
        column.name: column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
        for column in table.c
    }
    return {name for name, kind in plain.items() if isinstance(kind, Text)}


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: str(table.name))
def test_every_text_column_is_said_to_be_personal_or_harmless(table: Table) -> None:
    kinds = [kind.get(table.name, frozenset()) for kind in (WORDS, TRACES, LABELS, HARMLESS)]

    listed = [name for kind in kinds for name in kind]

    assert sorted(listed) == sorted(texts_of(table)), "say in store/personal.py what the column holds"


def test_no_list_names_a_table_that_does_not_exist() -> None:
    assert {*WORDS, *TRACES, *LABELS, *HARMLESS} <= set(metadata.tables)


def test_a_ticket_without_words_says_nothing_but_its_state(make_ticket: Any) -> None:
    told = {"subject", "channel", "priority", "requester", "organization", "tier"}
    ticket = make_ticket(
        **dict.fromkeys(told, "canary"),
        text="canary",
        tags=("canary",),
        attachments=("canary",),
        arr_usd=Decimal(7),
    )

    left = without_words(ticket)

    assert "canary" not in repr(left)
    assert left.arr_usd is None
    assert left.text == ""
    kept = {each.name for each in fields(left)} - told - {"text", "tags", "attachments", "arr_usd"}
    assert all(getattr(left, name) == getattr(ticket, name) for name in kept)


def evidence(reason: str, found: Classification, *steps: Classification) -> Evidence:
    said = tuple(Step(each.tier, each, "team billing 0.61 < 0.70") for each in steps)
    return Evidence(reason, found, said, ("lawsuit",), {"team": 0.7}, Decimal("0.01"))


def test_evidence_loses_what_models_wrote_and_keeps_the_rest() -> None:
    cheap = Classification(Tier.CHEAP, Label("billing", 0.61), reason="Jane was charged twice", model="m")
    strong = replace(cheap, tier=Tier.STRONG, team=Label("billing", 0.9), reason="Jane wants a refund")

    left = without_reasons(evidence(strong.reason, strong, cheap, strong), Cause.CONFIDENT)

    assert "Jane" not in repr(left)
    assert left.reason == ERASED
    assert left.classification == replace(strong, reason="")
    assert [step.went_on for step in left.steps] == ["team billing 0.61 < 0.70"] * 2
    assert (left.guardrail, left.thresholds, left.cost_usd) == (("lawsuit",), {"team": 0.7}, Decimal("0.01"))


def test_reasons_of_our_own_stay() -> None:
    rule = Classification(Tier.RULES, Label("billing", 1.0), reason="rule invoices")
    cheap = Classification(Tier.CHEAP, Label("billing", 0.61), reason="Jane was charged twice")

    by_rule = evidence("rule invoices", rule, rule)
    by_doubt = evidence("low confidence: team billing 0.61 < 0.70", cheap, cheap)

    assert without_reasons(by_rule, Cause.RULE) == by_rule
    assert without_reasons(by_doubt, Cause.LOW_CONFIDENCE).reason == by_doubt.reason


def test_erasing_evidence_again_changes_nothing() -> None:
    cheap = Classification(Tier.CHEAP, Label("billing", 0.9), reason="Jane was charged twice")
    once = without_reasons(evidence(cheap.reason, cheap, cheap), Cause.CONFIDENT)

    assert without_reasons(once, Cause.CONFIDENT) == once
