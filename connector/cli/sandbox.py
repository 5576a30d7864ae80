"""``connector sandbox``: the emulators, to play with or to measure against."""

from __future__ import annotations

import os
from dataclasses import dataclass

from connector.cli.output import emit_json, say
from connector.cli.playground import SANDBOX_KEY
from connector.clock import SystemClock
from connector.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve."""

    tickets: int
    seed: int
    zendesk_port: int
    claude_port: int
    latency_seconds: float
    rate_limits: bool
    originals_only: bool


def sandbox(plan: Plan) -> int:
    """Serve until a signal; the first line on stdout is JSON with addresses and credentials."""
    from connector.sandbox.claude_api import ClaudeSandbox
    from connector.sandbox.ticket_factory import DEFAULT_MIX, ORIGINALS, populate
    from connector.sandbox.zendesk_api import ZendeskSandbox
    from connector.service import stop_on_signals

    clock = SystemClock()
    stop_on_signals(clock)
    settings = Settings()
    with (
        ZendeskSandbox(port=plan.zendesk_port, rate_limits=plan.rate_limits) as zendesk,
        ClaudeSandbox(
            port=plan.claude_port, latency_seconds=plan.latency_seconds, api_key=SANDBOX_KEY
        ) as claude,
    ):
        for name in dict.fromkeys([*settings.groups().values(), settings.helpdesk.human_group]):
            zendesk.add_group(name)
        mix = {
            kind: weight
            for kind, weight in DEFAULT_MIX.items()
            if kind in ORIGINALS or not plan.originals_only
        }
        populate(zendesk, plan.tickets, plan.seed, mix)
        environment = {
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(zendesk.credentials.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": str(zendesk.credentials.client_secret),
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": SANDBOX_KEY,
        }
        emit_json(environment)
        exports = " ".join(f"{name}={value}" for name, value in environment.items())
        say(f"\nIn another terminal:\n  env {exports} connector run --once\nCtrl-C ends it.")
        while not clock.sleep(3600):
            pass
    return os.EX_OK
