"""``connector health``: whether a running connector still does its work, judged from the ledger."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.chosen import names_in
from connector.cli.output import emit_json
from connector.clock import SystemClock
from connector.settings import Settings, load_settings

if TYPE_CHECKING:
    from connector.store import Reports


def health(*, as_json: bool, config: Path | None) -> int:
    """Exit code 0 while it works; 69 while it cannot, but a restart would not help; 70 when it is dead."""
    from connector.bootstrap import open_reports

    settings = load_settings(config).settings
    clock = SystemClock()
    allowed = allowed_silence(settings)
    with open_reports(settings, clock) as reports:
        found = look(reports, settings, clock.now(), allowed)
        totals = reports.totals(clock.now() - timedelta(hours=24))
        budget = settings.budget.daily()
        spent = reports.spent_usd(budget.day_began(clock.now())) if budget else None
    facts = {
        "healthy": found.exit_code == os.EX_OK,
        "state": found.state,
        "trouble": found.trouble,
        "last_poll_at": found.polled_at,
        "last_poll_age_s": found.age_s(found.polled_at),
        **({"helpdesks": found.per_helpdesk} if len(found.polls) > 1 else {}),
        "last_sign_at": found.alive_at,
        "last_sign_age_s": found.age_s(found.alive_at),
        "allowed_age_s": round(allowed.total_seconds()),
        "waiting_submissions": totals.waiting_submissions,
        "waiting_writes": totals.waiting_writes,
        "budget_usd": settings.budget.daily_usd,
        "spent_today_usd": spent,
    }
    if as_json:
        emit_json(facts)
    else:
        waiting = f"{totals.waiting_submissions} tickets and {totals.waiting_writes} writes wait"
        allowance = f"(allowed {facts['allowed_age_s']} s)"
        money = [] if budget is None else [f"${spent:.2f} of ${budget.usd:f} spent today"]
        print(f"{found.verdict}: {'; '.join([*found.reasons, waiting, *money])} {allowance}")
    return found.exit_code


def allowed_silence(settings: Settings) -> timedelta:
    """For how long no poll, and no sign of life, is no trouble: what the service allows itself."""
    from connector.service import Rhythm

    return timedelta(seconds=Rhythm(poll_seconds=settings.poll.interval_seconds).silence_seconds)


@dataclass(frozen=True, slots=True)
class Health:
    """How a connector is: ``dead`` when a restart may help, ``degraded`` when it would not."""

    now: datetime
    allowed: timedelta
    polls: Mapping[str, datetime | None]  # when each helpdesk was last polled well
    alive_at: datetime | None
    trouble: dict[str, str] = field(default_factory=dict)

    @property
    def polled_at(self) -> datetime | None:
        """When the one that was polled longest ago was; None when one never was."""
        times = [at for at in self.polls.values() if at is not None]
        return min(times) if times and len(times) == len(self.polls) else None

    @property
    def per_helpdesk(self) -> dict[str, Any]:
        return {
            name: {"last_poll_at": at, "last_poll_age_s": self.age_s(at)} for name, at in self.polls.items()
        }

    @property
    def state(self) -> str:
        if self.alive_at is not None and not self._is_fresh(self.alive_at):
            return "dead"
        if self.trouble or not all(at is not None and self._is_fresh(at) for at in self.polls.values()):
            return "degraded"
        return "healthy"

    @property
    def exit_code(self) -> int:
        return {"healthy": os.EX_OK, "degraded": os.EX_UNAVAILABLE, "dead": os.EX_SOFTWARE}[self.state]

    @property
    def verdict(self) -> str:
        return "healthy" if self.state == "healthy" else "NOT HEALTHY"

    @property
    def reasons(self) -> list[str]:
        polled = [
            f"{name} " * (len(self.polls) > 1)
            + ("never polled" if at is None else f"last good poll {self.age_s(at)} s ago")
            for name, at in self.polls.items()
        ]
        dead = [f"no sign of life for {self.age_s(self.alive_at)} s"] if self.state == "dead" else []
        return [*polled, *dead, *(f"{what} waits: {why}" for what, why in self.trouble.items())]

    def age_s(self, at: datetime | None) -> int | None:
        return None if at is None else round((self.now - at).total_seconds())

    def _is_fresh(self, at: datetime) -> bool:
        # A time far in the future was written by a clock that has been set back since, so it says nothing.
        return abs(self.now - at) <= self.allowed


def look(reports: Reports, settings: Settings, now: datetime, allowed: timedelta) -> Health:
    """The health that the ledger shows; ``allowed`` is what `service.Rhythm` allows the service itself."""
    sign = reports.last_sign(now, allowed)
    return Health(
        now,
        allowed,
        {name: reports.last_poll(name) for name in names_in(settings)},
        sign.at if sign else None,
        dict(sign.trouble) if sign else {},
    )
