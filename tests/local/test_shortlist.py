"""Where the shortlist of many classes comes from: the trained model, or else the words of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.bootstrap.local import current_local, train_local, with_shortlist
from connector.domain.classification import Answer, Tier, Usage
from connector.domain.taxonomy import CROWDED_FROM, Axis
from connector.ports import Event
from connector.quality.dataset import LabelledTicket
from connector.settings import Settings, load_settings

LEARNT = {"topic_0": "blue bicycles", "topic_1": "green gardens", "topic_2": "red rockets"}


class Listening:
    """A classifier that keeps what it was told."""

    prompt_version = "p1"

    def __init__(self) -> None:
        self.told: Mapping[str, Any] = {}

    def model(self, tier: Tier) -> str:
        return f"{tier}-model"

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        raise AssertionError(f"{tier} is not paid for {ticket}")

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        self.told = ticket
        return Answer(None, Usage(), self.model(tier))


def settings_with(folder: Path, parent: str | None) -> Settings:
    below = [{"name": f"topic_{at}", "description": f"word{at} x"} for at in range(CROWDED_FROM - 1)]
    types = [{"name": "root"}, *({**each, "parent": parent} if parent else each for each in below)]
    ours = {"types": types, "local": {"model": str(folder / "model.npz")}}
    return load_settings(overrides=ours, environment={}, use_file=False, secret_dirs=[]).settings


@pytest.fixture
def events() -> list[Event]:
    return []


def shortlist(settings: Settings, events: list[Event], text: str) -> list[str]:
    inner = Listening()
    local = current_local(settings, events.append)
    with_shortlist(inner, settings, local).ask(Tier.CHEAP, {"subject": "", "text": text})
    return list(inner.told["shortlist"]["type"])


def test_the_trained_model_knows_what_the_classes_own_words_do_not_say(
    tmp_path: Path, events: list[Event]
) -> None:
    settings = settings_with(tmp_path, "root")
    tickets = [
        LabelledTicket(f"{words} number {at}", {Axis.TYPE: topic}, f"{topic}-{at}")
        for topic, words in LEARNT.items()
        for at in range(12)
    ]
    train_local(settings, tickets)

    found = shortlist(settings, events, "I want green gardens and word7")

    assert found[0] == "topic_1"
    assert set(found[:3]) == set(LEARNT)
    assert "topic_7" in found[3:]
    assert [event for event in events if event.level != "info"] == []


def test_without_a_model_the_words_are_enough(tmp_path: Path, events: list[Event]) -> None:
    assert shortlist(settings_with(tmp_path, "root"), events, "word7")[0] == "topic_7"
    assert [event for event in events if event.level != "info"] == []


def test_a_model_that_cannot_be_opened_is_told_and_the_words_are_used(
    tmp_path: Path, events: list[Event]
) -> None:
    (tmp_path / "model.npz").write_bytes(b"not a model")

    found = shortlist(settings_with(tmp_path, "root"), events, "word7")

    assert found[0] == "topic_7"
    assert [(event.name, event.level) for event in events] == [("local_model.ignored", "warning")]
    assert "not a readable local model" in events[0].facts["error"]


def test_a_list_without_parents_is_asked_about_as_ever(tmp_path: Path, events: list[Event]) -> None:
    inner = Listening()

    settings = settings_with(tmp_path, None)

    assert with_shortlist(inner, settings, current_local(settings, events.append)) is inner
