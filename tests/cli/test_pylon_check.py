"""``connector check`` at a Pylon tenant: what works in one line each, and what does not in plain words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.sandbox.pylon_api import PylonSandbox
from connector.settings import Settings

Check = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def tenant() -> Iterator[PylonSandbox]:
    with PylonSandbox(rate_limits=False) as sandbox:
        for name in {*Settings().groups().values(), Settings().helpdesk.human_group}:
            sandbox.add_team(name)
        yield sandbox


@pytest.fixture
def check(tenant: PylonSandbox, tmp_path: Path) -> Check:
    """Runs the command with the token in its secret file; returns the exit code and the lines by name."""

    def run(token: str) -> tuple[int, dict[str, dict[str, Any]]]:
        toml = f'[helpdesk]\nkind = "pylon"\nbase_url = "{tenant.url}"\n[llm]\nenabled = false\n'
        (tmp_path / "settings.toml").write_text(toml)
        secret = tmp_path / "secrets" / "helpdesk__api_token"
        secret.parent.mkdir()
        secret.write_text(token)
        secret.chmod(0o600)
        ended = subprocess.run(
            [sys.executable, "-m", "connector", "check", "--json"],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert token not in ended.stdout + ended.stderr
        return ended.returncode, {line["check"]: line for line in json.loads(ended.stdout)}

    return run


def test_a_tenant_with_all_teams_passes(check: Check, tenant: PylonSandbox) -> None:
    code, lines = check(tenant.token)

    assert code == os.EX_OK
    assert lines["helpdesk"]["detail"].endswith("API token")
    assert "the human group exist" in lines["groups"]["detail"]
    assert {name: lines[name]["state"] for name in ("reading", "writing", "priority", "tags")} == {
        "reading": "ok",
        "writing": "ok",
        "priority": "ok",
        "tags": "warn",
    }
    assert tenant.writes() == ()


def test_a_token_of_the_other_region_is_told_with_what_to_do(check: Check, tenant: PylonSandbox) -> None:
    code, lines = check(tenant.other_region_token)

    assert code == os.EX_NOPERM
    assert lines["helpdesk"]["state"] == "fail"
    assert "other region; leave base_url out" in lines["helpdesk"]["detail"]


def test_a_missing_team_is_named(check: Check, tenant: PylonSandbox) -> None:
    human = Settings().helpdesk.human_group
    for team in [each for each in tenant.world.teams.values() if each.name == human]:
        tenant.delete_team(team.id)

    code, lines = check(tenant.token)

    assert code == os.EX_CONFIG
    assert human in lines["groups"]["detail"]
