"""The commands as people run them, at an emulated Pylon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.cli.playground import needed_groups
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.pylon_api import PylonSandbox
from connector.settings import Settings
from tests.cli.conftest import KEY, SECRET, Shell, bare_environment

CANARY = "canary-51d0 of a customer"


@dataclass(kw_only=True)
class PylonPlace(Shell):
    """A Pylon tenant with teams, a model, and an environment that leads the command there."""

    pylon: PylonSandbox
    claude: ClaudeSandbox
    teams: dict[str, str]

    def issue(self, text: str = "Please refund my invoice.", *, requester: str | None = None) -> str:
        at = self.pylon.world.now() - 300
        return self.pylon.create_issue("Charged twice", f"<p>{text}</p>", requester=requester, created_at=at)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[PylonPlace]:
    with PylonSandbox(rate_limits=False, token=SECRET) as pylon, ClaudeSandbox(api_key=KEY) as claude:
        environment = bare_environment(tmp_path) | {
            "CONNECTOR_HELPDESK__KIND": "pylon",
            "CONNECTOR_HELPDESK__BASE_URL": pylon.url,
            "CONNECTOR_HELPDESK__API_TOKEN": SECRET,
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": KEY,
        }
        teams = {name: pylon.add_team(name) for name in needed_groups(Settings())}
        with PylonPlace(
            folder=tmp_path, environment=environment, pylon=pylon, claude=claude, teams=teams
        ) as here:
            yield here


def test_what_a_pass_has_written_an_undo_takes_back(place: PylonPlace) -> None:
    issue = place.issue()

    passed = place.run("run", "--once", "--json")
    undone = place.run("undo", "--ticket", issue, "--yes", "--json")

    assert passed.code == undone.code == 0, passed.err + undone.err
    assert passed.last_json["written"] == {"applied": 1}
    assert place.pylon.issues()[issue].team_id is None
    assert place.pylon.issues()[issue].tags == ()


def test_a_person_is_found_by_any_case_of_their_address_and_forgotten(place: PylonPlace) -> None:
    jane = place.pylon.add_contact("Jane", email="jane@example.com")
    issue = place.issue(f"{CANARY}: refund my invoice.", requester=jane)
    place.issue("Another customer's words.")
    place.run("run", "--once")

    ended = place.run("forget", "--requester", "Jane@Example.com", "--json")

    found = ended.last_json
    assert (ended.code, found["requesters"], found["tickets"]) == (0, [jane], [issue])
    assert CANARY.encode() not in b"".join(each.read_bytes() for each in place.folder.glob("connector.db*"))


def test_a_backfill_routes_what_nobody_has_and_names_what_pylon_may_do_then(place: PylonPlace) -> None:
    day = 86_400
    old = place.pylon.create_issue(
        "Charged twice", "<p>Please refund me.</p>", created_at=place.pylon.world.now() - 3 * day
    )
    place.pylon.touch(old)

    ended = place.run("backfill", "--since", "7d", "--yes")

    assert ended.code == 0, ended.err
    assert "triggers and assignment rules" in ended.out
    assert "written: 1 applied" in ended.out
    assert place.pylon.issues()[old].team_id is not None


def test_solved_issues_are_replayed_without_a_write(place: PylonPlace) -> None:
    billing = place.teams["Billing"]
    for number in range(3):
        issue = place.issue(f"Please refund invoice {number}.")
        place.pylon.person_sets(issue, team=billing, assignee=place.pylon.agent, state="closed")
    by_agent = place.pylon.create_issue("Made by hand", "<p>x</p>", author="agent", source="manual")
    place.pylon.person_sets(by_agent, team=billing, state="closed")

    replayed = place.run("replay", "--since", "30d", "--limit", "10", "--max-cost", "1", "--json")

    told = replayed.last_json
    assert replayed.code == 0, replayed.err
    assert (told["agreement"]["count"], told["agreement"]["of"]) == (3, 3)
    assert place.pylon.writes() == ()
