"""When the day's money is spent, rules still route, people get the rest, and tomorrow goes on as usual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from connector.clock import ManualClock
from connector.errors import SettingsError
from connector.sandbox.claude_api import Scripted
from connector.settings import load_settings
from connector.store import open_store
from tests.support.town import Town, open_town

REFUND_RULE = {"name": "refund", "words": ["refund"], "team": "billing", "final": True}
BuildTown = Callable[..., Town]


@pytest.fixture
def build_town(tmp_path: Path, clock: ManualClock) -> Iterator[BuildTown]:
    """A town with a budget in USD a day, one rule, and one call at a time.

    A call of the cheap model may cost $0.0013; the first costs $0.00035 and the next ones $0.00008.
    """
    with ExitStack() as opened:

        def build(usd: str, *, timezone: str = "UTC", workers: int = 1, **claude: Any) -> Town:
            chosen = {
                "budget": {"daily_usd": usd, "timezone": timezone},
                "llm": {"workers": workers},
                "rules": (REFUND_RULE,),
            }
            town = open_town(tmp_path / "ledger.db", clock, settings=chosen, claude=claude)
            return opened.enter_context(town)

        yield build


def causes(town: Town) -> Counter[str]:
    return Counter(row["cause"] for row in town.rows("SELECT cause FROM decisions"))


def test_without_money_rules_route_and_people_get_the_rest(build_town: BuildTown) -> None:
    town = build_town("0")
    ruled = town.ticket(text="Please refund my invoice.")
    asked = town.ticket("Login", "I cannot log in any more.")

    ended = town.run()

    assert (ended.summary["model_calls"], ended.summary["cost"], ended.summary["failed"]) == (0, 0, 1)
    assert town.claude.calls == ()
    assert causes(town) == {"rule": 1, "budget_spent": 1}
    tickets = town.zendesk.tickets()
    assert tickets[ruled].group_id == town.groups["Billing"]
    assert tickets[asked].group_id == town.groups["Support"]
    assert {"ai_needs_human", "ai_cause__budget_spent"} <= set(tickets[asked].tags)


def test_it_is_told_once_a_day_and_the_next_day_has_money_again(
    build_town: BuildTown, clock: ManualClock
) -> None:
    town = build_town("0.002", timezone="Europe/Berlin")
    for _ in range(2):  # two processes, one after the other
        for number in range(8):
            town.ticket("Login", f"I cannot log in to my account {number}.")
        town.run()
    first_day = causes(town)
    clock.advance(24 * 3600)
    town.ticket("Login", "I cannot log in today either.")

    next_day = town.run()

    assert first_day["budget_spent"] > 8 > first_day.total() - first_day["budget_spent"] > 0
    assert next_day.summary["model_calls"] > 0
    assert len(town.told("budget.spent")) == 1
    assert len(town.told("budget.nearly_spent")) == 1


def test_a_day_never_costs_more_than_its_budget(build_town: BuildTown, clock: ManualClock) -> None:
    town = build_town("0.004", workers=4)
    for number in range(40):
        town.ticket("Login", f"I cannot log in to my account {number}.")

    town.run()

    (paid,) = town.rows("SELECT sum(cost_micro_usd) AS micro FROM model_calls")
    assert 0 < paid["micro"] <= 4_000
    assert causes(town)["budget_spent"] > 0


def test_doubt_that_money_cannot_settle_keeps_what_the_cheap_model_said(
    build_town: BuildTown, clock: ManualClock
) -> None:
    unsure = Scripted(changes={"team_confidence": 0.3})
    town = build_town("0.02", author=lambda _: unsure)  # one call of the strong model may cost more
    town.ticket("Hello", "Something is odd.")

    town.run()

    with closing(open_store(f"sqlite:///{town.database}", clock=clock, read_only=True)) as store:
        (row,) = store.reports().decisions()
        (parked,) = store.reports().parked()
    assert row.decision.cause == "budget_spent"
    assert [step.tier for step in row.decision.steps] == ["cheap"]
    assert row.decision.classification is not None
    assert parked.reason == row.decision.reason  # so that `connector retry` finds it


def test_a_dry_run_counts_what_is_on_record_and_what_it_spends_itself(build_town: BuildTown) -> None:
    town = build_town("0.004")
    for number in range(4):
        town.ticket("Login", f"I cannot log in to my account {number}.")
    town.run()
    on_record = town.rows("SELECT count(*) AS calls FROM model_calls")
    for number in range(40):
        town.ticket("Login", f"I cannot log in to my mailbox {number}.")

    first, second = (town.run(dry_run=True).summary for _ in range(2))

    assert 0 < first["cost"] < 0.004
    assert first["failed"] > 0
    assert first["model_calls"] == second["model_calls"]  # neither left a trace
    assert town.rows("SELECT count(*) AS calls FROM model_calls") == on_record


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(SettingsError, match=r"budget\.timezone.*time zone"):
        load_settings(
            overrides={"budget": {"timezone": zone}}, environment={}, use_file=False, secret_dirs=[]
        )
