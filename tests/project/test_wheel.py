"""What people install is complete: a wheel works without the repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from connector.store.schema import HEAD


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built without a network."""
    folder = tmp_path_factory.mktemp("dist")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=60)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize(
    "part",
    [
        "connector/py.typed",
        "connector/migrations/env.py",
        "connector/migrations/versions/0001_ledger.py",
        "connector/sandbox/data/threads.jsonl",
        "connector/sandbox/data/labels.csv",
        "connector/sandbox/data/NOTICE.md",
        "connector/sandbox/data/LICENSE-Apache-2.0.txt",
        "connector/settings.example.toml",
    ],
)
def test_a_wheel_carries(wheel: Path, part: str) -> None:
    assert part in zipfile.ZipFile(wheel).namelist()


def test_a_wheel_creates_a_database_with_its_own_migrations(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import connector.store, pathlib; "
        "assert 'site' in connector.store.__file__, connector.store.__file__; "
        "print(connector.store.upgrade('sqlite:///new.db'))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.strip() == f"(None, '{HEAD}')", done.stderr
