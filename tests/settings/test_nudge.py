"""The endpoint for webhooks is off, guarded, and on loopback unless somebody wants it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.settings import Loaded

Read = Callable[..., Loaded]
Complain = Callable[..., list[str]]
WriteSecret = Callable[..., Path]

SECRET = "a-signing-secret-of-the-webhook"


def test_without_a_word_nobody_listens_and_the_address_is_this_machines_own(read: Read) -> None:
    nudge = read().settings.nudge

    assert nudge.enabled is False
    assert nudge.address == ("127.0.0.1", 8079)


def test_the_secret_has_a_file_of_its_own_and_is_hidden(read: Read, write_secret: WriteSecret) -> None:
    write_secret("nudge__secret", f"{SECRET}\n")

    settings = read("[nudge]\nenabled = true").settings

    assert settings.nudge.secret is not None
    assert settings.nudge.secret.get_secret_value() == SECRET
    assert SECRET in settings.secret_values()
    assert SECRET not in repr(settings)


def test_the_endpoint_does_not_open_without_a_secret(complain: Complain) -> None:
    (problem,) = complain("[nudge]\nenabled = true")

    assert "nudge.secret: is required for enabled = true" in problem


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("short", "has less than 16 characters"),
        ("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==", "is the public one that Zendesk signs tests with"),
    ],
)
def test_a_secret_that_others_know_or_can_guess_is_refused_without_repeating_it(
    complain: Complain, secret: str, reason: str
) -> None:
    (problem,) = complain("", CONNECTOR_NUDGE__SECRET=secret)

    assert reason in problem
    assert secret not in problem


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("0.0.0.0:8079", ("0.0.0.0", 8079)),  # noqa: S104 - of a container
        ("[::1]:8079", ("::1", 8079)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_a_host_and_a_port(read: Read, listen: str, address: tuple[str, int]) -> None:
    assert read(f'[nudge]\nlisten = "{listen}"').settings.nudge.address == address


@pytest.mark.parametrize(
    "listen",
    ["", "8079", ":8079", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "http://127.0.0.1:8079", "a b:1"],
)
def test_any_other_address_is_refused_with_its_line(complain: Complain, listen: str) -> None:
    (problem,) = complain(f'[nudge]\nlisten = "{listen}"')

    assert problem.strip().startswith("settings.toml:2")
    assert "127.0.0.1:8079" in problem
