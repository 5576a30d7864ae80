"""``connector sandbox``: the emulators, to play with or to measure against."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connector.cli.output import emit_json, say
from connector.cli.playground import SANDBOX_KEY
from connector.clock import SystemClock
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.sandbox.ticket_factory import Kind
    from connector.sandbox.zendesk_api import ZendeskSandbox


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve."""

    tickets: int
    seed: int
    zendesk_port: int
    claude_port: int
    latency_seconds: float
    rate_limits: bool
    originals: int | None  # percent; None: as they come
    every_seconds: float = 0.0  # 0: no ticket comes after the first ones
    webhook: str | None = None
    webhook_secret: str = ""


def sandbox(plan: Plan) -> int:
    """Serve until a signal; the first line on stdout is JSON with addresses and credentials."""
    from connector.sandbox.claude_api import ClaudeSandbox
    from connector.sandbox.ticket_factory import populate
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
        populate(zendesk, plan.tickets, plan.seed, _mix(plan.originals))
        environment = {
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(zendesk.credentials.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": str(zendesk.credentials.client_secret),
            "CONNECTOR_LLM__PROVIDER": "anthropic",
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_API_KEY": SANDBOX_KEY,
        } | _hooked(zendesk, plan)
        emit_json(environment)
        exports = " ".join(f"{name}={value}" for name, value in environment.items())
        say(f"\nIn another terminal:\n  env {exports} connector run --once\nCtrl-C ends it.")
        while not clock.sleep(plan.every_seconds or 3600):
            if plan.every_seconds:
                zendesk.create_ticket("Charged twice", "You charged my card twice, please refund one.")
    return os.EX_OK


def _hooked(zendesk: ZendeskSandbox, plan: Plan) -> dict[str, str]:
    """From now on new tickets are told to the webhook; the settings for a connector that listens there."""
    from connector.sandbox.zendesk_api import NewTicketWebhook

    if plan.webhook is None:
        return {}
    zendesk.webhooks.add(NewTicketWebhook(plan.webhook, plan.webhook_secret, zendesk.world.now))
    return {
        "CONNECTOR_NUDGE__ENABLED": "true",
        "CONNECTOR_NUDGE__LISTEN": urlsplit(plan.webhook).netloc,
        "CONNECTOR_NUDGE__SECRET": plan.webhook_secret,
    }


def _mix(originals: int | None) -> Mapping[Kind, float]:
    """The default mixture, or the same kinds with that many percent of originals."""
    from connector.sandbox.ticket_factory import DEFAULT_MIX, ORIGINALS

    if originals is None:
        return DEFAULT_MIX
    totals = {True: 0.0, False: 0.0}
    for kind, weight in DEFAULT_MIX.items():
        totals[kind in ORIGINALS] += weight
    shares = {True: originals, False: 100 - originals}
    return {
        kind: weight * shares[kind in ORIGINALS] / totals[kind in ORIGINALS]
        for kind, weight in DEFAULT_MIX.items()
    }
