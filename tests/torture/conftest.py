"""One empty ledger for all scenarios of the sweep, on a file and in a schema of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Server
from tests.torture.story import Stage, file_stage, schema_stage
from tests.torture.sweep import length


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return file_stage(tmp_path_factory.mktemp("torture"))


@pytest.fixture(scope="package")
def postgres_stage(postgres_server: Server) -> Iterator[Stage]:
    with postgres_server.schema() as schema, schema_stage(schema) as stage:
        yield stage


@pytest.fixture(scope="package")
def count(stage: Stage) -> int:
    """How many moments the undisturbed story passes."""
    return length(stage)
