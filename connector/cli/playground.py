"""The embedded playground: both emulators in this process, filled with real customer threads."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from connector.cli.output import say
from connector.cli.stand_in import StandIn, Vendor, stand_in
from connector.settings import Settings, StoreSettings
from connector.settings.connections import LlmSettings

if TYPE_CHECKING:
    from connector.sandbox.claude_api import ClaudeSandbox
    from connector.sandbox.tickets import Thread

SANDBOX_KEY = "sandbox-key"  # opens nothing but the emulator in this process
_SUBJECT_CHARS = 60
_SECRETS = frozenset({"client_secret", "api_token"})


class WorldTime:
    """The sandbox's clock: the real one, plus what was skipped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._skipped = 0.0

    def __call__(self) -> float:
        with self._lock:
            return time.time() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let time pass in the sandbox: its export hides the newest minute, like the real one."""
        with self._lock:
            self._skipped += seconds


@dataclass(slots=True)
class Playground:
    """Both emulators with threads in them; ``tickets`` maps a ticket's id to its thread.

    ``groups`` maps the names of the groups that the settings need to their ids.
    """

    helpdesk: StandIn
    claude: ClaudeSandbox
    world: WorldTime
    groups: Mapping[str, str]
    tickets: dict[str, Thread] = field(default_factory=dict)

    def seed(self, threads: Sequence[Thread]) -> None:
        """Each thread's first message becomes a ticket, a few minutes old."""
        for number, thread in enumerate(threads):
            customer, text = self.helpdesk.add_customer(f"Customer {number + 1}"), thread.turns[0].text
            subject, at = thread.subject or _subject(text), self.world() - 600 + number
            ticket = self.helpdesk.open(subject, text, customer, at)
            self.tickets[ticket] = thread

    def replies_arrive(self, routed: Container[str]) -> None:
        """The rest of every thread is said: by customers everywhere, by agents on what is in their team."""
        for ticket, thread in self.tickets.items():
            for turn in thread.turns[1:]:
                if turn.role == "customer":
                    self.helpdesk.customer_writes(ticket, turn.text)
                elif ticket in routed:
                    self.helpdesk.agent_writes(ticket, turn.text)

    def effective(self, settings: Settings) -> Settings:
        """The settings with both upstreams pointed at the emulators."""
        leads: dict[str, object] = {
            key: SecretStr(value) if key in _SECRETS else value
            for key, value in self.helpdesk.connection.items()
        }
        helpdesk = settings.helpdesk.model_copy(update=leads | {"name": settings.helpdesk.ledger_name})
        llm = settings.llm
        if llm.provider != "anthropic":  # the playground's Claude stands behind its own door
            own = LlmSettings()
            llm = llm.model_copy(
                update={name: getattr(own, name) for name in ("provider", "cheap", "strong", "prices")}
            )
        llm = llm.model_copy(update={"base_url": self.claude.url, "api_key": SecretStr(SANDBOX_KEY)})
        return settings.model_copy(update={"helpdesk": helpdesk, "llm": llm})


@contextmanager
def playground(
    settings: Settings, *, vendor: Vendor = Vendor.ZENDESK, latency_seconds: float = 0.05
) -> Iterator[Playground]:
    """Start both emulators on loopback with the groups that the settings need; nothing outlives the block.

    Pylon's limits, of so many requests a minute, would let a demo last for minutes: there are none here.
    """
    from connector.sandbox.claude_api import ClaudeSandbox

    world = WorldTime()
    with ExitStack() as running:
        has_limits = vendor is not Vendor.PYLON
        helpdesk = running.enter_context(stand_in(vendor, world, rate_limits=has_limits))
        claude = running.enter_context(ClaudeSandbox(latency_seconds=latency_seconds, api_key=SANDBOX_KEY))
        groups = {name: helpdesk.add_group(name) for name in needed_groups(settings)}
        yield Playground(helpdesk, claude, world, groups)


def needed_groups(settings: Settings) -> tuple[str, ...]:
    """The names of the groups without which the connector does not start, each once."""
    chosen = settings.helpdesk
    return tuple(dict.fromkeys([*settings.groups().values(), chosen.human_group, *chosen.inbox_groups]))


def is_emulated(settings: Settings) -> bool:
    """Whether the configured helpdesk is the sandbox; among several none is."""
    return settings.per_helpdesk()[0].helpdesk.kind == "sandbox"


@contextmanager
def playground_for(settings: Settings, *, past: bool = False) -> Iterator[Settings]:
    """The settings as they are; for the sandbox pointed at a playground that lives as long as the block.

    ``past``: with tickets that people have solved, instead of new ones.
    """
    if not is_emulated(settings):
        yield settings
        return
    from connector.sandbox.tickets import threads

    what = "real customer messages, solved" if past else "60 real customer threads"
    say(f'helpdesk.kind = "sandbox": emulated helpdesk and model on this machine, {what}.')
    with ExitStack() as kept:
        if settings.store.url.get_secret_value() == StoreSettings().url.get_secret_value():
            folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="connector-sandbox-")))
            store = settings.store.model_copy(
                update={"url": SecretStr(f"sqlite:///{folder / 'connector.db'}")}
            )
            settings = settings.model_copy(update={"store": store})
        ground = kept.enter_context(playground(settings))
        if past:
            from connector.cli.solved_past import seed_solved

            seed_solved(ground, settings)
        else:
            ground.seed(threads())
        yield ground.effective(settings)


def _subject(text: str) -> str:
    """A subject as a mail client would make one of a message without: its beginning."""
    words = " ".join(text.split())
    return words if len(words) <= _SUBJECT_CHARS else words[: _SUBJECT_CHARS - 1] + "…"
