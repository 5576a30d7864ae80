"""``connector db``: the database's schema."""

from __future__ import annotations

import os
from pathlib import Path

from connector.settings import load_settings


def upgrade(*, config: Path | None) -> int:
    from connector.bootstrap import upgrade_store

    settings = load_settings(config).settings
    before, after = upgrade_store(settings)
    print(f"schema {after}" + (" (already)" if before == after else f" (was {before or 'empty'})"))
    return os.EX_OK
