"""The right to poll a helpdesk, and where its feed goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from connector.ports import PollLease
from connector.store.columns import NowMs, from_ms, maybe_from_ms, to_ms
from connector.store.rows import insert_new
from connector.store.tables import checkpoints


def lease(tx: Connection, helpdesk: str, worker: str, lease_ms: int, horizon: datetime) -> PollLease | None:
    """Take or renew the right to poll; None while another worker holds it."""
    tx.execute(insert_new(tx, checkpoints), {"helpdesk": helpdesk, "horizon": to_ms(horizon)})
    taken = (
        update(checkpoints)
        .where(
            checkpoints.c.helpdesk == helpdesk,
            or_(checkpoints.c.lease_until < NowMs(), checkpoints.c.lease_owner == worker),
        )
        .values(
            lease_owner=worker,
            lease_epoch=checkpoints.c.lease_epoch + 1,
            lease_until=NowMs() + lease_ms,
        )
        .returning(checkpoints.c.lease_epoch, checkpoints.c.checkpoint, checkpoints.c.horizon)
    )
    row = tx.execute(taken).one_or_none()
    if row is None:
        return None
    return PollLease(helpdesk, row.lease_epoch, row.checkpoint, from_ms(row.horizon))


def advance(tx: Connection, held: PollLease, checkpoint: str | None, lease_ms: int, polled_at: int) -> bool:
    """Move on from ``held.checkpoint`` and renew the lease; False when that is not ours any more."""
    moved = (
        update(checkpoints)
        .where(
            checkpoints.c.helpdesk == held.helpdesk,
            checkpoints.c.lease_epoch == held.epoch,
            checkpoints.c.lease_owner.is_not(None),
            checkpoints.c.checkpoint.is_not_distinct_from(held.checkpoint),
        )
        .values(checkpoint=checkpoint, polled_at=polled_at, lease_until=NowMs() + lease_ms)
    )
    return tx.execute(moved).rowcount == 1


def horizon(tx: Connection, helpdesk: str) -> datetime | None:
    """As `Ledger.horizon`."""
    stored = select(checkpoints.c.horizon).where(checkpoints.c.helpdesk == helpdesk)
    return maybe_from_ms(tx.scalar(stored))


def has_lease(tx: Connection, helpdesk: str, worker: str) -> bool:
    """As `Ledger.may_poll`."""
    held = select(checkpoints.c.helpdesk).where(
        checkpoints.c.helpdesk == helpdesk,
        checkpoints.c.lease_owner == worker,
        checkpoints.c.lease_until >= NowMs(),
    )
    return tx.execute(held).first() is not None
