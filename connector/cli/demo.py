"""``connector demo``: the whole main job on real threads, with nothing but this machine."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from connector.cli.decisions import COLUMNS, as_facts, cells
from connector.cli.output import emit_json, progress, say, table, totals_line, usd
from connector.cli.playground import Playground, playground
from connector.cli.run import counted_pass
from connector.cli.session import Hub
from connector.clock import SystemClock
from connector.errors import SettingsError
from connector.pipeline.summary import Summary
from connector.ports import Event
from connector.settings import Settings, load_settings

LEDGER = Path("connector-demo.db")


def demo(*, claude: bool, tickets: int, as_json: bool) -> int:
    """A dry run, a live pass while replies arrive, and one more poll; always exits 0 when it worked."""
    from connector.observe.logs import LogObserver, configure_logging
    from connector.sandbox.tickets import threads

    settings = _settings(claude=claude)
    configure_logging("warning", "auto", secrets=settings.secret_values())
    for suffix in ("", "-wal", "-shm"):
        LEDGER.with_name(LEDGER.name + suffix).unlink(missing_ok=True)
    hub = Hub([LogObserver()])
    with playground(settings) as ground:
        ground.seed(threads()[:tickets])
        _introduce(tickets, claude=claude)
        effective = ground.effective(settings)
        if claude:
            effective = effective.model_copy(update={"llm": settings.llm})
        rehearsed = _pass(effective, hub, "dry run", tickets, dry_run=True)
        say(f"1. Dry run, nothing written: {totals_line(rehearsed)}")
        lived = _pass(effective, hub, "live pass", tickets, replies=ground)
        say(f"2. Live pass: {totals_line(lived)}")
        ground.world.skip(120)
        later = _pass(effective, hub, "next poll", tickets)
        say(f"3. Next poll, after the replies: {_left_alone(later)}")
        companies = {str(ticket): thread.company for ticket, thread in ground.tickets.items()}
        _show(effective, companies, as_json=as_json)
        if as_json:
            emit_json({"dry_run": rehearsed, "live": lived, "next_poll": later})
        else:
            _conclude(rehearsed, lived, claude=claude)
    return os.EX_OK


def _settings(*, claude: bool) -> Settings:
    """The embedded defaults; of the user's settings only the key, and that only for real Claude."""
    names = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CONNECTOR_LLM__API_KEY") if claude else ()
    environment = {name: os.environ[name] for name in names if name in os.environ}
    overrides = {"store": {"url": f"sqlite:///{LEDGER}"}}
    loaded = load_settings(overrides=overrides, environment=environment, use_file=False, secret_dirs=[])
    if claude and loaded.settings.llm.api_key is None:
        raise SettingsError("--claude asks real Claude: set ANTHROPIC_API_KEY")
    return loaded.settings


def _introduce(tickets: int, *, claude: bool) -> None:
    who = "real Claude answers, and is paid" if claude else "the model's answers are EMULATED from keywords"
    say(f"{tickets} real customer threads in a local Zendesk emulator; {who}.\n")


def _pass(
    settings: Settings,
    hub: Hub,
    title: str,
    tickets: int,
    *,
    dry_run: bool = False,
    replies: Playground | None = None,
) -> dict[str, Any]:
    from connector.bootstrap import connect

    clock = SystemClock()
    summary = Summary()
    hub.sinks.append(summary)
    with connect(settings, clock, hub, dry_run=dry_run) as connector:
        if replies is not None:
            hub.sinks.append(RepliesMidway(replies, tickets // 2))
        with progress(title, hub.sinks, total=None):
            counted_pass(connector, summary, "dry_run" if dry_run else "once")
    hub.sinks.remove(summary)
    return summary.as_json()


class RepliesMidway:
    """An observer that lets customers and agents reply once half of the tickets have been decided."""

    def __init__(self, ground: Playground, after: int) -> None:
        self._ground = ground
        self._left = after

    def __call__(self, event: Event) -> None:
        if event.name == "ticket.written":
            self._left -= 1
            if self._left == 0:
                self._ground.world.skip(2)
                self._ground.replies_arrive()


def _show(settings: Settings, companies: dict[str, str], *, as_json: bool) -> None:
    """The decisions of the live pass, read from the ledger like any others."""
    from connector.bootstrap import open_reports

    with open_reports(settings, SystemClock()) as reports:
        rows = sorted(
            reports.decisions(limit=None), key=lambda row: (row.decision.route.queue, row.ticket_id)
        )
    if as_json:
        for row in rows:
            emit_json(as_facts(row) | {"company": companies.get(row.ticket_id)})
    else:
        table(COLUMNS, [cells(row) for row in rows], title="What was decided")


def _left_alone(later: dict[str, Any]) -> str:
    seen = Counter(later["screened"])
    return (
        f"{later['polled']} revisions ({seen['echo']} echoes of our own writes, "
        f"{later['polled'] - seen['echo']} replies and other changes): "
        f"{later['model_calls']} model calls, {sum(later['written'].values())} writes.\n"
    )


def _conclude(rehearsed: dict[str, Any], lived: dict[str, Any], *, claude: bool) -> None:
    cost = rehearsed["cost"] + lived["cost"]
    per = lived["cost"] / max(1, sum(lived["decided"].values()))
    price = "at list prices" if claude else "at list prices, had it been real"
    say(f"\nCost of both passes: {usd(cost)}; per ticket {usd(per)} ({price}).")
    ledger = f"CONNECTOR_STORE__URL=sqlite:///{LEDGER}"
    say(
        "\nHow to go on:\n"
        f"  {ledger} connector decisions --kind escalated\n"
        f"  {ledger} connector explain TICKET\n"
        "  connector config example > settings.toml   # then: a real Zendesk in five steps, see README.md"
    )
