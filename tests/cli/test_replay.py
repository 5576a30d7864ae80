"""``connector replay`` as people run it before they go live."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.script import Scripted
from connector.settings import Settings
from tests.cli.conftest import KEY, Ended, Place

MARK = "mark_of_the_solved_state"


def solve(place: Place, ticket: int, group: str) -> None:
    """A person sorts, marks and solves a ticket, long enough ago for the export."""
    number = next(each.id for each in place.zendesk.world.live_groups() if each.name == group)
    place.zendesk.person_sets(
        ticket, group=number, assignee=place.zendesk.agent, status="solved", priority="urgent", tags=[MARK]
    )
    place.time.skip(120)


def team_group(team: str) -> str:
    return Settings().groups()[team]


def replay(place: Place, *arguments: str, **changes: str) -> Ended:
    return place.run("replay", "--since", "1d", *arguments, **changes)


@dataclass
class Listener:
    """Claude's emulator, answering as told by the subject, and every request as it arrived."""

    heard: list[MessageRequest] = field(default_factory=list)

    def __call__(self, request: MessageRequest) -> Scripted:
        self.heard.append(request)
        team, _, confidence = str(request.ticket["subject"]).partition(" ")
        return Scripted(changes={"team": team, "team_confidence": float(confidence or 0.99)})


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def base_url(listener: Listener) -> Iterator[str]:
    with ClaudeSandbox(api_key=KEY, author=listener) as claude:
        yield claude.url


def test_it_compares_with_people_and_names_what_cannot_be_compared(
    place: Place, base_url: str, listener: Listener
) -> None:
    agreed, differs = place.ticket("billing", "One"), place.ticket("billing", "Two")
    doubted, lawyers = place.ticket("security 0.1"), place.ticket("billing", "Three")
    place.zendesk.add_group("Lawyers")
    place.ticket("Still open")
    solve(place, agreed, team_group("billing"))
    solve(place, differs, team_group("product"))
    solve(place, doubted, team_group("security"))
    solve(place, lawyers, "Lawyers")

    arguments = ("--json", "--minutes-per-ticket", "2", "--html", "replay.html")
    ended = replay(place, *arguments, ANTHROPIC_BASE_URL=base_url)

    assert ended.code == 0, ended.err
    (line,) = ended.out.splitlines()
    found = json.loads(line)
    assert found["tickets"] == 3
    assert (found["agreement"]["count"], found["agreement"]["of"]) == (1, 2)
    assert found["agreement"]["low"] == pytest.approx(0.0945, abs=1e-3)
    assert found["to_person"] == {"low_confidence": 1}
    assert (found["suggestions"]["count"], found["suggestions"]["of"]) == (1, 1)
    assert [(each["ticket_id"], each["people"], each["ours"]) for each in found["disagreements"]] == [
        (str(differs), "product", "billing")
    ]
    assert {"people": "security", "ours": None, "tickets": 1} in found["confusion"]
    assert found["minutes_saved"] == 2
    assert found["cost"] > 0
    assert found["emulated"] is False
    assert len(listener.heard) == 4  # the doubted one went to the strong model too
    assert found["not_compared"] == {"no_team": 1, "unsolved": 1}
    assert found["no_team"] == {"Lawyers": [str(lawyers)]}
    page = place.folder / "replay.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert f'<th scope="row">{differs}</th>' in page.read_text()


def test_no_model_sees_what_people_made_of_a_ticket_nothing_is_written_and_nothing_is_paid_twice(
    place: Place, base_url: str, listener: Listener
) -> None:
    ticket = place.ticket("billing", "My words")
    solve(place, ticket, team_group("security"))
    writes = len(place.zendesk.writes())

    ended = replay(place, "--json", ANTHROPIC_BASE_URL=base_url)
    again = replay(place, "--json", ANTHROPIC_BASE_URL=base_url)

    assert (ended.code, again.code) == (0, 0), ended.err
    (request,) = listener.heard
    assert set(request.ticket) == {"subject", "text", "channel", "created_at"}
    assert (request.ticket["subject"], request.ticket["text"]) == ("billing", "My words")
    everything = "".join(block.text for block in request.blocks) + request.briefing + request.text
    assert MARK not in everything
    assert not [call for call in place.zendesk.requests if call.method in ("PUT", "DELETE")]
    assert len(place.zendesk.writes()) == writes
    assert not (place.folder / "connector.db").exists()
    assert "My words" not in ended.out + ended.err
    first, second = ended.last_json, again.last_json
    assert (first["paid_now"], first["answers_paid_earlier"]) == (first["cost"], 0)
    assert (second["paid_now"], second["answers_paid_earlier"]) == (0, 1)
    assert second["cost"] == first["cost"] > 0


def test_max_cost_stops_before_it_is_exceeded_and_tells_what_was_done(
    place: Place, base_url: str, listener: Listener
) -> None:
    for number in range(3):
        solve(place, place.ticket("billing", f"Text {number}"), team_group("billing"))

    ended = replay(place, "--json", "--max-cost", "0.0001", ANTHROPIC_BASE_URL=base_url)

    assert ended.code == 75, ended.err
    assert listener.heard == []
    assert (ended.last_json["tickets"], ended.last_json["undecided"]) == (0, 3)
    assert ended.last_json["left_because"] == "--max-cost is reached"
    assert ended.last_json["paid_now"] == 0


def test_the_free_tiers_need_no_key_and_no_model(place: Place, listener: Listener, base_url: str) -> None:
    solve(place, place.ticket("billing", "We will bring a lawsuit"), team_group("general"))
    solve(place, place.ticket("billing", "Nothing that a rule knows"), team_group("billing"))
    del place.environment["ANTHROPIC_API_KEY"]

    ended = replay(place, "--tier", "local", "--json", ANTHROPIC_BASE_URL=base_url)

    assert ended.code == 0, ended.err
    assert ended.last_json["to_person"] == {"guardrail": 1, "no_model": 1}
    assert (ended.last_json["cost"], listener.heard) == (0, [])


def test_the_cheap_tier_alone_and_a_limit_ask_no_more_than_they_say(
    place: Place, listener: Listener, base_url: str
) -> None:
    for number in range(5):
        solve(place, place.ticket("billing 0.1", f"Text {number}"), team_group("billing"))

    ended = replay(place, "--tier", "cheap", "--limit", "2", "--json", ANTHROPIC_BASE_URL=base_url)

    assert ended.code == 0, ended.err
    assert ended.last_json["to_person"] == {"low_confidence": 2}
    assert (ended.last_json["tickets"], ended.last_json["beyond_limit"]) == (2, 3)
    assert len(listener.heard) == 2


def test_a_ticket_that_every_prompt_shows_as_an_example_proves_nothing(
    place: Place, listener: Listener, base_url: str
) -> None:
    solve(place, place.ticket("billing", "Refund me"), team_group("billing"))
    assert place.run("labels", "build", "--since", "1d").code == 0
    solve(place, place.ticket("security", "Somebody logged in"), team_group("security"))

    ended = replay(place, "--json", ANTHROPIC_BASE_URL=base_url, CONNECTOR_EXAMPLES__ENABLED="true")

    assert ended.code == 0, ended.err
    assert ended.last_json["not_compared"] == {"learnt": 1}
    assert [request.ticket["subject"] for request in listener.heard] == ["security"]


def test_a_model_that_cannot_be_reached_is_69_and_leaves_no_page(place: Place) -> None:
    solve(place, place.ticket(), team_group("billing"))

    ended = replay(place, "--html", "replay.html", ANTHROPIC_BASE_URL="http://127.0.0.1:9")

    assert ended.code == 69, ended.err
    assert "no ticket could be replayed" in ended.err
    assert not list(place.folder.glob("*.html*")) + list(place.folder.glob(".replay*"))


def test_the_sandbox_has_solved_tickets_to_try_it_on_and_says_that_the_model_is_emulated(
    place: Place,
) -> None:
    place.environment["CONNECTOR_HELPDESK__KIND"] = "sandbox"

    ended = place.run("replay", "--limit", "20")

    assert ended.code == 0, ended.err
    assert "EMULATED" in ended.out
    assert "20 solved tickets of the last 30d replayed" in ended.out
    assert "Beyond --limit: 463" in ended.out
    assert not (place.folder / "replay-answers.jsonl").exists()


def test_the_local_tier_decides_in_a_replay_and_what_it_has_learnt_is_left_out(place: Place) -> None:
    place.environment["CONNECTOR_HELPDESK__KIND"] = "sandbox"

    ended = place.run("replay", "--tier", "local", "--json")

    assert ended.code == 0, ended.err
    found = ended.last_json
    assert (found["tickets"], found["not_compared"]) == (60, {"learnt": 423})
    assert found["tiers"]["local"]["of"] > 0
    assert (found["cost"], found["answers_paid_earlier"]) == (0, 0)
