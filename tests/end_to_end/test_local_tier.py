"""A local model trained while the connector runs: it decides from the next ticket on, and what it knows."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from connector.bootstrap import connect, open_reports, train_local
from connector.classify.cascade import LocalDecides
from connector.cli.decisions import Filters, decisions
from connector.clock import SystemClock
from connector.domain.classification import Tier
from connector.domain.decision import Decision
from connector.domain.taxonomy import Axis
from connector.pipeline.sync import run_pass
from connector.ports import Event
from connector.quality.agreement import agreement, local_opinion
from connector.quality.dataset import LabelledTicket
from connector.settings import Settings
from tests.end_to_end.conftest import Town
from tests.support.labels import about_something_else, labelled


def known() -> list[LabelledTicket]:
    """Labels of team and urgency; of the other axes nothing is known."""
    urgent = {"infrastructure", "security"}
    return [
        replace(
            each, labels={**each.labels, Axis.URGENCY: "high" if each.labels[Axis.TEAM] in urgent else "low"}
        )
        for each in labelled(240)
    ]


def arrives(town: Town, ticket: LabelledTicket) -> str:
    at = town.zendesk.world.now() - 300
    return str(town.zendesk.create_ticket(ticket.subject, ticket.text, created_at=at))


def settings_of(town: Town, decides: LocalDecides = "always") -> Settings:
    model = Path(town.settings.store.url.get_secret_value().removeprefix("sqlite:///")).with_suffix(".npz")
    local = town.settings.local.model_copy(update={"model": model, "decides": decides})
    return town.settings.model_copy(update={"local": local})


def decided(settings: Settings) -> dict[str, Decision]:
    with open_reports(settings, SystemClock()) as reports:
        return {row.ticket_id: row.decision for row in reports.decisions()}


def test_a_model_trained_meanwhile_decides_what_it_knows_without_a_restart(town: Town) -> None:
    settings, events = settings_of(town), list[Event]()
    labels = known()
    billing = next(each for each in labels if each.labels[Axis.TEAM] == "billing")
    foreign = LabelledTicket(about_something_else(1)[0], subject="A question")

    with connect(settings, SystemClock(), events.append) as connector:
        before = arrives(town, billing)
        run_pass(connector.stages)
        train_local(settings, labels)
        after, elsewhere = (
            arrives(town, replace(billing, text=billing.text + " today")),
            arrives(town, foreign),
        )
        run_pass(connector.stages)

    found = decided(settings)
    assert [found[each].tier for each in (before, after, elsewhere)] == [Tier.CHEAP, Tier.LOCAL, Tier.CHEAP]
    assert (found[after].route.team, found[after].cost_usd) == ("billing", Decimal(0))
    local = next(step for step in found[elsewhere].steps if step.tier is Tier.LOCAL)
    assert local.went_on
    assert [event.name for event in events if event.name.startswith("local_model")] == ["local_model.loaded"]
    assert len(town.claude.calls) == 2


def test_where_it_only_watches_its_answers_are_kept_for_comparison(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(town, "never")
    labels = known()
    train_local(settings, labels)
    tickets = [arrives(town, each) for each in labels[:6]]

    with connect(settings, SystemClock(), lambda _: None) as connector:
        run_pass(connector.stages)

    found = decided(settings)
    assert {found[each].tier for each in tickets} <= {Tier.CHEAP, Tier.STRONG}
    assert all(local_opinion(found[each]) for each in tickets)
    counted = agreement(found.values())
    assert counted[Axis.TEAM].total == counted[Axis.URGENCY].total == 6
    assert Axis.TYPE not in counted
    config = tmp_path / "settings.toml"
    config.write_text(f'[store]\nurl = "{settings.store.url.get_secret_value()}"\n')
    decisions(Filters(), as_json=True, config=config)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    same = [row["local"]["agrees"]["team"] for row in rows]
    assert same == [row["local"]["labels"]["team"] == row["labels"]["team"] for row in rows]
    decisions(Filters(), as_json=False, config=config)
    assert f"the local tier said the same as the model on team {sum(same)} of 6" in capsys.readouterr().err
