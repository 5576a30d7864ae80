"""What today's model calls cost, from the ledger: none begins that the day's budget cannot bear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, literal, or_, select

from connector.domain.budget import DailyBudget
from connector.domain.decision import Cause
from connector.errors import BudgetSpent
from connector.ports import Event
from connector.store.columns import from_micro, to_micro, to_ms
from connector.store.tables import decisions, model_calls, submissions

WARN_FROM = Decimal("0.8")
_ONE_AT_A_TIME = 0x636F_6E6E_6275_6467  # an advisory lock of ours

_calls = model_calls.c
# A call in flight counts at what it may cost at most, and so does a lost one.
_AMOUNT = func.coalesce(_calls.cost_micro_usd, _calls.reserve_micro_usd)
_SUM = select(func.coalesce(func.sum(_AMOUNT), 0)).where(_calls.started_at >= bindparam("start"))
_LOCK = select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME))
_FIRST_OF_DAY = select(func.min(_calls.id)).where(_calls.started_at >= bindparam("start"))
_LAST = select(func.coalesce(func.max(_calls.id), 0))
_NEWS = select(_calls.id, _calls.state, _calls.started_at, _AMOUNT.label("amount")).where(
    or_(_calls.id > bindparam("seen"), _calls.id.in_(bindparam("open", expanding=True)))
)
_REFUSED_BEFORE = select(literal(1)).where(
    decisions.c.decided_at >= bindparam("start"), decisions.c.cause == Cause.BUDGET_SPENT.value
)


def spent_since(tx: Connection, at: datetime, helpdesk: str | None = None) -> Decimal:
    """What the calls since a moment cost, in USD; one in flight, or lost, counts at its reserve.

    The calls of all helpdesks, or of one.
    """
    return from_micro(int(tx.scalar(_narrowed(_SUM, helpdesk), {"start": to_ms(at)})))


def _narrowed(statement: Select[Any], helpdesk: str | None) -> Select[Any]:
    """A statement on calls, for those of one helpdesk or for all."""
    if helpdesk is None:
        return statement
    theirs = select(submissions.c.id).where(submissions.c.helpdesk == helpdesk)
    return statement.where(_calls.submission_id.in_(theirs))


class Spending:
    """Watches over one `DailyBudget`: for the ledgers of all helpdesks, or for that of one ``within`` it.

    Admission is exact, also with several processes on PostgreSQL: they are let in one at a time, each in the
    transaction that puts its call on record.  What ended is added up once and remembered; a look costs the
    rows that are new since the last one and those still in flight, whatever the day has seen.  Only the
    first look of a day or of a process reads the day's calls, by the index on their start.

    Every process on the database needs the same budget.  ``tell`` hears ``budget.spent`` and
    ``budget.nearly_spent``, each once a day; two processes that find out in the same moment may both say it.
    """

    def __init__(
        self,
        budget: DailyBudget,
        tell: Callable[[Event], None],
        helpdesk: str | None = None,
        within: Spending | None = None,
    ) -> None:
        self._budget = budget
        self._tell = tell
        self._helpdesk = helpdesk
        self._within = within
        self._news = _narrowed(_NEWS, helpdesk)
        self._limit = to_micro(budget.usd)
        self._day_began: datetime | None = None
        self._seen = 0  # the newest call looked at
        self._ended = 0  # micro-USD of those that had ended by then
        self._open: dict[int, int] = {}  # the others: id → reserve
        self._told: set[str] = set()

    def begin_with(self, spent_usd: Decimal, seen: int, now: datetime) -> None:
        """Start a day with what is on record elsewhere; calls here up to ``seen`` are copies of that."""
        self._begin_day(self._budget.day_began(now), seen)
        self._ended = to_micro(spent_usd)

    def admit(self, tx: Connection, reserve_usd: Decimal, now: datetime) -> None:
        """Let a call begin in this transaction.  Raises BudgetSpent when it could exceed the day's budget."""
        if self._within is not None:
            self._within.admit(tx, reserve_usd, now)
        if tx.dialect.name == "postgresql":
            tx.execute(_LOCK)
        is_first_look = self._catch_up(tx, now)
        spent, reserve = self._ended + sum(self._open.values()), to_micro(reserve_usd)
        if self._limit == 0 or spent + reserve > self._limit:
            self._tell_spent(tx, spent)
            whose = f" of {self._helpdesk}" if self._helpdesk else ""
            raise BudgetSpent(
                f"the budget{whose} of ${self._budget.usd:f} a day cannot bear another call "
                f"(${from_micro(spent):.4f} spent, this one may cost ${from_micro(reserve):.4f})"
            )
        if spent + reserve >= self._limit * WARN_FROM:
            is_news = not (is_first_look and spent >= self._limit * WARN_FROM)
            self._tell_once("budget.nearly_spent", spent, is_news=is_news)

    def _catch_up(self, tx: Connection, now: datetime) -> bool:
        """Add what is new to what is known; True when nothing was known of this day."""
        day_began = self._budget.day_began(now)
        is_first_look = day_began != self._day_began
        if is_first_look:
            first = tx.scalar(_FIRST_OF_DAY, {"start": to_ms(day_began)})
            self._begin_day(day_began, tx.execute(_LAST).scalar_one() if first is None else first - 1)
        for row in tx.execute(self._news, {"seen": self._seen, "open": list(self._open)}).all():
            self._seen = max(self._seen, row.id)
            self._open.pop(row.id, None)
            if row.started_at < to_ms(day_began):
                continue
            if row.state == "started":
                self._open[row.id] = row.amount
            else:
                self._ended += row.amount
        return is_first_look

    def _begin_day(self, day_began: datetime, seen: int) -> None:
        self._day_began, self._seen = day_began, seen
        self._ended, self._open, self._told = 0, {}, set()

    def _tell_spent(self, tx: Connection, spent: int) -> None:
        """A refusal leaves a decision, so that a restart, or another process, knows that it was told."""
        if "budget.spent" in self._told or self._day_began is None:
            return
        before = _REFUSED_BEFORE.limit(1)
        if self._helpdesk is not None:
            before = before.where(decisions.c.helpdesk == self._helpdesk)
        told = tx.scalar(before, {"start": to_ms(self._day_began)}) is not None
        self._tell_once("budget.spent", spent, is_news=not told)

    def _tell_once(self, name: str, spent: int, *, is_news: bool) -> None:
        if name not in self._told and is_news:
            facts = {"spent_usd": from_micro(spent), "budget_usd": self._budget.usd}
            self._tell(Event(name, "warning", facts))
        self._told.add(name)
