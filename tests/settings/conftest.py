"""A directory with settings, read without anything of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.errors import SettingsError
from connector.settings import Loaded, load_settings

Read = Callable[..., Loaded]
Complain = Callable[..., list[str]]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Loads from a TOML text, variables and overrides; ``secrets/`` is in the working directory."""
    monkeypatch.chdir(tmp_path)

    def load(
        toml: str | None = None, overrides: Mapping[str, Any] | None = None, **environment: str
    ) -> Loaded:
        if toml is not None:
            Path("settings.toml").write_text(toml, encoding="utf-8")
        return load_settings(None, overrides, environment=environment, secret_dirs=[Path("secrets")])

    return load


@pytest.fixture
def complain(read: Read) -> Complain:
    """The problems of settings that cannot be used, line by line, without the headline."""

    def problems(*arguments: Any, **environment: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            read(*arguments, **environment)
        return str(caught.value).splitlines()[1:]

    return problems


@pytest.fixture
def write_secret(tmp_path: Path) -> Callable[..., Path]:
    """Puts a file into ``secrets/``."""

    def write(name: str, text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "secrets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return write
