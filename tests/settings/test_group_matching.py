"""Groups are matched with teams by what helpdesks really call them; twins are not guessed between."""

from __future__ import annotations

import pytest

from connector.domain.ticket import Group
from connector.settings.business import TeamSettings
from connector.settings.defaults import default_teams
from connector.settings.group_matching import propose, propose_human


def groups(*names: str) -> list[Group]:
    return [Group(str(1000 + number), name) for number, name in enumerate(names)]


def proposed(*names: str) -> dict[str, str]:
    """The name proposed per default team, without the teams that nothing fits."""
    found = propose(default_teams(), groups(*names))
    return {team: proposal.group.name for team, proposal in found.items() if proposal.group}


@pytest.mark.parametrize(
    ("team", "name"),
    [
        ("billing", "Billing"),
        ("billing", "Billing & Payments"),
        ("billing", "BILLING_TEAM"),
        ("billing", "Biling"),
        ("billing", "Finance"),
        ("billing", "Accounts Receivable"),
        ("billing", "Invoicing (EMEA)"),
        ("billing", "🧾 Payments"),
        ("billing", "Facturación"),
        ("billing", "Buchhaltung"),
        ("infrastructure", "Infra"),
        ("infrastructure", "Platform Operations"),
        ("infrastructure", "SRE / DevOps"),
        ("infrastructure", "Tier 2 Engineering"),
        ("infrastructure", "L3"),
        ("product", "Product Support"),
        ("product", "Technical Support"),
        ("product", "Bugs"),
        ("product", "Feature Requests"),
        ("security", "Trust & Safety"),
        ("security", "InfoSec"),
        ("security", "Sécurité"),
        ("onboarding", "Onboarding"),
        ("onboarding", "Implementation"),
        ("onboarding", "Customer Training"),
        ("general", "General Enquiries"),
        ("general", "Tier-1"),
        ("general", "CS – Accounts"),
    ],
)
def test_a_group_is_recognised_by_what_such_groups_are_called(team: str, name: str) -> None:
    assert proposed(name).get(team) == name


@pytest.mark.parametrize(
    "name",
    [
        "Sales",
        "Marketing",
        "HR",
        "Spam",
        "Billing (old)",
        "zz Archived Security",
        "Offboarding",
        "Data Science",
        "Sales Engineering",
        "Customer Success",
        "",
        "🙂",
        "!!!",
        "営業",
    ],
)
def test_a_group_that_is_no_teams_is_proposed_to_none(name: str) -> None:
    assert proposed(name) == {}


def test_a_whole_account_is_matched_team_by_team() -> None:
    account = (
        "Customer Support",
        "Tier 2 Engineering",
        "CS – Accounts",
        "Billing & Payments",
        "Partner Billing",
        "Security Incident Response",
        "Product Specialists",
        "Sales",
    )

    assert proposed(*account) == {
        "billing": "Billing & Payments",
        "infrastructure": "Tier 2 Engineering",
        "product": "Product Specialists",
        "security": "Security Incident Response",
        "general": "CS – Accounts",
    }


def test_the_order_of_the_groups_changes_nothing_but_ties() -> None:
    names = ("Billing & Payments", "Finance", "Billing", "Operations", "Security")

    assert proposed(*names) == proposed(*reversed(names))
    assert proposed(*names)["billing"] == "Billing"


def test_groups_of_one_name_are_not_guessed_between() -> None:
    twins = groups("Billing", "Support", "billing ")

    proposal = propose(default_teams(), twins)["billing"]

    assert proposal.group is None
    assert proposal.groups == (twins[0], twins[2])


def test_a_team_of_ones_own_is_matched_by_its_name_and_description() -> None:
    teams = (
        TeamSettings(name="sales", description="Quotes and orders."),
        TeamSettings(name="logistics", description="Parcels, couriers, customs. Not: invoices (sales)."),
    )

    found = propose(teams, groups("Sales", "Courier Desk", "Invoices"))

    assert {team: each.group.name for team, each in found.items() if each.group} == {
        "sales": "Sales",
        "logistics": "Courier Desk",
    }


@pytest.mark.parametrize(
    ("names", "human"),
    [
        (("Product Support", "Support", "Customer Support"), "Support"),
        (("Billing", "Customer Care", "Security"), "Customer Care"),
        (("Billing", "Help Desk"), "Help Desk"),
        (("Billing", "Customer Service", "Sales Support"), "Customer Service"),
        (("Everybody",), "Everybody"),
        (("Billing", "Security"), None),
        (("Support", "Billing", "Support"), None),
        ((), None),
    ],
)
def test_the_human_group_is_the_one_for_support_as_such(names: tuple[str, ...], human: str | None) -> None:
    found = propose_human(groups(*names)).group

    assert (found.name if found else None) == human
