"""connector init in a script: flags, secrets from the environment or stdin, exit codes that tell."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings, load_settings
from tests.cli.conftest import Ended

SECRET = "a-secret-that-must-never-be-shown"
TOKEN = "a-token-that-must-never-be-shown"
ELSEWHERE = "a-token-of-the-other-region"
HOSTILE = 'Say "yes"\n[llm]\x07 🙂 \\ ' + "x" * 200

Init = Callable[..., Ended]


@pytest.fixture(scope="module")
def account() -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(rate_limits=False, client_secret=SECRET, api_token=TOKEN) as zendesk:
        for name in ("Support", "Billing & Payments", "Tier 2 Engineering", HOSTILE, "Twins", "Twins"):
            zendesk.add_group(name)
        yield zendesk


@pytest.fixture(scope="module")
def tenant() -> Iterator[PylonSandbox]:
    with PylonSandbox(rate_limits=False, token=TOKEN, other_region_token=ELSEWHERE) as pylon:
        for name in {*Settings().groups().values(), "Support"}:
            pylon.add_team(name)
        yield pylon


@pytest.fixture
def command(tmp_path: Path) -> Init:
    """Runs ``connector …`` in an empty directory without a terminal; variables are keyword arguments."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Ended:
        root = str(Path(__file__).parents[3])
        ended = subprocess.run(
            [sys.executable, "-m", "connector", *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": root} | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        shown = ended.stdout + ended.stderr
        assert not [each for each in (SECRET, TOKEN, ELSEWHERE) if each in shown]
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def init(command: Init) -> Init:
    return lambda *arguments, **more: command("init", *arguments, **more)


def at(zendesk: ZendeskSandbox) -> tuple[str, ...]:
    return ("--helpdesk", "zendesk", "--base-url", zendesk.url, "--client-id", "connector")


def test_flags_and_a_variable_are_enough_and_every_name_is_found_again(
    init: Init, command: Init, account: ZendeskSandbox, tmp_path: Path
) -> None:
    config = tmp_path / "a place" / "triage.toml"
    config.parent.mkdir()

    done = init(
        *at(account),
        *("--map", f"security={HOSTILE}", "--inbox-group", "Support", "--config", str(config), "--json"),
        CONNECTOR_HELPDESK__CLIENT_SECRET=SECRET,
    )

    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert facts["teams"] == {
        "billing": "Billing & Payments",
        "infrastructure": "Tier 2 Engineering",
        "product": "Tier 2 Engineering",
        "security": HOSTILE,
        "onboarding": "Support",
        "general": "Support",
    }
    assert facts["unused_groups"] == ["Twins", "Twins"]
    assert facts["next"][0] == f"connector check --config '{config}'"
    assert sorted(path.name for path in (config.parent / "secrets").iterdir()) == [
        ".gitignore",
        "helpdesk__client_secret",
    ]
    assert SECRET not in config.read_text()
    checked = command("check", "--json", "--config", str(config), CONNECTOR_LLM__ENABLED="false")
    states = {line["check"]: line["state"] for line in json.loads(checked.out)}
    assert (checked.code, states["helpdesk"], states["groups"]) == (0, "ok", "ok"), checked.out


def test_a_legacy_login_with_its_secret_on_stdin(init: Init, account: ZendeskSandbox, tmp_path: Path) -> None:
    flags = ("--helpdesk", "zendesk", "--base-url", account.url, "--email", "connector@example.com")

    done = init(*flags, "--secret-stdin", stdin=f"{TOKEN}\n")

    assert done.code == 0, done.err
    assert done.out.splitlines()[:3] == [
        "wrote secrets/.gitignore",
        "wrote secrets/helpdesk__api_token",
        "wrote settings.toml",
    ]
    chosen = load_settings(environment={}, directory=tmp_path).settings.helpdesk
    assert (chosen.email, chosen.client_id) == ("connector@example.com", None)
    assert chosen.api_token is not None
    assert chosen.api_token.get_secret_value() == TOKEN


def test_a_pylon_organization_is_set_up_and_passes_the_check(
    init: Init, command: Init, tenant: PylonSandbox, tmp_path: Path
) -> None:
    flags = ("--helpdesk", "pylon", "--base-url", tenant.url)

    done = init(*flags, "--yes", CONNECTOR_HELPDESK__API_TOKEN=TOKEN, ANTHROPIC_API_KEY="a-key")

    assert done.code == 0, done.err
    assert (tmp_path / "secrets" / "llm__api_key").read_text() == "a-key\n"
    checked = command("check", CONNECTOR_LLM__ENABLED="false")
    assert (checked.code, "6 teams and the human group exist" in checked.out) == (0, True), checked.out


def test_a_token_of_the_other_region_ends_with_77_in_plain_words_and_leaves_nothing(
    init: Init, tenant: PylonSandbox, tmp_path: Path
) -> None:
    done = init("--helpdesk", "pylon", "--base-url", tenant.url, CONNECTOR_HELPDESK__API_TOKEN=ELSEWHERE)

    told = "the token belongs to Pylon's other region; leave base_url out and set region"
    assert (done.code, told in done.err) == (os.EX_NOPERM, True), done.err
    assert list(tmp_path.iterdir()) == []


def test_a_helpdesk_that_cannot_be_reached_ends_with_69_and_leaves_nothing(
    init: Init, tmp_path: Path
) -> None:
    with socket.socket() as taken:  # nobody listens on it
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        flags = ("--helpdesk", "pylon", "--base-url", address)

        done = init(*flags, CONNECTOR_HELPDESK__API_TOKEN=TOKEN)

    assert (done.code, "cannot be reached" in done.err) == (os.EX_UNAVAILABLE, True), done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "--helpdesk"),
        (("--helpdesk", "zendesk"), "--base-url"),
        (("--helpdesk", "zendesk", "--base-url", "acme"), "--client-id (or --email)"),
        (("--helpdesk", "pylon", "--region", "eu"), "CONNECTOR_HELPDESK__API_TOKEN"),
        (("--helpdesk", "zendesk", "--base-url", "http://acme.example"), "should begin with https://"),
        (("--client-id", "x", "--email", "y"), "give one of --client-id and --email"),
        (("--map", "biling=Billing"), 'did you mean "billing"?'),
        (("--secret-stdin",), "there is no secret on stdin"),
        (("--helpdesk", "sandbox", "--human-group", "Support"), "the sandbox has the groups"),
    ],
)
def test_what_is_missing_or_wrong_is_told_by_its_flag_before_anybody_is_asked(
    flags: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from connector.cli import exit_code_of

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    code = exit_code_of(["init", *flags])

    shown = " ".join(capfd.readouterr().err.split())
    assert (code, told in shown) == (2, True), shown
    assert list(tmp_path.iterdir()) == []


class Screen(io.StringIO):
    """A terminal, as far as one can tell from it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        (Screen(f"{SECRET}\n"), "stdin is a terminal, which would show it"),
        (io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"), "is no text"),
    ],
)
def test_a_secret_is_not_read_from_where_it_would_be_seen_or_garbled(
    stdin: io.TextIOBase,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from connector.cli import exit_code_of

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", stdin)

    code = exit_code_of(["init", "--helpdesk", "pylon", "--secret-stdin"])

    assert (code, told in " ".join(capfd.readouterr().err.split())) == (2, True)


def test_names_that_lead_to_no_group_or_to_two_end_with_78_and_leave_nothing(
    init: Init, account: ZendeskSandbox, tmp_path: Path
) -> None:
    flags = (*at(account), "--map", "billing=Twins")

    done = init(*flags, CONNECTOR_HELPDESK__CLIENT_SECRET=SECRET)

    assert done.code == os.EX_CONFIG
    assert '--map billing: 2 groups are called "Twins"; use one of the ids' in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_sandbox_needs_no_answer_at_all(init: Init, tmp_path: Path) -> None:
    done = init("--helpdesk", "sandbox")

    assert (done.code, [path.name for path in tmp_path.iterdir()]) == (0, ["settings.toml"])
    settings = load_settings(environment={}, directory=tmp_path).settings
    assert settings.model_dump() == Settings().model_dump()


def test_what_is_there_is_never_replaced_unasked_and_kept_when_asked(
    init: Init, account: ZendeskSandbox, tmp_path: Path
) -> None:
    settings, secrets = tmp_path / "settings.toml", tmp_path / "secrets"
    settings.write_text('[helpdesk]\nkind = "sandbox"\n')
    secrets.mkdir(mode=0o755)
    (secrets / "helpdesk__client_secret").write_text("an older one")
    (secrets / "helpdesk__api_token").write_text("of the other login")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    refused = init(*at(account), CONNECTOR_HELPDESK__CLIENT_SECRET=SECRET)

    assert (refused.code, "settings.toml is there already; --force" in " ".join(refused.err.split())) == (
        2,
        True,
    )
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    forced = init(*at(account), "--force", "--json", CONNECTOR_HELPDESK__CLIENT_SECRET=SECRET)

    assert forced.code == 0, forced.err
    assert sorted(forced.last_json["kept"]) == [
        "secrets/.helpdesk__api_token.bak",
        "secrets/.helpdesk__client_secret.bak",
        "settings.toml.bak",
    ]
    assert (tmp_path / "settings.toml.bak").read_bytes() == before[settings]
    assert (secrets / ".helpdesk__client_secret.bak").read_text() == "an older one"
    assert "secrets: others can look into this directory; run chmod 700 on it" in forced.err
    loaded = load_settings(environment={}, directory=tmp_path)
    assert (loaded.warnings, loaded.settings.helpdesk.client_id) == ((), "connector")


def test_a_variable_that_wins_over_the_file_is_told(init: Init, account: ZendeskSandbox) -> None:
    group = "Tier 2 Engineering"
    environment = {"CONNECTOR_HELPDESK__HUMAN_GROUP": group, "CONNECTOR_HELPDESK__CLIENT_SECRET": SECRET}

    done = init(*at(account), "--human-group", "Support", **environment)

    assert done.code == 0, done.err
    told = "CONNECTOR_HELPDESK__HUMAN_GROUP is set to something else, and wins over helpdesk.human_group"
    assert f"warning: {told}" in done.err
