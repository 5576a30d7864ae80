"""What a long life must be like, and what is told of it."""

from __future__ import annotations

from typing import Any

from tests.long_life.gauges import Reading
from tests.long_life.town import HOUR
from tests.long_life.week import Life

_MOST_RSS_GROWTH_MB = 8.0
_BLOCKS_OF_CODE = 10_000  # what is loaded, compiled and cached once, when it is first needed
_MOST_OTHER_LINES = 12  # of an outage of hours: that it began, that it ended, that single leases were lost


def problems(life: Life) -> list[str]:
    """The broken promises, in words."""
    last, early = life.gauges.readings[-1], _settled(life)
    claims = {
        "every submission is decided": _count(life, "submissions", "state <> 'decided'") == 0,
        "every decision is written or given up": _count(life, "writes", "state <> 'done'") == 0,
        "no original is lost": life.town.originals - _count(life, "submissions") <= life.town.routed_first,
        "no ticket is written twice": max(life.town.helpdesk.effects) == 1,
        "no answer is bought twice": _bought_twice(life) == 0,
        "nothing seems stuck": life.stuck == 0,
        "file handles are flat": _spread(life, "descriptors") == 0,
        "threads are flat": _spread(life, "threads") == 0,
        "memory is flat": last.rss_mb - early.rss_mb < _MOST_RSS_GROWTH_MB,
        "a ticket leaves no object behind": life.blocks_left < _BLOCKS_OF_CODE + life.plan.tickets / 10,
        "the journal is bounded": max(each.journal for each in life.gauges.readings) < 64 * 2**20,
        "a ticket's share of the database is steady": 0.9 < _per_ticket(life) / _share(last) < 1.1,
        "the database is the sum of its parts": 0.95 < sum(last.parts.values()) / last.database <= 1.0,
        "the intervals do not drift": abs(life.intervals.mean - 60) < 0.5 and life.intervals.longest < 91,
        "passes are at most one per poll": last.rows["passes"] <= life.intervals.count + 24 * life.plan.days,
        "a quiet hour logs nothing": life.parts["quiet"].lines == 0,
        "an outage logs no line per retry": all(p.others <= _MOST_OTHER_LINES for p in life.parts.values()),
    }
    if not last.parts:  # SQLite without dbstat
        del claims["the database is the sum of its parts"]
    return [f"not so: {claim}" for claim, holds in claims.items() if not holds]


def facts(life: Life) -> dict[str, Any]:
    """Numbers for people."""
    last, early, gap = life.gauges.readings[-1], _settled(life), life.intervals
    tickets = last.rows["submissions"]
    parts = {name: round(size / tickets) for name, size in sorted(last.parts.items()) if size / tickets >= 1}
    return {
        "submissions": tickets,
        "revisions": last.rows["revisions"],
        "corrections": last.rows["corrections"],
        "RSS growth after the outage, MB": round(last.rss_mb - early.rss_mb, 1),
        "memory blocks left by all of it": life.blocks_left,
        "poll intervals": gap.count,
        "mean, shortest, longest s": [round(each, 3) for each in (gap.mean, gap.shortest, gap.longest)],
        "bytes per ticket": round(last.database / tickets),
        "bytes per ticket by table": parts,
        "of these the ticket as it arrived": round(last.text / tickets),
        "log bytes per ticket": round(last.log_bytes / tickets),
        "log lines per ticket": round(last.log_lines / tickets, 2),
        **{
            f"log: {name}": f"{part.lines} lines in {part.hours} h, {part.others} not of a ticket or page"
            for name, part in life.parts.items()
        },
    }


def _settled(life: Life) -> Reading:
    """The first reading after the backlog of the helpdesk's outage: nothing may grow from then on.

    Up to there memory grows to what a backlog needs; each connection of SQLite keeps up to 16 MB of pages.
    """
    return life.gauges.readings[_settled_at(life)]


def _settled_at(life: Life) -> int:
    return int(life.plan.helpdesk_down.ends / HOUR) // life.plan.look_every


def _spread(life: Life, name: str) -> int:
    values = [getattr(each, name) for each in life.gauges.readings[_settled_at(life) :]]
    return int(max(values) - min(values))


def _share(reading: Reading) -> float:
    return reading.database / reading.rows["submissions"]


def _per_ticket(life: Life) -> float:
    """Bytes of each ticket that came after the service had settled."""
    last, early = life.gauges.readings[-1], _settled(life)
    return (last.database - early.database) / (last.rows["submissions"] - early.rows["submissions"])


def _count(life: Life, table: str, condition: str = "1 = 1") -> int:
    with life.store.database.read("count") as tx:
        return int(tx.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {condition}").scalar_one())  # noqa: S608 - our own names


def _bought_twice(life: Life) -> int:
    answered = "SELECT 1 FROM model_calls WHERE state IN ('ok', 'unusable') GROUP BY submission_id, tier"
    with life.store.database.read("count") as tx:
        rows = tx.exec_driver_sql(f"{answered} HAVING count(*) > 1")
        return len(rows.all())
