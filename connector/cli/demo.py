"""``connector demo``: the whole main job on real threads, with nothing but this machine."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.decisions import COLUMNS, as_facts, cells
from connector.cli.demo_labels import DemoLabels, read_demo_labels
from connector.cli.output import emit_json, progress, say, table, totals_line, usd
from connector.cli.playground import Playground, playground
from connector.cli.run import counted_pass
from connector.cli.session import Hub
from connector.cli.stand_in import Vendor
from connector.clock import SystemClock
from connector.errors import SettingsError
from connector.pipeline.summary import Summary
from connector.ports import Event
from connector.settings import Settings, load_settings

if TYPE_CHECKING:
    from connector.sandbox.tickets import Thread
    from connector.store.reports import DecisionRow

LEDGER = Path("connector-demo.db")


class Mind(StrEnum):
    """Who labels the demo's tickets."""

    LOCAL = "local"
    EMULATED = "emulated"
    CLAUDE = "claude"


_WHO = {
    Mind.LOCAL: "the local tier labels them, for real; what it is not sure of goes to the human group",
    Mind.EMULATED: "the model's answers are EMULATED from keywords",
    Mind.CLAUDE: "real Claude answers, and is paid",
}


def demo(mind: Mind, vendor: Vendor, *, tickets: int, as_json: bool) -> int:
    """A dry run, a live pass while replies arrive, and one more poll; always exits 0 when it worked."""
    from connector.observe.logs import LogObserver, configure_logging
    from connector.sandbox.tickets import threads

    settings = _settings(mind)
    configure_logging("error", "auto", secrets=settings.secret_values())
    for suffix in ("", "-wal", "-shm"):
        LEDGER.with_name(LEDGER.name + suffix).unlink(missing_ok=True)
    hub = Hub([LogObserver()])
    labels = read_demo_labels(settings)
    with (
        tempfile.TemporaryDirectory(prefix="connector-demo-") as folder,
        playground(settings, vendor=vendor) as ground,
    ):
        ground.seed(threads()[:tickets])
        effective = ground.effective(settings)
        if mind is Mind.CLAUDE:
            effective = effective.model_copy(update={"llm": settings.llm})
        if mind is Mind.LOCAL:
            mind, effective = _taught(labels, effective, Path(folder))
        say(f"{tickets} real customer threads in a local {vendor.shown} emulator; {_WHO[mind]}.\n")
        rehearsed = _pass(effective, hub, "dry run", tickets, dry_run=True)
        say(f"1. Dry run, nothing written: {totals_line(rehearsed)}")
        lived = _pass(effective, hub, "live pass", tickets, replies=ground)
        say(f"2. Live pass: {totals_line(lived)}")
        ground.world.skip(120)
        later = _pass(effective, hub, "next poll", tickets)
        say(f"3. Next poll, after the replies: {_left_alone(later)}")
        rows = _decided(effective)
    played = ground.tickets
    _show(rows, played, as_json=as_json)
    findings = None
    if mind is Mind.LOCAL:
        findings = labels.findings(rows, {ticket: thread.id for ticket, thread in played.items()})
    if as_json:
        told = {"helpdesk": vendor, "mind": mind, "local": findings.as_json() if findings else None}
        emit_json({**told, "dry_run": rehearsed, "live": lived, "next_poll": later})
    else:
        if findings:
            findings.show()
        _conclude(rehearsed, lived, mind, vendor)
    return os.EX_OK


def _settings(mind: Mind) -> Settings:
    """The embedded defaults; of the user's settings only the key, and that only for real Claude."""
    claude = mind is Mind.CLAUDE
    names = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CONNECTOR_LLM__API_KEY") if claude else ()
    environment = {name: os.environ[name] for name in names if name in os.environ}
    overrides = {"store": {"url": f"sqlite:///{LEDGER}"}}
    loaded = load_settings(overrides=overrides, environment=environment, use_file=False, secret_dirs=[])
    if claude and loaded.settings.llm.api_key is None:
        raise SettingsError("--claude asks real Claude: set ANTHROPIC_API_KEY")
    return loaded.settings


def _taught(labels: DemoLabels, settings: Settings, folder: Path) -> tuple[Mind, Settings]:
    """With a local tier that has learnt; without its extra the answers have to be emulated."""
    say(f"Training the local tier on {len(labels.learn)} other threads with known labels …")
    try:
        return Mind.LOCAL, labels.train(settings, folder)
    except SettingsError as error:
        say(f"It cannot be trained: {error}")
        return Mind.EMULATED, settings


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
        self._after = after
        self._written: set[str] = set()

    def __call__(self, event: Event) -> None:
        if event.name == "ticket.written":
            self._written.add(event.facts["ticket_id"])
            if len(self._written) == self._after:
                self._ground.world.skip(2)
                self._ground.replies_arrive(self._written)


def _decided(settings: Settings) -> list[DecisionRow]:
    """The decisions of the live pass, read from the ledger like any others."""
    from connector.bootstrap import open_reports

    with open_reports(settings, SystemClock()) as reports:
        rows = reports.decisions(limit=None)
    return sorted(rows, key=lambda row: (row.decision.route.queue, row.ticket_id))


def _show(rows: Sequence[DecisionRow], played: Mapping[str, Thread], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            thread = played[row.ticket_id]
            emit_json(as_facts(row) | {"company": thread.company, "thread": thread.id})
    else:
        table(COLUMNS, [cells(row) for row in rows], title="What was decided")


def _left_alone(later: dict[str, Any]) -> str:
    seen = Counter(later["screened"])
    return (
        f"{later['polled']} revisions ({seen['echo']} echoes of our own writes, "
        f"{later['polled'] - seen['echo']} replies and other changes): "
        f"{later['model_calls']} model calls, {sum(later['written'].values())} writes.\n"
    )


def _conclude(rehearsed: dict[str, Any], lived: dict[str, Any], mind: Mind, vendor: Vendor) -> None:
    if mind is Mind.LOCAL:
        say("\nNo model was paid. `connector demo --emulated` plays the same with Claude's part emulated.")
    else:
        cost = rehearsed["cost"] + lived["cost"]
        per = lived["cost"] / max(1, sum(lived["decided"].values()))
        price = "at list prices" if mind is Mind.CLAUDE else "at list prices, had it been real"
        say(f"\nCost of both passes: {usd(cost)}; per ticket {usd(per)} ({price}).")
    ledger = f"CONNECTOR_STORE__URL=sqlite:///{LEDGER}"
    say(
        "\nHow to go on:\n"
        f"  {ledger} connector decisions --kind escalated\n"
        f"  {ledger} connector explain TICKET\n"
        f"  connector init --helpdesk {vendor}   # your own: asks, and writes settings and secrets"
    )
