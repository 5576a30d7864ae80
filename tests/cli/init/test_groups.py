"""Teams get groups by flag, by answer or by likeness; every name that is written leads back to its group."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

from connector.cli.init.dialogue import Silence
from connector.cli.init.groups import Choice, choose_groups, reference, shown
from connector.cli.init.request import Request
from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.policy import find_group
from connector.settings.business import TeamSettings
from connector.settings.defaults import default_teams
from connector.settings.first_file import TeamRow, render_first
from tests.cli.init.script import Person

TEAMS = tuple(team for team in default_teams() if team.name in {"billing", "security", "general"})


def flags(*maps: str, human: str | None = None, inbox: tuple[str, ...] = ()) -> Request:
    return Request(None, {}, human, inbox, maps, force=False, yes=False, secret_stdin=False, as_json=False)


def account(*names: str) -> list[Group]:
    return [Group(str(1001 + at), name) for at, name in enumerate(names)]


def names(choice: Choice) -> dict[str, str]:
    return {team: group.name for team, group in choice.teams.items()}


def test_without_a_person_what_fits_is_taken_and_the_rest_is_left_to_the_human_group() -> None:
    groups = account("Sales", "Billing & Payments", "Customer Support")

    choice = choose_groups(TEAMS, groups, flags(), Silence())

    assert (choice.human.name, choice.inbox) == ("Customer Support", ())
    assert names(choice) == {
        "billing": "Billing & Payments",
        "security": "Customer Support",
        "general": "Customer Support",
    }
    assert [group.name for group in choice.unused(groups)] == ["Sales"]


def test_a_flag_wins_over_what_fits_by_name_case_or_id() -> None:
    groups = account("Support", "Billing", "Vault", "Frontline")
    request = flags(
        "billing=1003", "security=vault", "general=Support", human="frontline", inbox=("Support",)
    )

    choice = choose_groups(TEAMS, groups, request, Silence())

    assert names(choice) == {"billing": "Vault", "security": "Vault", "general": "Support"}
    assert (choice.human.name, [group.name for group in choice.inbox]) == ("Frontline", ["Support"])


@pytest.mark.parametrize(
    ("groups", "request_", "error", "told"),
    [
        (account(), flags(), SettingsError, "has no groups"),
        (account("Sales", "Billing"), flags(), typer.BadParameter, "is needed"),
        (account("Support", "Support"), flags(), SettingsError, "use one of the ids 1001, 1002"),
        (account("Support", "Billing", "Billing"), flags(), SettingsError, "ids 1002, 1003"),
        (account("Support"), flags("billing=Biling"), SettingsError, '--map billing: group "Biling"'),
        (account("Support"), flags("biling=Support"), typer.BadParameter, 'did you mean "billing"?'),
        (account("Support"), flags("billing"), typer.BadParameter, "should be like billing=Billing"),
        (account("Support"), flags(*["billing=Support"] * 2), typer.BadParameter, "is there twice"),
    ],
    ids=["none", "no human group", "two human groups", "twins", "unknown", "no team", "no pair", "twice"],
)
def test_what_nobody_can_know_is_refused(
    groups: list[Group], request_: Request, error: type[Exception], told: str
) -> None:
    with pytest.raises(error) as caught:
        choose_groups(TEAMS, groups, request_, Silence())

    assert told in str(caught.value)


def test_a_person_tells_twins_apart_by_number_or_id() -> None:
    groups = account("Support", "Billing", "Security", "Billing")
    person = Person(["", "", "4", "billing", "1002", ""])

    choice = choose_groups(TEAMS, groups, flags(), person)

    assert person.asked[2] == "Which group is the team billing? (number, name or id)"
    assert choice.teams["billing"] == groups[1]
    assert reference(groups[1], groups) == "1002"


def test_a_name_that_only_looks_like_a_group_is_told_and_asked_again() -> None:
    person = Person(["99", "", "1, Billng", "1, billing", "security", "Bil", "-", "security", "2", ""])

    choice = choose_groups(TEAMS, account("Support", "Billing"), flags(), person)

    assert [group.name for group in choice.inbox] == ["Support", "Billing"]
    assert names(choice) == {"billing": "Billing", "security": "Billing", "general": "Support"}
    assert len(person.complaints) == 3


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6), st.integers(min_value=0))
@example(
    ['Say "yes"\n[llm]\x07 🙂 \\ ' + "x" * 200, "'''", '"""', " padded ", "", "\x00\x1f\x7f\x85\u2028"], 0
)
@example(["Twins", "twins", "1001", "1002"], 0)
@example(["\ud800"], 0)
def test_every_name_that_is_written_leads_back_to_its_group(told: list[str], at: int) -> None:
    groups = account(*told)
    group = groups[at % len(groups)]
    named = reference(group, groups)
    row = TeamRow("billing", named, "What it is.", group.name if named == group.id else "")

    text = render_first({"kind": "zendesk", "human_group": named}, [row], [each.name for each in groups])

    read = tomllib.loads(text.encode().decode())
    team = TeamSettings(**read["teams"][0])
    assert (set(read), len(read["teams"])) == ({"helpdesk", "teams"}, 1)
    assert find_group(team.group, groups, "") == group
    assert find_group(read["helpdesk"]["human_group"], groups, "") == group
    assert not [line for line in text.split("\n") if line.startswith("[") and "]" not in line]
    assert not [each for each in shown(group) if unicodedata.category(each) == "Cc"]


def test_the_file_of_a_hostile_account_can_be_loaded(tmp_path: Path) -> None:
    from connector.settings import load_settings

    hostile = account('Say "yes"\n[llm]\x07 🙂 \\ ' + "x" * 200)
    rows = [TeamRow("billing", reference(hostile[0], hostile), "d")]
    (tmp_path / "settings.toml").write_text(render_first({"kind": "sandbox"}, rows), encoding="utf-8")

    settings = load_settings(environment={}, directory=tmp_path).settings

    assert settings.groups() == {"billing": hostile[0].name}
