"""The line to the vendor's batches, against the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connector.domain.classification import Answer, Tier
from connector.errors import AuthRefused, Unavailable
from connector.pipeline.batching import Item
from connector.sandbox.claude_api.mishaps import refuse
from connector.sandbox.faults import Fault, html, truncate
from tests.torture.past import Vendor, open_vendor

TICKET = {"subject": "s0-1 confident", "text": "You charged my card twice."}
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def module_vendor() -> Iterator[Vendor]:
    with open_vendor() as opened:
        yield opened


@pytest.fixture
def vendor(module_vendor: Vendor) -> Iterator[Vendor]:
    module_vendor.time.advance(40 * 86_400)
    yield module_vendor
    module_vendor.claude.faults.clear()


def test_all_batches_since_a_moment_are_listed_over_many_pages(vendor: Vendor) -> None:
    vendor.batches.submit([Item("older-1", Tier.CHEAP, TICKET)])
    vendor.time.advance(7200)
    made = [vendor.batches.submit([Item(f"newer-{at}", Tier.CHEAP, TICKET)]) for at in range(101)]

    listed = list(vendor.batches.handed_since(vendor.time.now() - timedelta(hours=1)))

    assert [each.id for each in listed] == made[::-1]
    assert {each.questions for each in listed} == {1}


def test_results_are_read_for_the_names_that_are_asked_for_only(vendor: Vendor) -> None:
    batch = vendor.batches.submit([Item("a-1", Tier.CHEAP, TICKET), Item("a-2", Tier.STRONG, TICKET)])
    vendor.time.advance(2)

    found = vendor.batches.look(batch)
    ours = vendor.batches.results(batch, {"a-2": Tier.STRONG, "b-7": Tier.CHEAP})
    theirs = vendor.batches.results(batch, {"b-7": Tier.CHEAP})

    assert found is not None
    assert (found.has_ended, found.questions) == (True, 2)
    assert ours is not None
    assert list(ours) == ["a-2"]
    answer = ours["a-2"]
    assert isinstance(answer, Answer)
    assert answer.classification is not None
    assert answer.classification.tier is Tier.STRONG
    assert theirs == {}


def test_what_the_vendor_does_not_have_any_more_is_none_and_no_error(vendor: Vendor) -> None:
    batch = vendor.batches.submit([Item("a-1", Tier.CHEAP, TICKET)])
    vendor.time.advance(2)
    vendor.batches.look(batch)
    vendor.time.advance(30 * 86_400)

    assert vendor.batches.look("msgbatch_nobody") is None
    assert vendor.batches.results(batch, {"a-1": Tier.CHEAP}) is None


@pytest.mark.parametrize("spoiled", [html(), truncate(), refuse(529)])
def test_an_answer_that_is_not_the_vendors_own_is_asked_for_again_later(
    vendor: Vendor, spoiled: object
) -> None:
    batch = vendor.batches.submit([Item("a-1", Tier.CHEAP, TICKET)])
    vendor.claude.faults.add(Fault(spoiled, method="GET", times=2))  # type: ignore[arg-type]  # a behaviour

    with pytest.raises(Unavailable):
        vendor.batches.look(batch)
    with pytest.raises(Unavailable):
        list(vendor.batches.handed_since(vendor.time.now() - DAY))
    assert vendor.batches.look(batch) is not None


def test_a_refused_key_is_said_to_be_one(vendor: Vendor) -> None:
    vendor.claude.faults.add(Fault(refuse(401), method="POST"))

    with pytest.raises(AuthRefused):
        vendor.batches.submit([Item("a-1", Tier.CHEAP, TICKET)])
