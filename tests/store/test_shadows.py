"""How often shadow classes were answered, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.domain.decision import Kind, Outcome
from connector.domain.taxonomy import Axis
from connector.domain.ticket import Disposition
from connector.store import SqlLedger, Store
from connector.store.shadows import ShadowTotal


@pytest.fixture
def named(store: Store, ledger: SqlLedger, desk: Any, clock: ManualClock, labelled: Any) -> Store:
    """Four decisions a minute apart; three name the shadow refunds, one of them with little confidence."""
    for number, confidence in enumerate((0.9, 0.5, None, 0.8), start=1):
        desk.arrive(ledger, f"t{number}")
        said = labelled() if confidence is None else labelled(team_confidence=confidence)
        shadow = {} if confidence is None else {Axis.TEAM: "refunds"}
        found = replace(said, shadow=shadow, reason='{"shadow":{"team":"refunds"}}')
        desk.decide(ledger, classification=found, kind=Kind.ROUTED)
        ledger.end_write(desk.claim_write(ledger), Outcome.APPLIED, None, "written")
        clock.advance(60)
    desk.arrive(ledger, "t1", disposition=Disposition.CORRECTION, version="v9", group="12")
    return store


def test_a_shadow_is_counted_with_how_sure_the_model_was_and_what_people_did(named: Store) -> None:
    (found,) = named.reports().shadows()

    assert found.mean_confidence == pytest.approx((0.9 + 0.5 + 0.8) / 3)
    assert replace(found, mean_confidence=0.0) == ShadowTotal(
        axis="team",
        name="refunds",
        acted_as="billing",
        named=3,
        confident=2,
        mean_confidence=0.0,
        moved=1,
    )


def test_only_what_was_decided_since_counts(named: Store, clock: ManualClock) -> None:
    (recent,) = named.reports().shadows(clock.now() - timedelta(seconds=90))

    assert (recent.named, recent.confident, recent.moved) == (1, 1, 0)


def test_a_decision_keeps_what_was_said(named: Store) -> None:
    newest = named.reports().decisions(1)[0].decision.classification

    assert newest is not None
    assert newest.shadow == {Axis.TEAM: "refunds"}


def test_where_no_shadow_was_answered_the_list_is_empty(store: Store, ledger: SqlLedger, desk: Any) -> None:
    desk.arrive(ledger, "t1")
    desk.decide(ledger)

    assert store.reports().shadows() == ()
