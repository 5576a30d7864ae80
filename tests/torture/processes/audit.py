"""What became of every ticket as the ledger tells it, in plain SQL; the same for every helpdesk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.domain.classification import Tier
from tests.torture.business import KINDS
from tests.torture.processes.finding import Broken, Excuses, Finding
from tests.torture.processes.plan import ROUTED
from tests.torture.processes.town import Town
from tests.torture.remains import Remains

OURS = "ai_"
_TIRED = ("unclear after", "gave up after", "conflict ")
EXHAUSTED = frozenset({"too_many_attempts", "waited_too_long"})


@dataclass(frozen=True, slots=True)
class Written:
    """The end of one submission, as the ledger tells it; None where there is nothing yet."""

    state: str
    cause: str | None
    write: str | None
    outcome: str | None
    reason: str | None

    @property
    def is_given_up(self) -> bool:
        """A documented end: too many processes died with this very write in hand."""
        return self.outcome == "failed" and str(self.reason).startswith(_TIRED)


def submissions(remains: Remains) -> Mapping[str, list[Written]]:
    """What the ledger says of each ticket; a second look that changed nothing is no end of it."""
    found: dict[str, list[Written]] = {}
    for ticket_id, *rest in remains.rows(
        "SELECT s.ticket_id, s.state, d.cause, w.state, w.outcome, w.reason FROM submissions s"
        " LEFT JOIN decisions d ON d.submission_id = s.id LEFT JOIN writes w ON w.decision_id = d.id"
        " WHERE s.heard_since IS NULL OR s.state <> 'decided' OR d.id IS NOT NULL"
    ):
        found.setdefault(ticket_id, []).append(Written(*rest))
    return found


def of_payments(town: Town, number: int, excuses: Excuses, remains: Remains) -> Iterator[Finding]:
    """Each tier that was needed is paid once, and once more for each answer that was lost on the way."""
    kind = town.kinds[number]
    for tier in (Tier.CHEAP, Tier.STRONG):
        needed = kind != ROUTED and tier in KINDS[kind].calls
        allowed = needed + (excuses.of(number, tier) if needed else 0)
        if town.paid[number, tier] > allowed:
            calls = remains.rows(
                "SELECT c.try_no, c.lease_epoch, c.state, c.error, c.started_at, c.finished_at"
                " FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
                " WHERE s.ticket_id = ? AND c.tier = ? ORDER BY c.id",
                town.tickets[number],
                tier.value,
            )
            yield Broken.PAID_TWICE, f"{tier} paid {town.paid[number, tier]} times for {allowed}: {calls}"


def late_answers(remains: Remains, patience_seconds: float) -> list[tuple[str, Tier, int]]:
    """Per ticket and tier, how many calls were given up after the longest wait for an answer."""
    rows = remains.rows(
        "SELECT s.ticket_id, c.tier, count(*) FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
        " WHERE c.state = 'error' AND c.finished_at - c.started_at >= ? GROUP BY s.ticket_id, c.tier",
        round(950 * patience_seconds),
    )
    return [(ticket_id, Tier(tier), int(late)) for ticket_id, tier, late in rows]


def lost_questions(remains: Remains) -> list[tuple[str, Tier, int]]:
    """Per ticket and tier, how many questions the ledger has no answer to, because their asker vanished."""
    rows = remains.rows(
        "SELECT s.ticket_id, c.tier, count(*) FROM model_calls c JOIN submissions s ON s.id = c.submission_id"
        " WHERE c.state IN ('started', 'lost') GROUP BY s.ticket_id, c.tier"
    )
    return [(ticket_id, Tier(tier), int(lost)) for ticket_id, tier, lost in rows]
