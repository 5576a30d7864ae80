"""The processes on a ledger: who has shown life lately, and what they say is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from connector.store.columns import AnyRow, from_ms, to_ms
from connector.store.tables import passes

_LONGEST_PASS_MS = 2 * 3_600_000  # a service begins a new one every hour at the latest
_SEEN = func.coalesce(passes.c.finished_at, passes.c.started_at).label("seen")
_SIGNS = select(passes.c.worker, passes.c.mode, passes.c.finished_at, passes.c.summary, _SEEN)
_SERVICE = "live"  # how the passes of a service are named


@dataclass(frozen=True, slots=True)
class Sign:
    """The newest sign of life of any process, and what the living say is wrong: upstream or stage → why."""

    at: datetime
    trouble: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Process:
    """A process that showed life lately; ``mode`` is that of its newest pass, ``trouble`` what that said.

    ``is_ended``: it was not a service, and its pass has ended.  A service that was stopped looks like one
    that is alive until its silence tells.
    """

    worker: str
    mode: str
    seen_at: datetime
    is_ended: bool
    trouble: Mapping[str, str]


def last_sign(tx: Connection, now: datetime, within: timedelta) -> Sign | None:
    """When a process last began, ended or noted a pass, and the trouble of all that did so ``within``.

    What seems to happen in the future was written before the clock was set back.  None: nobody ever.
    """
    rows = _recent(tx, now, within)
    if not rows:
        newest = tx.execute(_SIGNS.order_by(passes.c.started_at.desc()).limit(1)).first()
        return Sign(from_ms(newest.seen), {}) if newest else None
    trouble = {what: why for each in _living(rows, now - within) for what, why in each.trouble.items()}
    return Sign(from_ms(max(row.seen for row in rows)), trouble)


def living(tx: Connection, now: datetime, within: timedelta) -> tuple[Process, ...]:
    """The processes that showed life ``within``, the one whose pass began first at first."""
    return _living(_recent(tx, now, within), now - within)


def _recent(tx: Connection, now: datetime, within: timedelta) -> Sequence[AnyRow]:
    recent = passes.c.started_at >= to_ms(now) - _LONGEST_PASS_MS
    return tx.execute(_SIGNS.where(recent, to_ms(now + within) >= _SEEN).order_by(passes.c.started_at)).all()


def _living(rows: Sequence[AnyRow], since: datetime) -> tuple[Process, ...]:
    newest = {row.worker: row for row in rows if row.seen >= to_ms(since)}
    return tuple(
        Process(
            worker=row.worker,
            mode=row.mode,
            seen_at=from_ms(row.seen),
            is_ended=row.mode != _SERVICE and row.finished_at is not None,
            trouble=(row.summary or {}).get("trouble", {}),
        )
        for row in newest.values()
    )
