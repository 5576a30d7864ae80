"""Erased words: when and why they left a submission, and whose may not come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("submissions", sa.Column("erased_at", sa.BigInteger))
    op.add_column("submissions", sa.Column("erased_because", sa.Text))
    _partial_index("ix_submissions_with_text", "seen_at", "ticket IS NOT NULL")
    _partial_index("ix_submissions_erased", "erased_at", "ticket IS NOT NULL AND erased_at IS NOT NULL")
    op.create_table(
        "tombstones",
        sa.Column("helpdesk", sa.Text, nullable=False),
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("helpdesk", "mark", name="pk_tombstones"),
    )


def _partial_index(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "submissions", ["helpdesk", column], sqlite_where=where, postgresql_where=where)
