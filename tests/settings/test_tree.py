"""Teams and types may form a tree, with shadow classes that wait for their promotion."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.domain.taxonomy import Axis
from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.policy import build_cascade, groups_that_tell, resolve_routing
from connector.settings import Loaded

Read = Callable[..., Loaded]
Complain = Callable[..., list[str]]


def team(name: str, **keys: str) -> str:
    lines = (f'{key} = "{value}"\n' for key, value in {"name": name, **keys}.items())
    return f"[[teams]]\n{''.join(lines)}"


TREE = (
    team("billing", group="Money")
    + team("refunds", parent="billing")
    + team("chargebacks", parent="refunds", group="Risk")
    + team("fraud", parent="billing", state="shadow", group="Not There Yet")
    + team("general")
)


def test_a_tree_with_a_shadow_is_read(read: Read) -> None:
    taxonomy = read(TREE).settings.taxonomy()

    assert taxonomy.lineage(Axis.TEAM, "chargebacks") == ("chargebacks", "refunds", "billing")
    assert taxonomy.acting(Axis.TEAM, "fraud") == "billing"
    assert taxonomy.active_names(Axis.TEAM) == ("billing", "refunds", "chargebacks", "general")


def test_types_form_trees_too(read: Read) -> None:
    toml = '[[types]]\nname = "payment"\n[[types]]\nname = "dispute"\nparent = "payment"\nstate = "shadow"\n'

    assert read(toml).settings.taxonomy().acting(Axis.TYPE, "dispute") == "payment"


def test_a_team_without_a_group_has_its_parents_and_a_shadow_that_of_who_acts_for_it(read: Read) -> None:
    assert read(TREE).settings.groups() == {
        "billing": "Money",
        "refunds": "Money",
        "chargebacks": "Risk",
        "fraud": "Money",
        "general": "General",
    }


def test_the_group_of_a_shadow_need_not_exist_yet(read: Read) -> None:
    groups = [Group(str(at), name) for at, name in enumerate(("Money", "Risk", "General", "Support"))]

    routing = resolve_routing(read(TREE).settings, groups)
    with pytest.raises(SettingsError, match="Not There Yet"):
        resolve_routing(read(TREE.replace('state = "shadow"\n', "")).settings, groups)

    assert routing.groups["fraud"].name == "Money"


def test_a_shared_group_tells_the_topmost_of_its_teams(read: Read) -> None:
    settings = read(TREE).settings
    groups = [Group(str(at), name) for at, name in enumerate(("Money", "Risk", "General", "Support"))]

    telling = groups_that_tell(settings, resolve_routing(settings, groups))

    assert {name: group.name for name, group in telling.items()} == {
        "billing": "Money",
        "chargebacks": "Risk",
        "general": "General",
    }


def test_queues_and_conditions_on_a_class_hold_for_everything_below_it(read: Read) -> None:
    settings = read(
        TREE
        + '[[routing.queues]]\nwhen = { team = "refunds" }\nqueue = "back"\n'
        + '[[guardrail.conditions]]\nname = "all_money"\nteam = "billing"\n'
    ).settings
    groups = [Group(str(at), name) for at, name in enumerate(("Money", "Risk", "General", "Support"))]
    routing = resolve_routing(settings, groups)

    assert routing.queues[0].when == {Axis.TEAM: {"refunds", "chargebacks"}}
    (condition,) = build_cascade(settings, routing).guardrail.conditions
    assert condition.labels == {Axis.TEAM: {"billing", "refunds", "chargebacks", "fraud"}}


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        (
            team("billing") + team("refunds", parent="biling"),
            'settings.toml:5: teams[1].parent: unknown parent "biling", did you mean "billing"?',
        ),
        (
            team("billing", parent="billing"),
            "settings.toml:3: teams[0].parent: leads round in a circle: billing → billing",
        ),
        (
            team("billing", state="shadow"),
            "settings.toml:3: teams[0].state: "
            'a "shadow" needs a parent, which acts for it until it is "active"',
        ),
        (
            team("a") + team("b", parent="a") + team("c", parent="b") + team("d", parent="c"),
            "settings.toml:11: teams[3].parent: is level 4 of a tree that may have 3",
        ),
        (
            team("a", state="shade"),
            "settings.toml:3: teams[0].state: should be 'active' or 'shadow'",
        ),
    ],
)
def test_what_is_no_tree_is_refused_with_its_line(complain: Complain, toml: str, problem: str) -> None:
    assert complain(toml) == [problem]


def test_a_circle_is_reported_at_every_class_that_leads_into_it(complain: Complain) -> None:
    toml = team("a", parent="b") + team("b", parent="c") + team("c", parent="b")

    assert complain(toml) == [
        "settings.toml:3: teams[0].parent: leads round in a circle: a → b → c → b",
        "settings.toml:6: teams[1].parent: leads round in a circle: b → c → b",
        "settings.toml:9: teams[2].parent: leads round in a circle: c → b → c",
    ]


def test_urgencies_and_sentiments_have_no_parents(complain: Complain) -> None:
    (problem,) = complain('[[urgencies]]\nname = "low"\nparent = "normal"\n')

    assert problem.startswith("settings.toml:3: urgencies[0].parent: unknown key")
