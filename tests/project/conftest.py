"""The files around the code, as they are committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The directory with pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def text_of() -> Callable[[str], str]:
    """Reads a file of the project; a missing one fails the test by name."""

    def read(name: str) -> str:
        path = ROOT / name
        assert path.is_file(), f"{name} is missing"
        return path.read_text(encoding="utf-8")

    return read
