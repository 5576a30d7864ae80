"""Backfill: tickets of the past wait in a lane of their own, and some of their questions are in batches."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_IN_BATCH = sa.text("batch IS NOT NULL")


def upgrade() -> None:
    for table in ("submissions", "writes"):
        op.add_column(table, _needed("lane", server_default="live"))
    for table in ("submissions", "model_calls"):
        op.add_column(table, sa.Column("batch", _BIG))
        op.create_index(
            f"ix_{table}_batch", table, ["batch"], sqlite_where=_IN_BATCH, postgresql_where=_IN_BATCH
        )
    op.create_table(
        "batches",
        sa.Column("id", _BIG, nullable=False),
        _needed("helpdesk"),
        _needed("mark"),
        _needed("state", server_default="intended"),
        sa.Column("vendor_id", sa.Text),
        _needed("questions", sa.Integer),
        _needed("reserve_micro_usd", sa.BigInteger),
        sa.Column("pass_id", sa.Text),
        _needed("intended_at", sa.BigInteger),
        sa.Column("submitted_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("mark", name="uq_batches_mark"),
        sa.UniqueConstraint("vendor_id", name="uq_batches_vendor_id"),
        sa.CheckConstraint("state IN ('intended', 'submitted', 'ended')", name="ck_batches_state"),
    )
    op.create_index("ix_batches_helpdesk_state", "batches", ["helpdesk", "state"])


def _needed(name: str, kind: Any = sa.Text, **more: Any) -> sa.Column[Any]:  # noqa: ANN401 - passes on to Column
    return sa.Column(name, kind, nullable=False, **more)
