"""The labels that travel with the demo hold against the default classes and belong to the demo's threads."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from connector.domain.taxonomy import Axis
from connector.quality.dataset import LabelledTicket, Source
from connector.quality.labels_csv import read_labels
from connector.sandbox.tickets import labels_csv, threads
from connector.settings import load_settings


@pytest.fixture(scope="module")
def labelled() -> tuple[LabelledTicket, ...]:
    loaded = load_settings(overrides={}, environment={}, use_file=False, secret_dirs=[])
    return read_labels(labels_csv(), "labels.csv", loaded.settings.taxonomy())


def test_every_ticket_is_labelled_on_every_axis(labelled: tuple[LabelledTicket, ...]) -> None:
    assert len(labelled) == len({ticket.ticket_id for ticket in labelled}) == 483
    assert {frozenset(ticket.labels) for ticket in labelled} == {frozenset(Axis)}


def test_every_thread_of_the_demo_is_labelled_by_its_first_message(
    labelled: tuple[LabelledTicket, ...],
) -> None:
    texts = {ticket.ticket_id: ticket.text for ticket in labelled}

    assert {thread.id: thread.turns[0].text for thread in threads()}.items() <= texts.items()


@pytest.mark.parametrize("axis", Axis)
def test_every_default_class_occurs(labelled: tuple[LabelledTicket, ...], axis: Axis) -> None:
    loaded = load_settings(overrides={}, environment={}, use_file=False, secret_dirs=[])

    counts = Counter(ticket.labels[axis] for ticket in labelled)

    assert set(counts) == set(loaded.settings.taxonomy().names(axis))


def test_no_ticket_says_the_same_as_another(labelled: tuple[LabelledTicket, ...]) -> None:
    assert len({ticket.digest for ticket in labelled}) == len(labelled)


def test_no_address_phone_number_or_link_is_left_in_any_text(labelled: tuple[LabelledTicket, ...]) -> None:
    personal = re.compile(r"https?://|(?<![\dx])\d{7,}|[\w.]+@(?!example\.com)[\w-]+\.\w+")

    assert [ticket.ticket_id for ticket in labelled if personal.search(ticket.text)] == []


def test_who_labelled_them_and_when_is_said(labelled: tuple[LabelledTicket, ...]) -> None:
    assert {(ticket.source, ticket.reviewer) for ticket in labelled} == {(Source.REVIEW, "language model")}
    assert all(ticket.labelled_at for ticket in labelled)
