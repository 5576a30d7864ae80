"""Secrets come from files, stay hidden, and are never part of a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.settings import Loaded, effective, load_settings

Read = Callable[..., Loaded]
Complain = Callable[..., list[str]]
WriteSecret = Callable[..., Path]

SECRET = "s3cr3t-9f8e7d"


@pytest.mark.parametrize("name", ["helpdesk__client_secret", "connector_helpdesk__client_secret"])
def test_a_secret_file_is_read_without_its_line_end(read: Read, write_secret: WriteSecret, name: str) -> None:
    write_secret(name, f"{SECRET}\n")

    secret = read().settings.helpdesk.client_secret

    assert secret is not None
    assert secret.get_secret_value() == SECRET


def test_a_directory_given_by_systemd_is_the_only_one_that_is_looked_at(
    tmp_path: Path, write_secret: WriteSecret
) -> None:
    write_secret("llm__api_key", SECRET)
    credentials = tmp_path / "credentials"
    credentials.mkdir()

    without = load_settings(environment={}, directory=tmp_path)
    with_systemd = load_settings(environment={"CREDENTIALS_DIRECTORY": str(credentials)}, directory=tmp_path)

    assert without.settings.llm.api_key is not None
    assert with_systemd.settings.llm.api_key is None


@pytest.mark.parametrize("named_by", ["argument", "variable"])
def test_secrets_beside_the_settings_file_come_before_those_in_the_working_directory(
    tmp_path: Path, write_secret: WriteSecret, named_by: str
) -> None:
    write_secret("llm__api_key", "of the working directory")
    beside = tmp_path / "etc" / "secrets"
    beside.mkdir(parents=True)
    (beside / "llm__api_key").write_text(SECRET)
    (beside / "llm__api_key").chmod(0o600)
    file = tmp_path / "etc" / "triage.toml"
    file.write_text("")

    if named_by == "argument":
        loaded = load_settings(file, environment={}, directory=tmp_path)
    else:
        loaded = load_settings(environment={"CONNECTOR_CONFIG": str(file)}, directory=tmp_path)

    key = loaded.settings.llm.api_key
    assert (key.get_secret_value() if key else None, loaded.warnings) == (SECRET, ())


def test_without_any_beside_the_file_the_working_directory_has_them(
    tmp_path: Path, write_secret: WriteSecret
) -> None:
    write_secret("llm__api_key", SECRET)
    file = tmp_path / "etc" / "triage.toml"
    file.parent.mkdir()
    file.write_text("")

    loaded = load_settings(file, environment={}, directory=tmp_path)

    assert loaded.settings.llm.api_key is not None


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_secret_file_is_no_cause_for_a_warning(
    read: Read, write_secret: WriteSecret, mode: int
) -> None:
    write_secret("llm__api_key", SECRET, mode)

    assert read().warnings == ()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_file_that_others_can_read_is_warned_about(
    read: Read, write_secret: WriteSecret, mode: int
) -> None:
    write_secret("llm__api_key", SECRET, mode)

    (warning,) = read().warnings

    assert warning == (
        f"secrets/llm__api_key: others can read this secret (mode {mode:04o}); run chmod 600 on it"
    )


def test_a_secret_in_the_settings_file_is_used_with_the_advice_to_move_it(read: Read) -> None:
    loaded = read(f'[helpdesk]\napi_token = "{SECRET}"\n[store]\nurl = "postgresql://u:{SECRET}@db/x"\n')

    assert loaded.settings.helpdesk.api_token is not None
    assert loaded.warnings == (
        "settings.toml:2: helpdesk.api_token: "
        "move this secret to the file secrets/helpdesk__api_token (mode 0600)",
        "settings.toml:4: store.url: move this secret to the file secrets/store__url (mode 0600)",
    )


def test_an_address_without_a_password_may_stay_in_the_settings_file(read: Read) -> None:
    loaded = read('[store]\nurl = "sqlite:///x.db"\n[helpdesk]\nproxy = "http://proxy.local:3128"\n')

    assert loaded.warnings == ()


def test_other_peoples_files_in_the_directory_are_left_alone(read: Read, write_secret: WriteSecret) -> None:
    for name in ("log", "database_password", "other__token", "README"):
        write_secret(name, "x", 0o644)

    assert read().warnings == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("\n", "llm.api_key: is empty"),
        ("two\nlines", "llm.api_key: holds a line break or another character that no credential has"),
        ("x" * 70_000, "cannot be read: not a text of at most 64 kB"),
    ],
)
def test_an_unusable_secret_file_is_refused_by_its_name(
    complain: Complain, write_secret: WriteSecret, content: str, problem: str
) -> None:
    write_secret("llm__api_key", content)

    assert complain() == [f"secrets/llm__api_key: {problem}"]


def test_no_message_warning_or_representation_holds_a_secret(
    read: Read, complain: Complain, write_secret: WriteSecret
) -> None:
    write_secret("helpdesk__api_token", f"{SECRET}\n\n{SECRET}")
    wrong = (
        f'[llm]\napi_key = ["{SECRET}"]\nbase_url = "https://u:{SECRET}@gateway"\n'
        f'[store]\nurl = "mysql://u:{SECRET}@db"\n[helpdesk]\nproxy = "ftp://u:{SECRET}@x"\n'
    )

    problems = complain(
        wrong, {"poll": {"interval_seconds": SECRET}}, CONNECTOR_HELPDESK__CLIENT_SECRET=f"\n{SECRET}\0"
    )
    write_secret("helpdesk__api_token", SECRET)
    loaded = read(f'[store]\nurl = "postgresql://u:{SECRET}@db/x"\n', CONNECTOR_LLM__API_KEY=SECRET)

    texts = [
        *problems,
        *loaded.warnings,
        repr(loaded),
        str(loaded.settings),
        loaded.settings.model_dump_json(),
    ]
    assert len(problems) == 7
    assert not [text for text in texts if SECRET in text]


def test_the_effective_settings_show_no_secret(read: Read) -> None:
    loaded = read(
        f'[store]\nurl = "postgresql://u:{SECRET}@db/x"\n[helpdesk]\nproxy = "http://u:{SECRET}@proxy:3128"\n',
        CONNECTOR_LLM__API_KEY=SECRET,
    )

    shown = {row.key: row.value for row in effective(loaded)}

    assert shown["store.url"] == "postgresql://u:**********@db/x"
    assert shown["helpdesk.proxy"] == "http://u:**********@proxy:3128"
    assert shown["llm.api_key"] == "**********"
    assert not [value for value in shown.values() if SECRET in value]


def test_the_log_is_told_every_secret_also_those_inside_addresses(read: Read) -> None:
    loaded = read('[store]\nurl = "postgresql://u:p%40ss@db/x"\n', CONNECTOR_LLM__API_KEY=SECRET)

    assert loaded.settings.secret_values() == {SECRET, "p%40ss", "p@ss"}
