"""`make audit` is green only when every locked dependency was really looked up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

LOCKS = ["requirements.txt", "requirements-dev.txt"]


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """A copy of what the target reads, with an auditor that ends as told and notes how it was called."""
    for name in ["Makefile", "pyproject.toml", *LOCKS]:
        shutil.copy(root / name, tmp_path / name)
    tools = tmp_path / ".venv-audit" / "bin"
    tools.mkdir(parents=True)
    auditor = tools / "pip-audit"
    auditor.write_text('#!/bin/sh\necho "$@" >> calls\nexit "$AUDITOR_ENDS"\n')
    auditor.chmod(0o755)
    (tools.parent / ".made").touch()
    os.utime(tmp_path / "Makefile", (0, 0))
    return tmp_path


def audit(project: Path, auditor_ends: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"AUDITOR_ENDS": str(auditor_ends)}
    return subprocess.run(
        ["make", "audit"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def test_an_audit_that_could_not_be_made_is_a_failure(project: Path) -> None:
    ended = audit(project, 1)

    assert ended.returncode != 0
    assert "could not be audited" in ended.stderr


def test_both_lock_files_are_audited_strictly_and_by_hash(project: Path) -> None:
    ended = audit(project, 0)

    calls = (project / "calls").read_text().splitlines()
    assert ended.returncode == 0, ended.stderr
    assert [call.split()[-1] for call in calls] == LOCKS
    assert all({"--strict", "--require-hashes"} <= set(call.split()) for call in calls)


def test_a_merge_does_not_wait_for_the_network(root: Path) -> None:
    assert "audit" not in (root / ".ci" / "run").read_text(encoding="utf-8")
