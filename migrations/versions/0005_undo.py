"""Undoing: how a write left the ticket, and a queue of writes that are being taken back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_WAITING = sa.text("state IN ('pending', 'leased')")


def upgrade() -> None:
    op.add_column("writes", sa.Column("left_as", sa.Text))
    op.create_table(
        "undos",
        sa.Column("id", _BIG, nullable=False),
        _needed("write_id", _BIG),
        _needed("helpdesk"),
        _needed("ticket_id"),
        _needed("pass_id"),
        sa.Column("outcome", sa.Text),
        _needed("maybe_sent", sa.Boolean, server_default=sa.text("false")),
        sa.Column("seen", sa.Text),
        sa.Column("after_version", sa.Text),
        sa.Column("after_at", sa.BigInteger),
        sa.Column("after_group", sa.Text),
        sa.Column("ended_at", sa.BigInteger),
        _needed("state", server_default="pending"),
        sa.Column("reason", sa.Text),
        _needed("run_after", sa.BigInteger, server_default="0"),
        _needed("attempts", sa.Integer, server_default="0"),
        _needed("lapses", sa.Integer, server_default="0"),
        sa.Column("lease_owner", sa.Text),
        _needed("lease_epoch", sa.BigInteger, server_default="0"),
        _needed("lease_until", sa.BigInteger, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_undos"),
        sa.ForeignKeyConstraint(["write_id"], ["writes.id"], name="fk_undos_write_id"),
        sa.UniqueConstraint("write_id", name="uq_undos_write_id"),
        sa.CheckConstraint("state IN ('pending', 'leased', 'done')", name="ck_undos_state"),
    )
    op.create_index("ix_undos_helpdesk_ticket_id", "undos", ["helpdesk", "ticket_id"])
    op.create_index(
        "ix_undos_waiting",
        "undos",
        ["helpdesk", "pass_id", "run_after", "id"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )


def _needed(name: str, kind: Any = sa.Text, **more: Any) -> sa.Column[Any]:  # noqa: ANN401 - passes on to Column
    return sa.Column(name, kind, nullable=False, **more)
