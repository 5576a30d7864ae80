"""Reads the settings once, from every layer, and says everything that is wrong with them at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from connector.errors import SettingsError
from connector.observe.redaction import escape_controls
from connector.settings.by_name import settled
from connector.settings.environment import CONFIG_VARIABLE, anthropic_layer, environment_layer
from connector.settings.layers import MISSING, Layer, paths_in, value_at
from connector.settings.model import Settings
from connector.settings.problems import problems_in
from connector.settings.secret_files import secret_directories, secrets_layer
from connector.settings.settings_file import file_layer

DEFAULT_FILE = "settings.toml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, what is odd about them, and the layers they came from (highest precedence first)."""

    settings: Settings
    warnings: tuple[str, ...]
    layers: tuple[Layer, ...] = field(repr=False)


def load_settings(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    use_file: bool = True,
    secret_dirs: Sequence[Path] | None = None,
) -> Loaded:
    """The effective settings: overrides, then environment, secret files, the file, defaults.

    ``path`` is the settings file; without it CONNECTOR_CONFIG or ./settings.toml, if that exists, unless
    ``use_file`` is False.  ./settings.toml and ./secrets are those in ``directory`` (the working directory);
    the directory secrets beside the settings file comes before the latter.
    Raises SettingsError with one line per problem.
    """
    environment = os.environ if environment is None else environment
    directory = directory or Path()
    overrides = overrides or {}
    file = _settings_file(path, environment, directory) if use_file else None
    if secret_dirs is None:
        secret_dirs = secret_directories(environment, directory, file)
    layers: tuple[Layer, ...] = (
        Layer(overrides, dict.fromkeys(paths_in(overrides), "command line")),
        environment_layer(environment),
        secrets_layer(secret_dirs),
        file_layer(file) if file else Layer(),
    )
    layers = settled(_meant_for_the_provider(layers, anthropic_layer(environment)))
    problems = [problem for layer in layers for problem in layer.problems]
    try:
        settings = _settings_from(layers)
    except ValidationError as error:
        problems += problems_in(error, layers)
    if problems:
        lines = dict.fromkeys(map(escape_controls, problems))
        raise SettingsError("\n".join(["the settings cannot be used:", *lines]))
    warnings = tuple(warning for layer in layers for warning in layer.warnings)
    return Loaded(settings, warnings, layers)


def _meant_for_the_provider(layers: tuple[Layer, ...], anthropic: Layer) -> tuple[Layer, ...]:
    """The layers with Anthropic's own variables among them, right after the environment's, where they count.

    Elsewhere they do not: AWS or Google credentials must not be sent to an address meant for Anthropic's.
    """
    found = (value_at(layer.values, ("llm", "provider")) for layer in layers)
    provider = next((value for value in found if value is not MISSING), "anthropic")
    return (*layers[:2], anthropic, *layers[2:]) if provider == "anthropic" else layers


def _settings_file(path: Path | None, environment: Mapping[str, str], directory: Path) -> Path | None:
    """The file that was named, or the usual one if it is there."""
    chosen = path or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    default = directory / DEFAULT_FILE
    return chosen or (default if default.exists() else None)


def _settings_from(layers: tuple[Layer, ...]) -> Settings:
    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            *_: PydanticBaseSettingsSource,
            **__: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, dict(layer.values)) for layer in layers)

    return Layered()
