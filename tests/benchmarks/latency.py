"""How long a new ticket waits for its group: by polling alone, with the fast lane, and with webhooks as well.

``python -m tests.benchmarks.latency [--tickets 40] [--minutes 3] [--seed 7] [--lanes poll fast nudge]``

Real services, one per lane, side by side, each with a Zendesk sandbox of its own that hides the last minute
from its export and enforces the documented rate limits, and with a model that thinks for 400 ms.  The same
tickets arrive in all of them at the same moments, one by one and at random.  The waits are what the sandboxes
saw, in milliseconds, from the creation to the write; what `connector status` says stands beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.ticket_texts import TEAMS, Words, compose
from connector.sandbox.zendesk_api import NewTicketWebhook, ZendeskSandbox
from connector.settings import Settings
from tests.benchmarks.processes import process_cpu, service

_KEY = "sandbox-key"
_HOOK_SECRET = "a-signing-secret-of-the-sandbox"
_POLL_SECONDS, _FAST_SECONDS = 10, 5
_MODEL_SECONDS = 0.4
_LONGEST_START_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 180.0  # for the last ticket; what is not written by then counts as lost
_LOOK_SECONDS = 0.1
_LANES = ("poll", "fast", "nudge")


@dataclass
class Lane:
    """A service and its world; ``created`` maps tickets to moments in epoch seconds."""

    name: str
    zendesk: ZendeskSandbox
    environment: Mapping[str, str]
    process: int
    created: dict[int, float] = field(default_factory=dict)

    def opens(self, words: Words) -> None:
        subject, body = words
        at = time.time()
        self.created[self.zendesk.create_ticket(subject, body)] = at

    @property
    def is_polled(self) -> bool:
        return any("/incremental/" in request.path for request in self.zendesk.requests)

    @property
    def waits_s(self) -> list[float]:
        """How long each ticket that was written waited for its first write, in order."""
        first: dict[int, float] = {}
        for write in self.zendesk.writes():
            first.setdefault(write.ticket_id, write.at)
        return sorted(first[each] - at for each, at in self.created.items() if each in first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lanes", nargs="+", choices=_LANES, default=list(_LANES))
    chosen = parser.parse_args()
    draw = random.Random(chosen.seed)  # noqa: S311 - moments, not secrets
    moments = sorted(draw.uniform(0, 60 * chosen.minutes) for _ in range(chosen.tickets))
    words = [compose(draw.choice(TEAMS), draw) for _ in moments]
    with ExitStack() as opened:
        lanes = [opened.enter_context(running(name)) for name in chosen.lanes]
        _wait_for(lambda: all(each.is_polled for each in lanes), _LONGEST_START_SECONDS, "a first poll")
        _arrive(lanes, moments, words)
        _until_written(lanes, chosen.tickets)
        _tell(lanes)
    if any(not len(each.waits_s) == len(each.zendesk.writes()) == chosen.tickets for each in lanes):
        raise SystemExit("a ticket was not written, or more than once")


@contextmanager
def running(name: str) -> Iterator[Lane]:
    """One lane: its sandbox, its database, and its service, which ends with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ZendeskSandbox() as zendesk,
        ClaudeSandbox(latency_seconds=_MODEL_SECONDS, api_key=_KEY) as claude,
    ):
        settings = Settings()
        for group in dict.fromkeys([*settings.groups().values(), settings.helpdesk.human_group]):
            zendesk.add_group(group)
        environment = {
            **os.environ,
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(zendesk.credentials.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": str(zendesk.credentials.client_secret),
            "CONNECTOR_POLL__INTERVAL_SECONDS": str(_POLL_SECONDS),
            "CONNECTOR_POLL__FAST_SECONDS": "0" if name == "poll" else str(_FAST_SECONDS),
            "CONNECTOR_STORE__URL": f"sqlite:///{Path(folder) / 'latency.db'}",
            "CONNECTOR_LOG__LEVEL": "warning",
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": _KEY,
        }
        if name == "nudge":
            environment |= _with_webhooks(zendesk)
        with service([sys.executable, "-m", "connector", "run"], environment) as process:
            yield Lane(name, zendesk, environment, process.pid)
            process.terminate()
            if process.wait(timeout=60) != 0:
                raise SystemExit(f"the service of {name} ended with {process.returncode}")


def _with_webhooks(zendesk: ZendeskSandbox) -> dict[str, str]:
    """The sandbox tells of each new ticket from now on; the settings of a service that listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    url = f"http://{address}/hooks/zendesk"
    zendesk.webhooks.add(NewTicketWebhook(url, _HOOK_SECRET, zendesk.world.now))
    return {
        "CONNECTOR_NUDGE__ENABLED": "true",
        "CONNECTOR_NUDGE__LISTEN": address,
        "CONNECTOR_NUDGE__SECRET": _HOOK_SECRET,
    }


def _arrive(lanes: Sequence[Lane], moments: Sequence[float], words: Sequence[Words]) -> None:
    """Each ticket at its moment, in seconds from now, in every lane."""
    started = time.monotonic()
    for moment, each in zip(moments, words, strict=True):
        time.sleep(max(0.0, started + moment - time.monotonic()))
        for lane in lanes:
            lane.opens(each)


def _until_written(lanes: Sequence[Lane], tickets: int) -> None:
    until = time.monotonic() + _LONGEST_WAIT_SECONDS
    while time.monotonic() < until and any(len(lane.waits_s) < tickets for lane in lanes):
        time.sleep(_LOOK_SECONDS)


def _wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"no sign of {what} in {seconds:.0f} seconds")
        time.sleep(_LOOK_SECONDS)


def _tell(lanes: Sequence[Lane]) -> None:
    columns = "".join(f"{name:>9}" for name in ("p50 s", "p95 s", "max s", "requests", "CPU s"))
    print(f"{'lane':8}{'n':>4}{columns}   connector status says")
    for lane in lanes:
        waits = lane.waits_s
        spans = "".join(f"{wait:>9.2f}" for wait in (*(_rank(waits, each) for each in (50, 95)), waits[-1]))
        spent = f"{len(lane.zendesk.requests):>9}{process_cpu(lane.process):>9.1f}"
        print(f"{lane.name:8}{len(waits):>4}{spans}{spent}   {_status(lane)}")


def _rank(ordered: Sequence[float], percent: int) -> float:
    """The percentile by nearest rank, as `connector status` has it."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def _status(lane: Lane) -> str:
    command = [sys.executable, "-m", "connector", "status", "--json"]
    told = subprocess.run(command, env=lane.environment, stdout=subprocess.PIPE, check=True)
    times = json.loads(told.stdout)["assignment"]["arrived_by"]
    return "; ".join(
        f"{name}: {each['tickets']}, p50 {each['p50_s']:g} s, p95 {each['p95_s']:g} s"
        for name, each in times.items()
    )


if __name__ == "__main__":
    main()
