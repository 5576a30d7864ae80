"""Lapses: how many leases in a row nobody ended, so that what kills its worker is found out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LEASED = sa.text("state = 'leased'")


def upgrade() -> None:
    for table in ("submissions", "writes"):
        op.add_column(table, sa.Column("lapses", sa.Integer, nullable=False, server_default="0"))
        op.create_index(
            f"ix_{table}_leased", table, ["helpdesk"], sqlite_where=_LEASED, postgresql_where=_LEASED
        )
