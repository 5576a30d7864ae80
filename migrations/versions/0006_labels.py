"""Labels: tickets with their right classes, kept apart from the queue that they came through."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("id", _BIG, nullable=False),
        _needed("helpdesk"),
        _needed("ticket_id"),
        _needed("digest"),
        sa.Column("requester", sa.Text),
        _needed("said"),
        sa.Column("team", sa.Text),
        sa.Column("type", sa.Text),
        sa.Column("urgency", sa.Text),
        sa.Column("sentiment", sa.Text),
        _needed("source"),
        sa.Column("labelled_at", sa.BigInteger),
        _needed("stored_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sa.UniqueConstraint("helpdesk", "ticket_id", "digest", name="uq_labels_helpdesk_ticket_id_digest"),
    )


def _needed(name: str, kind: Any = sa.Text, **more: Any) -> sa.Column[Any]:  # noqa: ANN401 - passes on to Column
    return sa.Column(name, kind, nullable=False, **more)
