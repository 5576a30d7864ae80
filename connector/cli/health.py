"""``connector health``: whether a running connector still does its work, judged from the ledger."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from connector.cli.output import emit_json
from connector.clock import SystemClock
from connector.settings import load_settings

_MISSED_POLLS = 3
_LEAST = timedelta(minutes=5)


def health(*, as_json: bool, config: Path | None) -> int:
    """Exit code 0 while the last good poll is younger than three intervals or five minutes, else 69."""
    from connector.bootstrap import open_reports

    settings = load_settings(config).settings
    clock = SystemClock()
    with open_reports(settings, clock) as reports:
        polled_at = reports.last_poll(settings.helpdesk.ledger_name)
        totals = reports.totals(clock.now() - timedelta(hours=24))
    allowed = max(_LEAST, _MISSED_POLLS * timedelta(seconds=settings.poll.interval_seconds))
    age = None if polled_at is None else clock.now() - polled_at
    is_healthy = age is not None and age <= allowed
    facts = {
        "healthy": is_healthy,
        "last_poll_at": polled_at,
        "last_poll_age_s": None if age is None else round(age.total_seconds()),
        "allowed_age_s": round(allowed.total_seconds()),
        "waiting_submissions": totals.waiting_submissions,
        "waiting_writes": totals.waiting_writes,
    }
    if as_json:
        emit_json(facts)
    else:
        polled = "never polled" if age is None else f"last good poll {facts['last_poll_age_s']} s ago"
        waiting = f"{totals.waiting_submissions} tickets and {totals.waiting_writes} writes wait"
        verdict = "healthy" if is_healthy else "NOT HEALTHY"
        print(f"{verdict}: {polled} (allowed {facts['allowed_age_s']} s); {waiting}")
    return os.EX_OK if is_healthy else os.EX_UNAVAILABLE
