"""The nearest source wins, and every value can say where it came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings import Loaded, effective, load_settings

Read = Callable[..., Loaded]
WriteSecret = Callable[..., Path]


def source_of(loaded: Loaded, key: str) -> str:
    return next(row.source for row in effective(loaded) if row.key == key)


def test_command_line_beats_environment_beats_secret_file_beats_settings_file_beats_default(
    read: Read, write_secret: WriteSecret
) -> None:
    toml = '[llm]\napi_key = "file"\n'
    key = "llm.api_key"
    found: list[tuple[str | None, str]] = []

    def note(loaded: Loaded) -> None:
        secret = loaded.settings.llm.api_key
        found.append((secret.get_secret_value() if secret else None, source_of(loaded, key)))

    note(read(""))
    note(read(toml))
    write_secret("llm__api_key", "secret")
    note(read(toml))
    note(read(toml, ANTHROPIC_API_KEY="anthropic"))
    note(read(toml, ANTHROPIC_API_KEY="anthropic", CONNECTOR_LLM__API_KEY="variable"))
    note(read(toml, {"llm": {"api_key": "flag"}}, CONNECTOR_LLM__API_KEY="variable"))

    assert found == [
        (None, "default"),
        ("file", "settings.toml:2"),
        ("secret", "secrets/llm__api_key"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("variable", "CONNECTOR_LLM__API_KEY"),
        ("flag", "command line"),
    ]


def test_keys_of_one_table_may_come_from_different_sources(read: Read) -> None:
    loaded = read("[poll]\ninterval_seconds = 5\n[log]\nlevel = 'debug'", CONNECTOR_LOG__FORMAT="json")

    settings = loaded.settings
    assert (settings.poll.interval_seconds, settings.log.level, settings.log.format) == (5, "debug", "json")


def test_a_list_of_tables_replaces_the_default_list_as_a_whole(read: Read) -> None:
    settings = read('[[teams]]\nname = "help_desk"\n').settings

    assert settings.groups() == {"help_desk": "Help desk"}


def test_lists_and_tables_in_the_environment_are_json(read: Read) -> None:
    loaded = read(
        CONNECTOR_HELPDESK__INBOX_GROUPS='["Triage", "Inbox"]',
        CONNECTOR_HELPDESK__TIER_TAGS='{"vip": "enterprise"}',
        CONNECTOR_TEAMS='[{"name": "one"}, {"name": "two"}]',
    )

    assert loaded.settings.helpdesk.inbox_groups == ("Triage", "Inbox")
    assert loaded.settings.helpdesk.tier_tags == {"vip": "enterprise"}
    assert list(loaded.settings.groups()) == ["one", "two"]
    assert source_of(loaded, "teams[1].name") == "CONNECTOR_TEAMS"


def test_a_table_that_names_only_another_model_keeps_the_other_keys(read: Read) -> None:
    cheap = read('[llm.cheap]\nmodel = "claude-sonnet-5-5"\n').settings.llm.cheap

    assert (cheap.model, cheap.max_tokens, cheap.effort) == ("claude-sonnet-5-5", 512, "low")


def test_anthropics_own_variables_are_honoured_and_empty_ones_are_not(read: Read) -> None:
    llm = read(ANTHROPIC_API_KEY="", ANTHROPIC_BASE_URL="http://127.0.0.1:8080/").settings.llm

    assert llm.api_key is None
    assert llm.base_url == "http://127.0.0.1:8080"


def test_the_settings_file_may_be_named_by_flag_or_variable(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, third = tmp_path / "other.toml", tmp_path / "third.toml"
    other.write_text("[poll]\ninterval_seconds = 1\n")
    third.write_text("[poll]\ninterval_seconds = 2\n")
    environment = {"CONNECTOR_CONFIG": str(other)}

    by_variable = load_settings(environment=environment, secret_dirs=())
    by_flag = load_settings(third, environment=environment, secret_dirs=())
    unread = load_settings(environment=environment, secret_dirs=(), use_file=False)

    intervals = [each.settings.poll.interval_seconds for each in (by_variable, by_flag, unread)]
    assert intervals == [1, 2, 60]


def test_a_named_settings_file_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: cannot be read: No such file"):
        load_settings(tmp_path / "gone.toml", environment={}, secret_dirs=())


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(read: Read, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xef\xbb\xbf[poll]\r\ninterval_seconds = 7\r\n")

    loaded = read()

    assert loaded.settings.poll.interval_seconds == 7
    assert source_of(loaded, "poll.interval_seconds") == "settings.toml:2"


def test_what_kubernetes_sets_for_a_service_called_connector_is_not_a_setting(read: Read) -> None:
    loaded = read(
        CONNECTOR_SERVICE_HOST="10.0.0.1", CONNECTOR_PORT_8080_TCP_ADDR="10.0.0.1", CONNECTOR_PORT="x"
    )

    assert loaded.settings.poll.interval_seconds == 60


def test_a_list_hides_what_lower_sources_say_about_its_items(read: Read) -> None:
    toml = '[[teams]]\nname = "one"\ngroup = "First"\n[[teams]]\nname = "two"\n'

    loaded = read(toml, CONNECTOR_TEAMS='[{"name": "only"}]')

    assert source_of(loaded, "teams[0].group") == "default"
