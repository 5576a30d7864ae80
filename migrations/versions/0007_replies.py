"""Replies: what requesters wrote later is looked at again, and their earlier tickets are noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WITH_REQUESTER = sa.text("requester IS NOT NULL")


def upgrade() -> None:
    for name in ("opened_at", "heard_since", "heard_until"):
        op.add_column("submissions", sa.Column(name, sa.BigInteger))
    op.create_index(
        "ix_submissions_requester",
        "submissions",
        ["helpdesk", "requester", "opened_at"],
        sqlite_where=_WITH_REQUESTER,
        postgresql_where=_WITH_REQUESTER,
    )
