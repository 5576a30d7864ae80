"""Arrivals: by which way a submission reached us, and when a person moved a ticket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("submissions", sa.Column("arrived_by", sa.Text, nullable=False, server_default="poll"))
    op.add_column("corrections", sa.Column("moved_at", sa.BigInteger))
