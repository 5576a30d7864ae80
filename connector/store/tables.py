"""The tables of the ledger; the migrations create them, and a test holds the two together.

Ticket ids are text, times are milliseconds since 1970 UTC, money is whole micro-USD.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from connector.domain.classification import Answer
from connector.domain.decision import Route
from connector.domain.ticket import Arrival, Standing, Ticket
from connector.pipeline.role import Lane
from connector.store.columns import BIG, Json, Words
from connector.store.documents import Evidence, Said

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Written out, not bound: a database uses a partial index only where it can read the condition.
WAITING = text("state IN ('pending', 'leased')")
WITH_TEXT = text("ticket IS NOT NULL")
WITH_REQUESTER = text("requester IS NOT NULL")
ERASED_WITH_TEXT = text("ticket IS NOT NULL AND erased_at IS NOT NULL")
LEASED = text("state = 'leased'")
IN_BATCH = text("batch IS NOT NULL")


def _needed(name: str, kind: Any = Text, *more: ForeignKey, **rest: Any) -> Column[Any]:  # noqa: ANN401 - passes on to Column
    return Column(name, kind, *more, nullable=False, **rest)


def _lease() -> list[Column[Any]]:
    """Who works on a row until when; ``lease_epoch`` rises with every claim and fences the one before."""
    return [
        Column("lease_owner", Text),
        _needed("lease_epoch", BigInteger, server_default="0"),
        _needed("lease_until", BigInteger, server_default="0"),
    ]


def _queue() -> list[Column[Any]]:
    """A row that waits to be worked on."""
    return [
        _needed("state", server_default="pending"),
        Column("reason", Words),
        _needed("run_after", BigInteger, server_default="0"),  # 0: at once, and before what was put back
        _needed("attempts", Integer, server_default="0"),
        _needed("lapses", Integer, server_default="0"),  # leases in a row that nobody ended
        *_lease(),
    ]


def _lane() -> Column[Any]:
    """Which process takes the row: the service and its passes, or a backfill."""
    return _needed("lane", server_default=Lane.LIVE.value)


def _batch_index(table: Table) -> Index:
    """What is in a batch at the moment, or was: few rows, looked at by batch."""
    return Index(f"ix_{table.name}_batch", table.c.batch, sqlite_where=IN_BATCH, postgresql_where=IN_BATCH)


def _leased_index(table: Table) -> Index:
    """What is worked on at the moment: few rows, looked at with every claim."""
    return Index(f"ix_{table.name}_leased", table.c.helpdesk, sqlite_where=LEASED, postgresql_where=LEASED)


checkpoints = Table(
    "checkpoints",
    metadata,
    Column("helpdesk", Text, primary_key=True),
    Column("checkpoint", Text),
    _needed("horizon", BigInteger),
    Column("polled_at", BigInteger),
    *_lease(),
)

passes = Table(
    "passes",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("mode"),
    _needed("worker"),
    _needed("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("summary", Json(dict[str, Any])),
    Index(None, "started_at"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("helpdesk", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    _needed("disposition"),
    Column("reason", Words),  # of what could not be read
    Column("pass_id", Text),
    _needed("seen_at", BigInteger),
    sqlite_with_rowid=False,  # the key is the table: one tree to write for every revision polled
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("helpdesk"),
    _needed("ticket_id"),
    _needed("generation", Integer),  # rises when asked or heard again, or a decision is refused
    Column("requester", Text),
    Column("ticket", Json(Ticket)),
    Column("opened_at", BigInteger),  # when the ticket was, by the helpdesk's clock; of first generations
    Column("heard_since", BigInteger),  # of a second look: the requester wrote after this moment
    Column("heard_until", BigInteger),  # what they said up to here this row has heard, or is to hear
    _needed("rank", Integer),  # the lower, the sooner
    Column("waiting_since", BigInteger),
    Column("pass_id", Text),
    _needed("seen_at", BigInteger),
    *_queue(),
    Column("erased_at", BigInteger),  # when the requester's words were taken out of ``ticket``
    Column("erased_because", Text),
    _lane(),
    Column("batch", BIG),  # the open one that has its question; until that has ended nobody works on it
    _needed("arrived_by", server_default=Arrival.POLL.value),
    CheckConstraint("state IN ('pending', 'leased', 'decided')", name="state"),
    UniqueConstraint("helpdesk", "ticket_id", "generation"),
)
Index(
    "ix_submissions_waiting",
    *(submissions.c[name] for name in ("helpdesk", "rank", "run_after", "id")),
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)
Index(
    "ix_submissions_with_text",
    submissions.c.helpdesk,
    submissions.c.seen_at,
    sqlite_where=WITH_TEXT,
    postgresql_where=WITH_TEXT,
)
Index(
    "ix_submissions_erased",
    submissions.c.helpdesk,
    submissions.c.erased_at,
    sqlite_where=ERASED_WITH_TEXT,
    postgresql_where=ERASED_WITH_TEXT,
)
Index(
    "ix_submissions_requester",
    *(submissions.c[name] for name in ("helpdesk", "requester", "opened_at")),
    sqlite_where=WITH_REQUESTER,
    postgresql_where=WITH_REQUESTER,
)
_leased_index(submissions)
_batch_index(submissions)

model_calls = Table(
    "model_calls",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("submission_id", BIG, ForeignKey("submissions.id")),
    _needed("tier"),
    _needed("try_no", Integer),
    _needed("lease_epoch", BigInteger),
    _needed("state"),
    _needed("model"),
    _needed("reserve_micro_usd", BigInteger),
    Column("cost_micro_usd", BigInteger),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("request_id", Words),
    Column("stop_reason", Words),
    Column("error", Words),
    Column("answer", Json(Answer)),
    _needed("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("batch", BIG),  # the one it was asked in; none: it was asked directly
    CheckConstraint("state IN ('started', 'ok', 'unusable', 'error', 'lost')", name="state"),
    UniqueConstraint("submission_id", "tier", "try_no"),
    Index(None, "started_at"),
)

_batch_index(model_calls)

batches = Table(
    "batches",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("helpdesk"),
    _needed("mark"),  # begins the custom ids of its questions
    _needed("state", server_default="intended"),
    Column("vendor_id", Text),
    _needed("questions", Integer),
    _needed("reserve_micro_usd", BigInteger),
    Column("pass_id", Text),
    _needed("intended_at", BigInteger),
    Column("submitted_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("reason", Text),  # why it ended without results
    CheckConstraint("state IN ('intended', 'submitted', 'ended')", name="state"),
    UniqueConstraint("mark"),
    UniqueConstraint("vendor_id"),
    Index(None, "helpdesk", "state"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    _needed("submission_id", BIG, ForeignKey("submissions.id"), unique=True),
    _needed("helpdesk"),
    _needed("ticket_id"),
    _needed("kind"),
    _needed("cause"),
    Column("tier", Text),
    Column("team", Text),
    _needed("queue"),
    _needed("plan", Json(Route)),
    Column("evidence", Json(Evidence)),
    _needed("prompt_version"),
    _needed("cost_micro_usd", BigInteger),
    Column("pass_id", Text),
    _needed("decided_at", BigInteger),
    Index(None, "decided_at"),
    Index(None, "helpdesk", "ticket_id"),
)

writes = Table(
    "writes",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("decision_id", Text, ForeignKey("decisions.id"), unique=True),
    _needed("helpdesk"),
    _needed("ticket_id"),
    Column("outcome", Text),
    _needed("maybe_sent", Boolean, server_default=text("false")),
    Column("seen", Json(Standing)),  # right before: what an undo puts back
    Column("after_version", Text),
    Column("after_at", BigInteger),
    Column("after_group", Text),
    Column("left_as", Json(Standing)),  # right after, where nobody can have come between
    Column("ended_at", BigInteger),
    *_queue(),
    _lane(),
    CheckConstraint("state IN ('pending', 'leased', 'done')", name="state"),
    Index(None, "helpdesk", "ticket_id"),
)
Index(
    "ix_writes_waiting",
    *(writes.c[name] for name in ("helpdesk", "run_after", "id")),
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)

undos = Table(
    "undos",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("write_id", BIG, ForeignKey("writes.id"), unique=True),
    _needed("helpdesk"),
    _needed("ticket_id"),
    _needed("pass_id"),  # the run that asked for it last
    Column("outcome", Text),
    _needed("maybe_sent", Boolean, server_default=text("false")),
    Column("seen", Json(Standing)),
    Column("after_version", Text),
    Column("after_at", BigInteger),
    Column("after_group", Text),
    Column("ended_at", BigInteger),
    *_queue(),
    CheckConstraint("state IN ('pending', 'leased', 'done')", name="state"),
    Index(None, "helpdesk", "ticket_id"),
)
Index(
    "ix_undos_waiting",
    *(undos.c[name] for name in ("helpdesk", "pass_id", "run_after", "id")),
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)
_leased_index(writes)

corrections = Table(
    "corrections",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("helpdesk"),
    _needed("ticket_id"),
    _needed("version"),
    _needed("fingerprint"),
    Column("from_group", Text),
    Column("to_group", Text),
    Column("pass_id", Text),
    _needed("seen_at", BigInteger),
    Column("moved_at", BigInteger),  # by the helpdesk's clock; of what was stored before 0009 nobody knows
    UniqueConstraint("helpdesk", "ticket_id", "version", "fingerprint"),
    Index(None, "seen_at"),
)

labels = Table(
    "labels",
    metadata,
    Column("id", BIG, primary_key=True),
    _needed("helpdesk"),
    _needed("ticket_id"),  # "" where a file named none
    _needed("digest"),  # of subject and text
    Column("requester", Text),
    _needed("said", Json(Said)),
    Column("team", Text),
    Column("type", Text),
    Column("urgency", Text),
    Column("sentiment", Text),
    _needed("source"),
    Column("labelled_at", BigInteger),
    _needed("stored_at", BigInteger),
    UniqueConstraint("helpdesk", "ticket_id", "digest"),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("helpdesk", Text, primary_key=True),
    Column("mark", Text, primary_key=True),  # of a requester or a ticket, salted
    _needed("salt"),
    _needed("erased_at", BigInteger),
)

rate_budgets = Table(
    "rate_budgets",
    metadata,
    Column("helpdesk", Text, primary_key=True),
    Column("bucket", Text, primary_key=True),
    Column("per_minute", Integer),  # the helpdesk's limit; none was told yet
    _needed("closed_until", BigInteger, server_default="0"),
    _needed("granted", Json(tuple[tuple[int, int], ...]), server_default="[]"),
)
