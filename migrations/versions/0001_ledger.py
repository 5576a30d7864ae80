"""The first ledger: checkpoints, revisions, submissions, model calls, decisions, writes, corrections."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_WAITING = sa.text("state IN ('pending', 'leased')")


def upgrade() -> None:
    _feed()
    _submissions()
    _model_calls()
    _decisions()
    _writes()
    _corrections()


def _needed(name: str, kind: Any = sa.Text, **more: Any) -> sa.Column[Any]:  # noqa: ANN401 - passes on to Column
    return sa.Column(name, kind, nullable=False, **more)


def _lease() -> list[sa.Column[Any]]:
    return [
        sa.Column("lease_owner", sa.Text),
        _needed("lease_epoch", sa.BigInteger, server_default="0"),
        _needed("lease_until", sa.BigInteger, server_default="0"),
    ]


def _queue() -> list[sa.Column[Any]]:
    return [
        _needed("state", server_default="pending"),
        sa.Column("reason", sa.Text),
        _needed("run_after", sa.BigInteger, server_default="0"),
        _needed("attempts", sa.Integer, server_default="0"),
        *_lease(),
    ]


def _waiting_index(table: str, *columns: str) -> None:
    op.create_index(
        f"ix_{table}_waiting", table, list(columns), sqlite_where=_WAITING, postgresql_where=_WAITING
    )


def _feed() -> None:
    op.create_table(
        "checkpoints",
        _needed("helpdesk"),
        sa.Column("checkpoint", sa.Text),
        _needed("horizon", sa.BigInteger),
        sa.Column("polled_at", sa.BigInteger),
        *_lease(),
        sa.PrimaryKeyConstraint("helpdesk", name="pk_checkpoints"),
    )
    op.create_table(
        "passes",
        _needed("id"),
        _needed("mode"),
        _needed("worker"),
        _needed("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("summary", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_passes"),
    )
    op.create_index("ix_passes_started_at", "passes", ["started_at"])
    op.create_table(
        "revisions",
        _needed("helpdesk"),
        _needed("ticket_id"),
        _needed("version"),
        _needed("fingerprint"),
        _needed("disposition"),
        sa.Column("reason", sa.Text),
        sa.Column("pass_id", sa.Text),
        _needed("seen_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("helpdesk", "ticket_id", "version", "fingerprint", name="pk_revisions"),
        sqlite_with_rowid=False,
    )


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", _BIG, nullable=False),
        _needed("helpdesk"),
        _needed("ticket_id"),
        _needed("generation", sa.Integer),
        sa.Column("requester", sa.Text),
        sa.Column("ticket", sa.Text),
        _needed("rank", sa.Integer),
        sa.Column("waiting_since", sa.BigInteger),
        sa.Column("pass_id", sa.Text),
        _needed("seen_at", sa.BigInteger),
        *_queue(),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.CheckConstraint("state IN ('pending', 'leased', 'decided')", name="ck_submissions_state"),
        sa.UniqueConstraint(
            "helpdesk", "ticket_id", "generation", name="uq_submissions_helpdesk_ticket_id_generation"
        ),
    )
    _waiting_index("submissions", "helpdesk", "rank", "run_after", "id")


def _model_calls() -> None:
    tokens = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens")
    op.create_table(
        "model_calls",
        sa.Column("id", _BIG, nullable=False),
        _needed("submission_id", _BIG),
        _needed("tier"),
        _needed("try_no", sa.Integer),
        _needed("lease_epoch", sa.BigInteger),
        _needed("state"),
        _needed("model"),
        _needed("reserve_micro_usd", sa.BigInteger),
        sa.Column("cost_micro_usd", sa.BigInteger),
        *(sa.Column(name, sa.BigInteger) for name in tokens),
        sa.Column("request_id", sa.Text),
        sa.Column("stop_reason", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("answer", sa.Text),
        _needed("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_model_calls"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_model_calls_submission_id"),
        sa.CheckConstraint(
            "state IN ('started', 'ok', 'unusable', 'error', 'lost')", name="ck_model_calls_state"
        ),
        sa.UniqueConstraint(
            "submission_id", "tier", "try_no", name="uq_model_calls_submission_id_tier_try_no"
        ),
    )
    op.create_index("ix_model_calls_started_at", "model_calls", ["started_at"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        _needed("id"),
        _needed("submission_id", _BIG),
        _needed("helpdesk"),
        _needed("ticket_id"),
        _needed("kind"),
        _needed("cause"),
        sa.Column("tier", sa.Text),
        sa.Column("team", sa.Text),
        _needed("queue"),
        _needed("plan"),
        sa.Column("evidence", sa.Text),
        _needed("prompt_version"),
        _needed("cost_micro_usd", sa.BigInteger),
        sa.Column("pass_id", sa.Text),
        _needed("decided_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_decisions_submission_id"),
        sa.UniqueConstraint("submission_id", name="uq_decisions_submission_id"),
    )
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"])
    op.create_index("ix_decisions_helpdesk_ticket_id", "decisions", ["helpdesk", "ticket_id"])


def _writes() -> None:
    op.create_table(
        "writes",
        sa.Column("id", _BIG, nullable=False),
        _needed("decision_id"),
        _needed("helpdesk"),
        _needed("ticket_id"),
        sa.Column("outcome", sa.Text),
        _needed("maybe_sent", sa.Boolean, server_default=sa.text("false")),
        sa.Column("seen", sa.Text),
        sa.Column("after_version", sa.Text),
        sa.Column("after_at", sa.BigInteger),
        sa.Column("after_group", sa.Text),
        sa.Column("ended_at", sa.BigInteger),
        *_queue(),
        sa.PrimaryKeyConstraint("id", name="pk_writes"),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name="fk_writes_decision_id"),
        sa.UniqueConstraint("decision_id", name="uq_writes_decision_id"),
        sa.CheckConstraint("state IN ('pending', 'leased', 'done')", name="ck_writes_state"),
    )
    op.create_index("ix_writes_helpdesk_ticket_id", "writes", ["helpdesk", "ticket_id"])
    _waiting_index("writes", "helpdesk", "run_after", "id")


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", _BIG, nullable=False),
        _needed("helpdesk"),
        _needed("ticket_id"),
        _needed("version"),
        _needed("fingerprint"),
        sa.Column("from_group", sa.Text),
        sa.Column("to_group", sa.Text),
        sa.Column("pass_id", sa.Text),
        _needed("seen_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
        sa.UniqueConstraint(
            "helpdesk",
            "ticket_id",
            "version",
            "fingerprint",
            name="uq_corrections_helpdesk_ticket_id_version_fingerprint",
        ),
    )
    op.create_index("ix_corrections_seen_at", "corrections", ["seen_at"])
