"""Both emulators in a process of their own that tells at the end what really happened there.

``python -m tests.benchmarks.witness TICKETS LATENCY_MS``: the first line on stdout is the environment that
leads there; each line on stdin is answered with a report; the end of stdin ends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.ticket_factory import DEFAULT_MIX, ORIGINALS, populate
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings

_KEY = "sandbox-key"


@dataclass(frozen=True)
class Witness:
    """A running pair of emulators."""

    environment: Mapping[str, str]
    process: subprocess.Popen[str]

    def report(self) -> dict[str, Any]:
        """Calls answered, tickets written, writes, and the emulators' own CPU seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def witness(tickets: int, latency_ms: int) -> Iterator[Witness]:
    """Emulators with so many waiting originals; rate limits off."""
    command = [sys.executable, "-m", "tests.benchmarks.witness", str(tickets), str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Witness(json.loads(process.stdout.readline()), process)
        process.communicate(timeout=30)


def main() -> None:
    tickets, latency_ms = int(sys.argv[1]), int(sys.argv[2])
    settings = Settings()
    with (
        ZendeskSandbox(rate_limits=False) as zendesk,
        ClaudeSandbox(latency_seconds=latency_ms / 1000, api_key=_KEY) as claude,
    ):
        for name in dict.fromkeys([*settings.groups().values(), settings.helpdesk.human_group]):
            zendesk.add_group(name)
        mix = {kind: share if kind in ORIGINALS else 0.0 for kind, share in DEFAULT_MIX.items()}
        populate(zendesk, tickets, 7, mix)
        environment = {
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(zendesk.credentials.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": str(zendesk.credentials.client_secret),
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": _KEY,
        }
        print(json.dumps(environment), flush=True)
        for _ in sys.stdin:
            print(json.dumps(_report(zendesk, claude)), flush=True)


def _report(zendesk: ZendeskSandbox, claude: ClaudeSandbox) -> dict[str, Any]:
    writes = Counter(write.ticket_id for write in zendesk.writes())
    return {
        "calls": sum(call.status == 200 for call in claude.calls),
        "writes": writes.total(),
        "written": len(writes),
        "requests": len(zendesk.requests),
        "cpu_s": time.process_time(),
    }


if __name__ == "__main__":
    main()
