"""Opening the ear: the settings become hooks, and somebody listens while the service runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from connector.errors import SettingsError
from connector.pipeline.nudges import Nudges
from connector.ports import Clock, Event, Observer
from connector.settings import Settings
from connector.web import pylon_hook, zendesk_hook
from connector.web.app import build_app
from connector.web.hook import Hook
from connector.web.listener import Listener


@contextmanager
def hearing(
    helpdesks: Sequence[tuple[Settings, Nudges]], clock: Clock, observer: Observer
) -> Iterator[Listener]:
    """Listen for the webhooks of one helpdesk or several, as long as the block runs.

    Raises SettingsError when that is impossible.
    """
    chosen = helpdesks[0][0].nudge  # the same for all; the secret is each one's own
    app = build_app(
        {each.helpdesk.ledger_name: hook_of(each, nudges.offer) for each, nudges in helpdesks},
        clock,
        observer,
        most_body_bytes=chosen.body_kib * 1024,
        window_seconds=chosen.window_seconds,
    )
    with Listener(app, *chosen.address) as listener:
        observer(Event("nudge.listening", "info", {"address": listener.address}))
        yield listener


def hook_of(settings: Settings, take: Callable[[str], bool]) -> Hook:
    """The hook of the configured helpdesk: its own way to sign, its own secret."""
    chosen, kind = settings.nudge, settings.helpdesk.kind
    if (signing := settings.webhook_secret) is None:
        raise SettingsError("[nudge] secret is missing: put the webhook's signing secret there")
    secret = signing.get_secret_value()
    if kind == "pylon":
        return Hook(partial(pylon_hook.verify, secret=secret), pylon_hook.ticket_in, take)
    proof = partial(zendesk_hook.verify, secret=secret, window_seconds=chosen.window_seconds)
    return Hook(proof, zendesk_hook.ticket_in, take)
