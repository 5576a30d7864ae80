"""``connector sandbox``: the emulators, to play with or to measure against."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connector.cli.output import emit_json, say
from connector.cli.playground import SANDBOX_KEY, needed_groups
from connector.cli.stand_in import Mix, StandIn, Vendor, stand_in
from connector.clock import SystemClock
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.sandbox.faults import Fault


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve."""

    vendor: Vendor
    tickets: int
    seed: int
    helpdesk_port: int
    claude_port: int
    latency_seconds: float
    rate_limits: bool
    originals: int | None  # percent; None: as they come
    faulty_percent: float = 0.0
    every_seconds: float = 0.0  # 0: no ticket comes after the first ones
    webhook: str | None = None
    webhook_secret: str = ""


def sandbox(plan: Plan) -> int:
    """Serve until a signal; the first line on stdout is JSON with addresses and credentials."""
    from connector.sandbox.claude_api import ClaudeSandbox
    from connector.service import stop_on_signals

    clock = SystemClock()
    stop_on_signals(clock)
    with (
        stand_in(plan.vendor, time.time, port=plan.helpdesk_port, rate_limits=plan.rate_limits) as helpdesk,
        ClaudeSandbox(
            port=plan.claude_port, latency_seconds=plan.latency_seconds, api_key=SANDBOX_KEY
        ) as claude,
    ):
        for name in needed_groups(Settings()):
            helpdesk.add_group(name)
        helpdesk.populate(plan.tickets, plan.seed, _mix(plan.originals))
        if plan.faulty_percent:
            helpdesk.faults.add(_trouble(plan))
        environment = (
            {f"CONNECTOR_HELPDESK__{key.upper()}": value for key, value in helpdesk.connection.items()}
            | {
                "CONNECTOR_LLM__PROVIDER": "anthropic",
                "ANTHROPIC_BASE_URL": claude.url,
                "ANTHROPIC_API_KEY": SANDBOX_KEY,
            }
            | _hooked(helpdesk, plan)
        )
        emit_json(environment)
        sys.stdout.flush()  # whoever reads it from a pipe waits for it
        exports = " ".join(f"{name}={value}" for name, value in environment.items())
        say(f"\nIn another terminal:\n  env {exports} connector run --once\nCtrl-C ends it.")
        customer = helpdesk.add_customer("Erin") if plan.every_seconds else ""
        while not clock.sleep(plan.every_seconds or 3600):
            if plan.every_seconds:
                helpdesk.open(
                    "Charged twice", "You charged my card twice, please refund one.", customer, time.time()
                )
    return os.EX_OK


def _hooked(helpdesk: StandIn, plan: Plan) -> dict[str, str]:
    """From now on new tickets are told to the webhook; the settings for a connector that listens there."""
    if plan.webhook is None:
        return {}
    helpdesk.tell_of_new_tickets(plan.webhook, plan.webhook_secret)
    return {
        "CONNECTOR_NUDGE__ENABLED": "true",
        "CONNECTOR_NUDGE__LISTEN": urlsplit(plan.webhook).netloc,
        "CONNECTOR_NUDGE__SECRET": plan.webhook_secret,
    }


def _mix(originals: int | None) -> Mix:
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


def _trouble(plan: Plan) -> Fault:
    """Trouble of every sort for a share of the requests; of work that is done the answer may be lost."""
    from connector.sandbox.faults import Fault, html, lose_response, reset, too_many_requests

    random = Random(plan.seed)  # noqa: S311 - repeatable trouble, not secrets
    sorts = (html(503), html(200), reset(), lose_response(), too_many_requests("1"))
    return Fault(
        lambda request, app: random.choice(sorts)(request, app),
        times=None,
        when=lambda _: 100 * random.random() < plan.faulty_percent,
    )
