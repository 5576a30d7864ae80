"""Who the customer is lowers the bar for a high urgency, says so, and does nothing else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.classify.signals import CustomerSignals
from connector.domain.classification import Answer, Classification, Usage
from connector.domain.decision import Kind, Signal
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.routing import RoutingPolicy

SIGNALS = CustomerSignals(frozenset({"critical", "high"}), 0.1, frozenset({"enterprise"}), Decimal(100_000))
MakeTicket = Callable[..., Ticket]
Labelled = Callable[..., Classification]


@pytest.fixture
def cascade(taxonomy: Taxonomy, policy: RoutingPolicy) -> Cascade:
    thresholds = dict.fromkeys(Axis, 0.7)
    return Cascade(taxonomy, policy, Guardrail(Phrases()), thresholds=thresholds, signals=SIGNALS)


@pytest.mark.parametrize(
    "customer",
    [{"tier": "Enterprise"}, {"arr_usd": Decimal(100_000)}, {"tier": "enterprise", "arr_usd": Decimal(1)}],
)
def test_a_high_urgency_of_an_important_customer_is_believed_sooner(
    cascade: Cascade, make_ticket: MakeTicket, labelled: Labelled, customer: dict[str, Any]
) -> None:
    found = labelled(urgency="high", urgency_confidence=0.62)
    ticket = make_ticket(**customer)

    verdict = cascade.judge(ticket, lambda _: Answer(found, Usage(), model="m"))

    assert verdict.kind is Kind.ROUTED
    (signal,) = cascade.signals_in(verdict, ticket)
    assert signal.effect == "bar for high 0.70 → 0.60, accepted at 0.62"


@pytest.mark.parametrize(
    ("customer", "labels"),
    [
        ({"tier": "free"}, {"urgency": "high", "urgency_confidence": 0.62}),
        ({"arr_usd": Decimal(99_999)}, {"urgency": "high", "urgency_confidence": 0.62}),
        ({"tier": "enterprise"}, {"urgency": "high", "urgency_confidence": 0.59}),
        ({"tier": "enterprise"}, {"urgency": "normal", "urgency_confidence": 0.62}),
        ({"tier": "enterprise"}, {"urgency": "low", "urgency_confidence": 0.62}),
        ({"tier": "enterprise"}, {"urgency": "high", "team_confidence": 0.62}),
    ],
)
def test_nothing_else_is_believed_sooner(
    cascade: Cascade,
    make_ticket: MakeTicket,
    labelled: Labelled,
    customer: dict[str, Any],
    labels: dict[str, Any],
) -> None:
    verdict = cascade.judge(make_ticket(**customer), lambda _: Answer(labelled(**labels), Usage(), model="m"))

    assert verdict.kind is Kind.ESCALATED


def test_a_signal_that_was_not_needed_says_so(make_ticket: MakeTicket, labelled: Labelled) -> None:
    told = SIGNALS.told(labelled(urgency="critical"), make_ticket(tier="enterprise"), 0.7)

    assert told == (Signal("tier enterprise", "bar for critical 0.70 → 0.60, made no difference"),)


def test_nobody_hears_how_much_a_customer_pays(make_ticket: MakeTicket, labelled: Labelled) -> None:
    told = SIGNALS.told(labelled(urgency="critical"), make_ticket(arr_usd=Decimal(987_654)), 0.7)

    assert [signal.name for signal in told] == ["annual revenue from 100,000 USD"]
