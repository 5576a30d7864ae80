"""Two helpdesks in one process, a Zendesk account and a Pylon tenant, as their operator meets them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.cli import exit_code_of as run_command
from connector.cli.playground import WorldTime
from connector.cli.run import Ended as PassEnded
from connector.cli.run import Mode, whole, worst
from connector.clock import SystemClock
from connector.domain.ticket import Disposition, Ticket, Unreadable
from connector.pipeline.summary import Summary
from connector.ports import Screened
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.faults import Fault, answer
from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings
from connector.store import open_store
from tests.cli.conftest import KEY, SECRET, Ended, Eventually, Place

SETTINGS = """
[poll]
interval_seconds = 1

[[helpdesks]]
name = "acme"
kind = "zendesk"
base_url = "{zendesk}"
client_id = "{client}"

[[helpdesks]]
name = "bolt"
kind = "pylon"
base_url = "{pylon}"
groups = {{ billing = "Billing EU" }}
human_group = "Front desk"
"""


@dataclass
class Both:
    """A place with two helpdesks; tickets arrive with ``zendesk_ticket`` and ``pylon_issue``."""

    place: Place
    pylon: PylonSandbox
    teams: dict[str, str]

    def run(self, *arguments: str, **changes: str) -> Ended:
        return self.place.run(*arguments, **changes)

    def zendesk_ticket(self) -> int:
        return self.place.ticket()

    def pylon_issue(self) -> str:
        return self.pylon.create_issue("Charged twice", "<p>Please refund the second charge.</p>")

    def group_of(self, issue: str) -> str | None:
        team = self.pylon.issues()[issue].team_id
        return next((name for name, id_ in self.teams.items() if id_ == team), None)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(
            sqlite3.connect(f"file:{self.place.folder / 'connector.db'}?mode=ro", uri=True)
        ) as ledger:
            return ledger.execute(sql).fetchall()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    time = WorldTime()
    with (
        ZendeskSandbox(time, rate_limits=False, client_secret=SECRET) as zendesk,
        PylonSandbox(time, rate_limits=False) as pylon,
        ClaudeSandbox(api_key=KEY) as claude,
    ):
        names = {*Settings().groups().values(), "Support", "Billing EU", "Front desk"}
        for name in sorted(names - {"Billing EU", "Front desk"}):
            zendesk.add_group(name)
        teams = {name: pylon.add_team(name) for name in sorted(names - {"Billing", "Support"})}
        toml = SETTINGS.format(zendesk=zendesk.url, client=zendesk.credentials.client_id, pylon=pylon.url)
        (tmp_path / "settings.toml").write_text(toml)
        token = tmp_path / "secrets" / "helpdesks__bolt__api_token"
        token.parent.mkdir()
        token.write_text(pylon.token)
        token.chmod(0o600)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONWARNINGS": "error",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET": SECRET,
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": KEY,
        }
        with Place(
            folder=tmp_path, environment=environment, zendesk=zendesk, claude=claude, time=time
        ) as place:
            yield Both(place, pylon, teams)


def test_a_pass_goes_through_all_helpdesks_and_tells_the_whole_and_each(both: Both) -> None:
    both.zendesk_ticket()
    both.zendesk_ticket()
    issue = both.pylon_issue()

    ended = both.run("run", "--once", "--json")

    assert ended.code == 0, ended.err
    found = ended.last_json
    each = found["helpdesks"]
    assert (found["polled"], found["written"], found["deferred"]) == (3, {"applied": 3}, 0)
    assert {name: one["written"] for name, one in each.items()} == {
        "acme": {"applied": 2},
        "bolt": {"applied": 1},
    }
    assert each["acme"]["pass_id"] != each["bolt"]["pass_id"]
    assert both.group_of(issue) == "Billing EU"


def test_a_dry_run_shows_what_would_be_written_where_and_a_pass_of_one_leaves_the_others(both: Both) -> None:
    ticket, issue = both.zendesk_ticket(), both.pylon_issue()

    rehearsed = both.run("run", "--dry-run")
    ended = both.run("run", "--once", "--json", "--helpdesk", "bolt")

    lines = [line.split()[:2] for line in rehearsed.out.splitlines()]
    assert (rehearsed.code, ended.code) == (0, 0), rehearsed.err + ended.err
    assert [line for line in lines if line and line[0] in ("acme", "bolt")] == [
        ["acme", str(ticket)],
        ["bolt", issue],
    ]
    assert "helpdesks" not in ended.last_json
    assert ended.last_json["polled"] == 1
    assert both.place.zendesk.writes() == ()


def test_one_that_refuses_our_credentials_is_77_for_a_service_and_the_others_pass_is_made(both: Both) -> None:
    both.zendesk_ticket()
    both.pylon_issue()

    service = both.run("run", CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET="wrong")
    ended = both.run("run", "--once", "--json", CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET="wrong")

    assert (ended.code, service.code) == (77, 77)
    assert 'connector: helpdesk "acme": ' in ended.err
    assert 'connector: helpdesk "acme": ' in service.err
    each = ended.last_json["helpdesks"]
    assert "acme" in each["acme"]["error"]
    assert each["bolt"]["written"] == {"applied": 1}


@pytest.mark.parametrize(
    ("codes", "code"), [([0, 75], 75), ([75, 69], 69), ([69, 77], 77), ([77, 78], 78), ([78, 1], 1), ([0], 0)]
)
def test_the_exit_code_is_the_one_that_needs_a_person_soonest(codes: list[int], code: int) -> None:
    assert {worst(codes), worst(codes[::-1])} == {code}


def test_check_looks_at_each_and_names_it(both: Both) -> None:
    both.pylon.delete_team(both.teams["Billing EU"])

    ended = both.run("check", "--json")

    states = {line["check"]: line["state"] for line in ended.last_json}
    assert ended.code == 78
    assert {name: state for name, state in states.items() if name.startswith(("helpdesk", "groups"))} == {
        "helpdesk acme": "ok",
        "groups acme": "ok",
        "helpdesk bolt": "ok",
        "groups bolt": "fail",
    }


def test_a_run_that_was_stopped_after_the_first_is_told_as_one_of_several() -> None:
    first = {"deferred": 2, "held_elsewhere": 0, "polled_elsewhere": False, "error": 'helpdesk "acme": no'}

    told = whole(Summary(), Mode.ONCE, {"acme": PassEnded(first)}, several=True)

    assert (told["helpdesks"], told["deferred"], told["error"]) == ({"acme": first}, 2, first["error"])


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the settings of both; nobody answers at their addresses."""
    monkeypatch.chdir(tmp_path)
    for name in ("ACME__CLIENT_SECRET", "BOLT__API_TOKEN"):
        monkeypatch.setenv(f"CONNECTOR_HELPDESKS__{name}", "unused")
    address = "https://nowhere.example"
    (tmp_path / "settings.toml").write_text(SETTINGS.format(zendesk=address, client="c", pylon=address))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("retry", "1"),
        ("undo", "--since", "1h"),
        ("forget", "--ticket", "1"),
        ("backfill", "--dry-run"),
        ("replay", "--tier", "local"),
        ("labels", "build"),
        ("labels", "export", "-"),
        ("labels", "import", "settings.toml"),
    ],
)
@pytest.mark.usefixtures("nowhere")
def test_a_command_for_one_helpdesk_asks_which(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    unsaid, asked = run_command([*command]), capsys.readouterr().err
    unknown, refused = run_command([*command, "--helpdesk", "acne"]), capsys.readouterr().err

    assert (unsaid, unknown) == (2, 2)
    assert "which helpdesk? Name one of: acme, bolt" in asked
    assert 'no helpdesk is called "acne"; there are: acme, bolt' in refused


def test_a_ticket_that_two_helpdesks_have_is_explained_when_it_is_said_whose(
    nowhere: Path, make_ticket: Callable[..., Ticket], capsys: pytest.CaptureFixture[str]
) -> None:
    polled(nowhere, Screened(make_ticket(id="7"), Disposition.ORIGINAL))

    unsaid, asked = run_command(["explain", "7"]), capsys.readouterr().err
    said, told = run_command(["explain", "7", "--helpdesk", "bolt"]), capsys.readouterr().out
    elsewhere, unseen = run_command(["explain", "8", "--helpdesk", "bolt"]), capsys.readouterr().err
    nobody, refused = run_command(["explain", "7", "--helpdesk", "acne"]), capsys.readouterr().err

    assert (unsaid, said, elsewhere, nobody) == (2, 0, 1, 2)
    assert "which helpdesk? Name one of: acme, bolt" in asked
    assert told.count("polled: original") == 1
    assert "is not in the ledger" in unseen
    assert 'no helpdesk is called "acne"' in refused


def test_what_failed_is_listed_with_the_command_for_its_helpdesk(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polled(nowhere, unreadable=Unreadable("7", "no date"))

    everything = run_command(["decisions", "--failed", "--json"]), capsys.readouterr().out.splitlines()
    only = run_command(["decisions", "--failed", "--json", "--helpdesk", "bolt"]), capsys.readouterr().out

    assert {json.loads(line)["next"] for line in everything[1]} == {
        "connector retry 7 --helpdesk acme",
        "connector retry 7 --helpdesk bolt",
    }
    assert json.loads(only[1])["helpdesk"] == "bolt"


def polled(folder: Path, *screened: Screened, unreadable: Unreadable | None = None) -> None:
    """Both helpdesks have brought the same page."""
    clock = SystemClock()
    with closing(open_store(f"sqlite:///{folder / 'connector.db'}", clock=clock)) as store:
        for name in ("acme", "bolt"):
            ledger = store.ledger(name, "w1")
            lease = ledger.lease_poll(clock.now())
            assert lease is not None
            ledger.store_page(lease, "c1", screened, (unreadable,) if unreadable else ())


def test_what_is_told_of_decisions_says_whose_they_are(
    both: Both, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket, issue = both.zendesk_ticket(), both.pylon_issue()
    both.run("run", "--once")
    monkeypatch.chdir(both.place.folder)
    monkeypatch.setenv("CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET", SECRET)

    def told(*command: str) -> list[str]:
        assert run_command([*command]) == 0
        return capsys.readouterr().out.splitlines()

    everything = [json.loads(line) for line in told("decisions", "--json")]
    only = [json.loads(line) for line in told("decisions", "--json", "--helpdesk", "bolt")]

    assert "".join(told("decisions")).split()[0] == "helpdesk"
    assert {(row["helpdesk"], row["ticket_id"]) for row in everything} == {
        ("acme", str(ticket)),
        ("bolt", issue),
    }
    assert [row["ticket_id"] for row in only] == [issue]
    assert any("group Billing," in line for line in told("explain", str(ticket)))


def test_a_service_serves_all_and_one_that_is_down_or_refuses_us_stops_no_other(
    both: Both, eventually: Eventually
) -> None:
    service = both.place.start("run")
    first = both.zendesk_ticket()
    assert eventually(lambda: bool(both.place.zendesk.writes(first)))
    both.place.zendesk.faults.add(Fault(answer(403), times=None))
    waiting = both.zendesk_ticket()

    issues = [both.pylon_issue()]
    assert eventually(lambda: all(both.pylon.writes(each) for each in issues))
    assert eventually(lambda: "poll:acme" in trouble(both))
    issues.append(both.pylon_issue())
    assert eventually(lambda: all(both.pylon.writes(each) for each in issues))
    ill = both.run("health", "--json")
    service.send_signal(signal.SIGTERM)
    _, log = service.communicate(timeout=40)

    assert (service.returncode, both.place.zendesk.writes(waiting)) == (0, ())
    assert (ill.code, set(ill.last_json["helpdesks"])) == (69, {"acme", "bolt"})
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["helpdesk"] for line in lines if line["event"] == "ticket.written"} == {"acme", "bolt"}
    paused = {(line["helpdesk"], line["stage"]) for line in lines if line["event"] == "stage.paused"}
    assert ("acme", "poll:acme") in paused
    assert {helpdesk for helpdesk, _ in paused} == {"acme"}
    assert len([line for line in lines if line["event"] == "service.started"]) == 1


def trouble(both: Both) -> str:
    """What the running passes say is wrong, as JSON."""
    return " ".join(row[0] or "" for row in both.rows("SELECT summary FROM passes"))
