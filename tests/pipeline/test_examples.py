"""Examples are chosen only for a question that is paid for, once, and go with the ticket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from connector.breaker import Breaker
from connector.classify.examples import Chosen
from connector.clock import ManualClock
from connector.domain.classification import Classification, Tier
from connector.domain.ticket import Disposition
from connector.errors import Unavailable
from connector.pipeline.questions import Desk, Questions
from connector.ports import Screened, broadcast
from connector.store import Store
from tests.support.world import MakeTicket, ScriptedModel

TICKET = {"subject": "Charged twice", "text": "Refund me"}
EXAMPLE = {"ticket": {"subject": "", "text": "Words"}, "labels": {"team": "billing"}}


@pytest.mark.parametrize("examples", [(), (EXAMPLE,)])
def test_they_are_chosen_before_the_first_question_and_kept_for_the_others(
    store: Store,
    clock: ManualClock,
    make_ticket: MakeTicket,
    labelled: Callable[..., Classification],
    examples: tuple[dict[str, Any], ...],
) -> None:
    shown: list[Mapping[str, Any]] = []
    chosen: list[int] = []

    def reply(tier: Tier, ticket: Mapping[str, Any]) -> Classification | Unavailable:
        shown.append(ticket)
        return Unavailable("down", retry_after_seconds=1) if len(shown) == 1 else labelled(tier)

    def choose() -> Chosen:
        chosen.append(1)
        return Chosen(examples, ("7",) if examples else ())

    ledger, observer = store.ledger("desk", "w1"), broadcast([])
    lease = ledger.lease_poll(clock.now() - timedelta(hours=1))
    assert lease is not None
    ledger.store_page(lease, "c1", [Screened(make_ticket(), Disposition.ORIGINAL)], ())
    (claim,) = ledger.claim_submissions(1)
    desk = Desk(ledger, ScriptedModel(reply), Breaker("claude", clock, observer), clock, observer)
    questions = Questions(desk, claim, TICKET, choose)
    assert (chosen, questions.examples) == ([], ())

    questions(Tier.CHEAP)
    questions(Tier.STRONG)

    assert (chosen, questions.examples) == ([1], ("7",) if examples else ())
    assert shown == [{**TICKET, "examples": examples} if examples else TICKET] * 3
