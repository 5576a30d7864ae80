"""The embedded playground: both emulators in this process, filled with real customer threads."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from connector.cli.output import say
from connector.settings import Settings, StoreSettings
from connector.settings.connections import LlmSettings

if TYPE_CHECKING:
    from connector.sandbox.claude_api import ClaudeSandbox
    from connector.sandbox.tickets import Thread
    from connector.sandbox.zendesk_api import ZendeskSandbox


SANDBOX_KEY = "sandbox-key"  # opens nothing but the emulator in this process
_SUBJECT_CHARS = 60


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
    """Both emulators with threads in them; ``tickets`` maps a ticket's id to its thread."""

    zendesk: ZendeskSandbox
    claude: ClaudeSandbox
    world: WorldTime
    tickets: dict[int, Thread] = field(default_factory=dict)

    def seed(self, threads: Sequence[Thread]) -> None:
        """Each thread's first message becomes a ticket, a few minutes old."""
        for number, thread in enumerate(threads):
            customer = self.zendesk.add_user(f"Customer {number + 1}")
            ticket = self.zendesk.create_ticket(
                subject=thread.subject or _subject(thread.turns[0].text),
                description=thread.turns[0].text,
                requester=customer,
                created_at=self.world() - 600 + number,
            )
            self.tickets[ticket] = thread

    def replies_arrive(self) -> int:
        """The rest of every thread is said, by customers and agents; returns how many messages."""
        said = 0
        for ticket, thread in self.tickets.items():
            for turn in thread.turns[1:]:
                if turn.role == "agent":
                    self.zendesk.agent_reply(ticket, turn.text)
                else:
                    self.zendesk.customer_reply(ticket, turn.text)
                said += 1
        return said

    def effective(self, settings: Settings) -> Settings:
        """The settings with both upstreams pointed at the emulators."""
        helpdesk = settings.helpdesk.model_copy(
            update={
                "kind": "zendesk",
                "name": settings.helpdesk.ledger_name,
                "base_url": self.zendesk.url,
                "client_id": self.zendesk.credentials.client_id,
                "client_secret": SecretStr(str(self.zendesk.credentials.client_secret)),
            }
        )
        llm = settings.llm
        if llm.provider != "anthropic":  # the playground's Claude stands behind its own door
            own = LlmSettings()
            llm = llm.model_copy(
                update={name: getattr(own, name) for name in ("provider", "cheap", "strong", "prices")}
            )
        llm = llm.model_copy(update={"base_url": self.claude.url, "api_key": SecretStr(SANDBOX_KEY)})
        return settings.model_copy(update={"helpdesk": helpdesk, "llm": llm})


@contextmanager
def playground(settings: Settings, *, latency_seconds: float = 0.05) -> Iterator[Playground]:
    """Start both emulators on loopback with the groups that the settings need; nothing outlives the block."""
    from connector.sandbox.claude_api import ClaudeSandbox
    from connector.sandbox.zendesk_api import ZendeskSandbox

    world = WorldTime()
    with ExitStack() as running:
        zendesk = running.enter_context(ZendeskSandbox(now=world))
        claude = running.enter_context(ClaudeSandbox(latency_seconds=latency_seconds, api_key=SANDBOX_KEY))
        wanted = [*settings.groups().values(), settings.helpdesk.human_group, *settings.helpdesk.inbox_groups]
        for name in dict.fromkeys(wanted):
            zendesk.add_group(name)
        yield Playground(zendesk, claude, world)


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
