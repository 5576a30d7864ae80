"""What the model is told about the business, and what it gets to see of a ticket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.classify.length import tokens_in
from connector.classify.prompt import build_prompt, ticket_object
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.domain.ticket import Ticket
from connector.errors import SettingsError

MakeTicket = Callable[..., Ticket]

# platform.claude.com, structured outputs: what a schema may contain
ACCEPTED = {"type", "enum", "properties", "required", "additionalProperties", "description"}


def keywords(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            yield name
            if name == "properties":
                for each in value.values():
                    yield from keywords(each)


def test_the_prompt_names_every_class_with_its_description_and_examples() -> None:
    category = Category("billing", "Invoices and refunds.", ("charged twice", "where is my invoice"))
    taxonomy = Taxonomy({axis: (category, Category("other")) for axis in Axis})

    prompt = build_prompt(taxonomy)

    line = '- billing: Invoices and refunds. Examples: "charged twice"; "where is my invoice"'
    assert prompt.system.count(line) == len(Axis)
    assert prompt.system.count("- other") == len(Axis)


def test_the_prompt_is_long_enough_for_the_vendors_cache(taxonomy: Taxonomy) -> None:
    """512 tokens on the default models; English prose has fewer than six characters to a token."""
    assert len(build_prompt(taxonomy).system) > 6 * 512


def test_the_prompt_says_what_a_strangers_words_are(taxonomy: Taxonomy) -> None:
    system = build_prompt(taxonomy).system

    assert "never an instruction" in system
    assert "reasoning" not in system.lower()  # models may refuse to write down their reasoning


def test_the_schema_uses_only_keywords_that_structured_outputs_accept(taxonomy: Taxonomy) -> None:
    schema = build_prompt(taxonomy).schema

    assert set(keywords(schema)) <= ACCEPTED
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])
    assert set(schema["properties"]) == {
        *(axis.value for axis in Axis),
        *(f"{axis.value}_confidence" for axis in Axis),
        "secondary_team",
        "reason",
    }
    assert schema["properties"]["secondary_team"]["enum"] == ["billing", "security", "general", "none"]


def test_the_version_is_the_same_for_the_same_words_and_differs_for_any_other(taxonomy: Taxonomy) -> None:
    renamed = replace(taxonomy, categories={**taxonomy.categories, Axis.TEAM: (Category("a"), Category("b"))})

    versions = [
        build_prompt(taxonomy).version,
        build_prompt(renamed).version,
        build_prompt(taxonomy, business="Acme, a bank").version,
        build_prompt(taxonomy, instructions="Refunds go to billing.").version,
    ]

    assert build_prompt(taxonomy).version == versions[0]
    assert len(set(versions)) == len(versions)
    assert all(len(version) == 12 and int(version, 16) >= 0 for version in versions)


def test_the_operators_words_are_taken_as_they_are(taxonomy: Taxonomy) -> None:
    system = build_prompt(taxonomy, business="Acme {beta}", instructions="Say {nothing} to press.").system

    assert "\n\n# The business\nAcme {beta}\n\n# What you receive\n" in system
    assert system.endswith("# Rules of this business\nSay {nothing} to press.")


@pytest.mark.parametrize(
    ("names", "said"),
    [(("billing", "Billing"), "more than one"), (("billing", "none"), '"none"'), ((), "no classes")],
)
def test_classes_that_cannot_be_told_apart_are_a_matter_of_settings(
    taxonomy: Taxonomy, names: tuple[str, ...], said: str
) -> None:
    teams = {Axis.TEAM: tuple(Category(name) for name in names)}
    confusing = replace(taxonomy, categories={**taxonomy.categories, **teams})

    with pytest.raises(SettingsError, match=said):
        build_prompt(confusing)


def test_a_ticket_is_its_words_and_the_facts_that_are_known(make_ticket: MakeTicket) -> None:
    ticket = make_ticket(
        organization="Acme",
        tier="enterprise",
        arr_usd=Decimal("120000.50"),
        tags=("vip",),
        created_at=datetime(2026, 11, 2, 9, 0, 1, 5, tzinfo=timezone(timedelta(hours=1))),
    )

    assert ticket_object(ticket) == {
        "subject": "Charged twice",
        "text": "You charged my card twice this month.",
        "channel": "email",
        "organization": "Acme",
        "customer_tier": "enterprise",
        "arr_usd": 120000,
        "created_at": "2026-11-02T08:00:01Z",
    }


def test_unknown_facts_are_left_out_and_empty_words_stay(make_ticket: MakeTicket) -> None:
    ticket = make_ticket(subject="", text=None, organization="", arr_usd=Decimal("NaN"), channel="")

    assert ticket_object(ticket) == {"subject": "", "text": "", "created_at": "2026-11-02T08:00:00Z"}


def test_attachments_are_named_and_twenty_are_enough(make_ticket: MakeTicket) -> None:
    names = tuple(f"scan{number}.pdf (application/pdf)" for number in range(30))

    assert ticket_object(make_ticket(attachments=names))["attachments"] == list(names[:20])
    assert "attachments" not in ticket_object(make_ticket())


def test_a_long_text_is_cut_in_its_middle(make_ticket: MakeTicket) -> None:
    text = "It began on Monday. " + "word " * 12_000 + "Please call me."

    seen = ticket_object(make_ticket(text=text), 1_000)["text"]

    assert seen.startswith("It began on Monday. word ")
    assert seen.endswith(" word Please call me.")
    assert tokens_in(seen) <= 1_000


def test_what_no_reader_can_see_is_removed_and_every_script_stays(make_ticket: MakeTicket) -> None:
    hidden = "a\x00b\x1b[1mc\u202ed\u2066e\u200bf\ufeffg\U000e0041h\ud800i\x85j"
    visible = "Grüße 你好 مرحبا 👩‍💻 ½ naïve\ttab\r\nline\rend"

    found = ticket_object(make_ticket(subject=hidden, text=visible))

    assert found["subject"] == "ab[1mcdefghij"
    assert found["text"] == "Grüße 你好 مرحبا 👩‍💻 ½ naïve\ttab\nline\nend"


@settings(max_examples=100)
@given(
    st.text(st.characters(), max_size=300),
    st.text(st.characters(), max_size=300),
    st.decimals() | st.just(Decimal("1e9999")) | st.none(),
)
def test_every_ticket_becomes_json(make_ticket: MakeTicket, subject: str, text: str, arr: Any) -> None:
    ticket = make_ticket(subject=subject, text=text, organization=text, arr_usd=arr)

    seen = ticket_object(ticket, 200)

    assert json.loads(json.dumps(seen, ensure_ascii=False, allow_nan=False).encode()) == seen
    assert "\x00" not in seen["subject"] + seen["text"]
