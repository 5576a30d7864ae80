"""``connector sandbox``: its first line is all that another terminal needs."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.cli.conftest import Shell, bare_environment


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell(folder=tmp_path, environment=bare_environment(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("vendor", "keys"),
    [("zendesk", {"BASE_URL", "CLIENT_ID", "CLIENT_SECRET"}), ("pylon", {"BASE_URL", "API_TOKEN"})],
)
def test_with_the_printed_environment_a_pass_does_its_work(shell: Shell, vendor: str, keys: set[str]) -> None:
    options = ("--tickets", "12", "--originals", "100", "--latency-ms", "0", "--no-rate-limits")
    served = shell.start("sandbox", "--helpdesk", vendor, *options)
    assert served.stdout is not None
    printed = json.loads(served.stdout.readline())

    passed = shell.run("run", "--once", "--json", **printed)
    served.send_signal(signal.SIGINT)

    assert printed["CONNECTOR_HELPDESK__KIND"] == vendor
    prefix = "CONNECTOR_HELPDESK__"
    assert {each.removeprefix(prefix) for each in printed if each.startswith(prefix)} == keys | {"KIND"}
    assert passed.code == 0, passed.err
    assert passed.last_json["screened"] == {"original": 12}
    assert passed.last_json["written"] == {"applied": 12}
    assert served.wait(30) == 0


def test_faults_on_request_spoil_about_that_share_of_the_answers(shell: Shell) -> None:
    served = shell.start("sandbox", "--helpdesk", "pylon", "--tickets", "0", "--faults", "50", "--seed", "3")
    assert served.stdout is not None
    printed = json.loads(served.stdout.readline())
    token = {"Authorization": f"Bearer {printed['CONNECTOR_HELPDESK__API_TOKEN']}"}

    def answers() -> bool:
        try:
            reply = requests.get(f"{printed['CONNECTOR_HELPDESK__BASE_URL']}/me", headers=token, timeout=10)
        except requests.ConnectionError:
            return False
        return reply.ok and "json" in reply.headers["Content-Type"]

    good = sum(answers() for _ in range(40))

    assert 10 <= good <= 30
