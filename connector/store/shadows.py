"""How often each shadow class was answered, so that promoting it is a decision with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, String, exists, select, type_coerce

from connector.store.tables import corrections, decisions

# A quotation mark inside a JSON string is escaped: no text can look like this.
_NAMED = '%"shadow":{"%'


@dataclass(frozen=True, slots=True)
class ShadowTotal:
    """A shadow class: how many decisions named it, how many of them with the confidence that its axis needs,
    the mean confidence (0 to 1), and how many of the tickets people moved afterwards.

    ``acted_as`` is the class that routing used, the one of the newest decision.
    """

    axis: str
    name: str
    acted_as: str
    named: int
    confident: int
    mean_confidence: float
    moved: int


@dataclass(frozen=True, slots=True)
class _Naming:
    axis: str
    name: str
    acted_as: str
    confidence: float
    is_confident: bool
    moved: bool


def count(tx: Connection, start: int, helpdesk: str | None = None) -> tuple[ShadowTotal, ...]:
    """Per shadow class what was decided since ``start`` (milliseconds), the most named first."""
    found: dict[tuple[str, str], list[_Naming]] = {}
    for each in _namings(tx, start, helpdesk):
        found.setdefault((each.axis, each.name), []).append(each)
    totals = (
        ShadowTotal(
            axis,
            name,
            each[0].acted_as,
            named=len(each),
            confident=sum(one.is_confident for one in each),
            mean_confidence=sum(one.confidence for one in each) / len(each),
            moved=sum(one.moved for one in each),
        )
        for (axis, name), each in found.items()
    )
    return tuple(sorted(totals, key=lambda total: (-total.named, total.axis, total.name)))


def _namings(tx: Connection, start: int, helpdesk: str | None) -> Iterator[_Naming]:
    moved = exists().where(
        corrections.c.helpdesk == decisions.c.helpdesk, corrections.c.ticket_id == decisions.c.ticket_id
    )
    rows = select(decisions.c.evidence, moved.label("moved")).where(
        decisions.c.decided_at >= start, type_coerce(decisions.c.evidence, String).like(_NAMED)
    )
    if helpdesk is not None:
        rows = rows.where(decisions.c.helpdesk == helpdesk)
    for row in tx.execute(rows.order_by(decisions.c.decided_at.desc(), decisions.c.id)):
        said = row.evidence.classification
        for axis, name in said.shadow.items() if said else ():
            label = said.on(axis)
            is_confident = label.confidence >= row.evidence.thresholds.get(axis, 0.0)
            yield _Naming(axis.value, name, label.value, label.confidence, is_confident, row.moved)
