"""The lock files pin everything by hash and name no place to get it from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TextOf = Callable[[str], str]
LOCK_FILES = ["requirements.txt", "requirements-dev.txt"]

_PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==(?P<version>[^\s;]+)(?: ; .+)? \\")


def pins(text: str) -> dict[str, str]:
    """Name and version of every locked requirement."""
    matches = (_PIN.fullmatch(line) for line in text.splitlines() if not line.startswith((" ", "#")))
    return {match["name"]: match["version"] for match in matches if match}


def declared(text_of: TextOf, *groups: str) -> list[Requirement]:
    """What pyproject.toml asks for: the dependencies and those of ``groups``."""
    project = tomllib.loads(text_of("pyproject.toml"))
    entries: list[Any] = [*project["project"]["dependencies"]]
    for group in groups:
        entries += project["dependency-groups"][group]
    return [Requirement(entry) for entry in entries if isinstance(entry, str)]


@pytest.mark.parametrize("name", LOCK_FILES)
def test_a_lock_file_names_no_host_index_or_path(text_of: TextOf, name: str) -> None:
    found = re.findall(r"(?i)\w+://|--(?!hash=)[\w-]+|\bfile:|@ |pypi|\.whl", text_of(name))

    assert not found


@pytest.mark.parametrize("name", LOCK_FILES)
def test_every_requirement_is_pinned_with_its_hashes(text_of: TextOf, name: str) -> None:
    blocks = re.split(r"\n(?=[^\s#])", text_of(name).strip())

    unpinned = [block for block in blocks if not _PIN.fullmatch(block.splitlines()[0])]
    unhashed = [
        block for block in blocks if not re.search(r"^    --hash=sha256:[0-9a-f]{64}", block, re.MULTILINE)
    ]
    assert len(blocks) > 10
    assert not unpinned
    assert not unhashed


@pytest.mark.parametrize(
    ("name", "groups"), [("requirements.txt", ("build",)), ("requirements-dev.txt", ("build", "dev"))]
)
def test_a_lock_file_holds_what_pyproject_asks_for(
    text_of: TextOf, name: str, groups: tuple[str, ...]
) -> None:
    locked = pins(text_of(name))

    wrong = [
        str(each)
        for each in declared(text_of, *groups)
        if locked.get(canonicalize_name(each.name), "0") not in each.specifier
    ]

    assert not wrong, f"{name} is older than pyproject.toml; run `make lock`"


def test_tests_run_on_the_very_versions_that_users_install(text_of: TextOf) -> None:
    for_users, for_tests = (pins(text_of(name)) for name in LOCK_FILES)

    assert for_users.items() <= for_tests.items()
