"""The rate budgets that all processes of a helpdesk share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_budgets",
        sa.Column("helpdesk", sa.Text, nullable=False),
        sa.Column("bucket", sa.Text, nullable=False),
        sa.Column("per_minute", sa.Integer),
        sa.Column("closed_until", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("granted", sa.Text, nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("helpdesk", "bucket", name="pk_rate_budgets"),
    )
