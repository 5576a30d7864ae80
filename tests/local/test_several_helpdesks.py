"""One local model learns from the labels of several helpdesks, and shows each only examples of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from connector.bootstrap import open_labels, train_local
from connector.bootstrap.examples import open_examples
from connector.cli.labelled import labelled_tickets
from connector.clock import ManualClock
from connector.domain.ticket import Ticket
from connector.quality.merging import Take
from connector.settings import Settings, load_settings
from connector.store import open_store
from tests.support import labels

SEEDS = {"acme": 3, "bolt": 9}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two helpdesks that have labelled tickets of the same ids, with other words."""
    helpdesks = [{"name": name, "kind": "pylon", "api_token": name} for name in SEEDS]
    overrides = {
        "helpdesks": helpdesks,
        "store": {"url": f"sqlite:///{tmp_path / 'ledger.db'}"},
        "local": {"model": str(tmp_path / "model.npz")},
        "examples": {"enabled": True},
    }
    loaded = load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings
    for one in loaded.per_helpdesk():
        with open_labels(one, ManualClock()) as book:
            book.store(labels.labelled(60, seed=SEEDS[one.one_of_several]), Take.NEW)
    return loaded


def test_training_takes_the_labels_of_all_or_of_the_one_that_is_named(settings: Settings) -> None:
    everything = labelled_tickets(None, settings)
    of_bolt = labelled_tickets(None, settings, "bolt")

    assert len({each.ticket_id for each in everything}) == len(everything) == 120
    assert {each.ticket_id for each in of_bolt} == {f"bolt/t{number}" for number in range(60)}


@pytest.mark.parametrize("name", list(SEEDS))
def test_examples_are_never_words_of_another_helpdesks_customers(
    settings: Settings, name: str, make_ticket: Callable[..., Ticket]
) -> None:
    train_local(settings, labelled_tickets(None, settings))
    (one,) = [each for each in settings.per_helpdesk() if each.one_of_several == name]
    own = {each.text for each in labels.labelled(60, seed=SEEDS[name])}

    with closing(open_store(one.store.url.get_secret_value(), clock=ManualClock())) as store:
        bank = open_examples(one, store).bank
        assert bank is not None
        chosen = bank(make_ticket(id="1", subject="Refund", text="Please refund the invoice, charged twice."))

    shown = {each["ticket"]["text"] for each in json.loads(json.dumps(chosen.shown))}
    assert shown
    assert shown <= own
    assert all(each.startswith("t") for each in chosen.ticket_ids)


def test_a_model_that_does_not_know_whose_its_tickets_are_chooses_no_examples(settings: Settings) -> None:
    train_local(settings, labels.labelled(60, seed=SEEDS["acme"]))
    _, bolt = settings.per_helpdesk()

    with closing(open_store(bolt.store.url.get_secret_value(), clock=ManualClock())) as store:
        examples = open_examples(bolt, store)

    own = {each.text for each in labels.labelled(60, seed=SEEDS["bolt"])}
    assert examples.bank is None
    assert {each["ticket"]["text"] for each in json.loads(json.dumps(examples.fixed))} <= own
    assert examples.fixed
