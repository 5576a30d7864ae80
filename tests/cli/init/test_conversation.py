"""The whole conversation on a real terminal, with a real account at the other end."""

from __future__ import annotations

import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.settings import load_settings
from tests.cli.conftest import KEY, SECRET, Place
from tests.support.terminal import Terminal, at_terminal

WRONG = "not-the-secret-and-never-shown-either"


def alone(place: Place) -> dict[str, str]:
    """The environment of somebody who has set nothing up; Claude is the emulated one."""
    return {
        name: value
        for name, value in place.environment.items()
        if not name.startswith("CONNECTOR_") and name != "ANTHROPIC_API_KEY"
    }


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def answer_up_to_the_secret(terminal: Terminal, place: Place) -> None:
    terminal.answer("Helpdesk (zendesk, pylon, sandbox) [zendesk]: ")
    terminal.answer("Subdomain or address: ", place.zendesk.url)
    terminal.answer("Unique identifier of the OAuth client (- for e-mail and API token): ", "connector")
    terminal.expect("Secret of the OAuth client (not shown): ")


def test_a_conversation_with_mistakes_ends_in_an_installation_that_works(place: Place) -> None:
    place.zendesk.add_group("Finance & Payments")
    place.ticket()

    with at_terminal("init", folder=place.folder, environment=alone(place)) as terminal:
        terminal.answer("Helpdesk (zendesk, pylon, sandbox) [zendesk]: ", "freshdesk")
        terminal.expect("should be one of zendesk, pylon, sandbox")
        terminal.answer("[zendesk]: ")
        terminal.expect("on 2027-04-30 all end")
        terminal.answer("Subdomain or address: ", "http://acme.example.com")
        terminal.expect("should begin with https://")
        terminal.answer("Subdomain or address: ", f"{place.zendesk.url}/agent/dashboard?x=1")
        terminal.answer("Unique identifier of the OAuth client", "connector")
        terminal.answer("Secret of the OAuth client (not shown): ", WRONG)
        terminal.expect("Zendesk refuses the OAuth client (invalid_client)")
        terminal.expect("Is it the unique identifier (not the name), and all of the secret?")
        terminal.answer("Unique identifier of the OAuth client (- for e-mail and API token) [connector]: ")
        terminal.answer("Secret of the OAuth client (not shown): ", SECRET)
        terminal.expect("Logged in: Connector, admin")
        terminal.answer(
            "Which group gets what a person must decide? (number, name or id; Enter: Support) [7]: "
        )
        terminal.answer("In which groups do new tickets arrive?", "support")
        terminal.expect("billing          Billing\n")
        terminal.answer("Which team shall have another group? (its name; Enter: all is right): ", "bilinng")
        terminal.expect("the teams are billing, infrastructure, product, security, onboarding, general")
        terminal.answer("(its name; Enter: all is right): ", "billing")
        terminal.answer("Group of the team billing", "Finance & Payment")
        terminal.expect('did you mean "Finance & Payments"?')
        terminal.answer("Group of the team billing", "8")
        terminal.answer("(its name; Enter: all is right): ", "onboarding")
        terminal.answer("Group of the team onboarding", "-")
        terminal.expect("onboarding       Support  (left to a person)")
        terminal.answer("(its name; Enter: all is right): ")
        terminal.answer("Claude's API key (Enter: later) (not shown): ", KEY)
        code = terminal.end()

    secrets = place.folder / "secrets"
    text = (place.folder / "settings.toml").read_text()
    assert (code, terminal.out.splitlines()[-2:]) == (
        0,
        ["  connector check", "  connector run --once --dry-run"],
    )
    assert everything_in(place.folder) == {
        "settings.toml",
        "secrets",
        "secrets/.gitignore",
        "secrets/helpdesk__client_secret",
        "secrets/llm__api_key",
    }
    assert [mode(secrets), mode(secrets / "helpdesk__client_secret"), mode(secrets / "llm__api_key")] == [
        0o700,
        0o600,
        0o600,
    ]
    assert not [each for each in (SECRET, WRONG, KEY) if each in text + terminal.out + terminal.seen]
    settings = load_settings(environment={}, directory=place.folder).settings
    assert settings.groups() | {"human": settings.helpdesk.human_group} == {
        "billing": "Finance & Payments",
        "infrastructure": "Infrastructure",
        "product": "Product",
        "security": "Security",
        "onboarding": "Support",
        "general": "General",
        "human": "Support",
    }
    assert settings.helpdesk.inbox_groups == ("Support",)
    place.environment = alone(place)
    checked, passed = place.run("check"), place.run("run", "--once", "--dry-run", "--json")
    assert (checked.code, passed.code) == (0, 0), checked.out + passed.err
    assert passed.last_json["decided"] == {"cheap": 1}


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda terminal: terminal.type("\x03"), 130),
        (lambda terminal: terminal.send(signal.SIGTERM), 130),
        (lambda terminal: terminal.send(signal.SIGHUP), 130),
        (lambda terminal: terminal.send(signal.SIGKILL), -signal.SIGKILL),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP", "SIGKILL"],
)
def test_a_wizard_that_is_stopped_leaves_nothing(
    place: Place, stop: Callable[[Terminal], None], code: int
) -> None:
    with at_terminal("init", folder=place.folder, environment=alone(place)) as terminal:
        answer_up_to_the_secret(terminal, place)
        stop(terminal)
        ended = terminal.end()

    assert ended == code
    assert ("nothing was written" in terminal.seen) == (code == 130)
    assert everything_in(place.folder) == set()


def test_the_end_of_the_input_stops_it_like_an_interrupt(place: Place) -> None:
    with at_terminal("init", folder=place.folder, environment=alone(place)) as terminal:
        terminal.expect("Helpdesk (zendesk, pylon, sandbox) [zendesk]: ")
        terminal.type("\x04")
        code = terminal.end()

    assert (code, everything_in(place.folder)) == (130, set())
