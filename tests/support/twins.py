"""Two accounts whose ticket ids are equal, served by one connector from one ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

from connector.bootstrap import connect, open_reports
from connector.clock import ManualClock
from connector.pipeline.summary import Summary
from connector.pipeline.sync import run_pass
from connector.ports import Event, broadcast
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.settings import Settings, load_settings
from connector.store import open_store
from connector.store.story import Story

NAMES = ("acme", "bolt")
ELSEWHERE = "Elsewhere"


@dataclass
class Crowd:
    """Where calls of the model wait for each other, all but the first: for so many, or at most a second.

    Counts how many did (``met``), and how many of them were there at the same time (``most``).
    """

    barrier: Barrier | None = None
    led: bool = False
    met: int = 0
    most: int = 0
    _here: int = 0
    _lock: Lock = field(default_factory=Lock)

    def meet(self) -> None:
        if self.barrier is None or not self.led:
            self.led = self.barrier is not None
            return
        self._count(1)
        with suppress(BrokenBarrierError):
            self.barrier.wait(1.0)
        self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self.met += more > 0
            self._here += more
            self.most = max(self.most, self._here)


@dataclass
class Twins:
    """Two accounts that began alike, so that their groups and tickets have the same ids."""

    clock: ManualClock
    accounts: dict[str, ZendeskSandbox]
    claude: ClaudeSandbox
    crowd: Crowd
    settings: Settings
    groups: dict[str, int]
    events: list[Event] = field(default_factory=list)

    def of(self, name: str) -> Settings:
        return next(each for each in self.settings.per_helpdesk() if each.helpdesk.ledger_name == name)

    def run(self, *names: str, dry_run: bool = False) -> dict[str, dict[str, Any]]:
        """A pass of each, some minutes after whatever happened before it."""
        self.clock.advance(300)
        return {name: self._pass(name, dry_run=dry_run) for name in names or NAMES}

    def _pass(self, name: str, *, dry_run: bool) -> dict[str, Any]:
        summary = Summary()
        observer = broadcast([summary, self.events.append])
        with connect(self.of(name), self.clock, observer, dry_run=dry_run) as connector:
            run_pass(connector.stages)
        return summary.as_json()

    def arrives(self, **words: str) -> int:
        """A ticket in each account, of one id; its words are those given for the account, or usual ones."""
        ids = {
            zendesk.create_ticket("Charged twice", words.get(name, "Please refund my invoice."))
            for name, zendesk in self.accounts.items()
        }
        (ticket,) = ids
        return ticket

    def group_of(self, name: str, ticket: int) -> str | None:
        held = self.accounts[name].tickets()[ticket].group_id
        return next((group for group, id_ in self.groups.items() if id_ == held), None)

    def let_pay(self, name: str, usd: Decimal) -> None:
        """From now on a helpdesk has a daily budget of its own."""
        limited = (
            each.model_copy(update={"daily_usd": usd}) if each.name == name else each
            for each in self.settings.helpdesks
        )
        self.settings = self.settings.model_copy(update={"helpdesks": tuple(limited)})

    def count(self, what: str) -> int:
        """How many rows the ledger has, asked while it is in use."""
        url = self.settings.store.url.get_secret_value()
        with (
            closing(open_store(url, clock=self.clock, read_only=True)) as store,
            store.database.read("c") as tx,
        ):
            return int(tx.exec_driver_sql(f"SELECT count(*) FROM {what}").scalar_one())  # noqa: S608 - our own

    def story(self, name: str, ticket: int) -> Story:
        with open_reports(self.settings, self.clock) as reports:
            return reports.story(str(ticket), name)


@contextmanager
def open_twins(clock: ManualClock, url: str) -> Iterator[Twins]:
    """Both accounts, the model, and settings that lead there, on the database at ``url``."""
    crowd = Crowd()
    with (
        ZendeskSandbox(clock.timestamp, rate_limits=False) as acme,
        ZendeskSandbox(clock.timestamp, rate_limits=False) as bolt,
        ClaudeSandbox(api_key="key", author=lambda _: crowd.meet()) as claude,
    ):
        accounts = dict(zip(NAMES, (acme, bolt), strict=True))
        overrides = {
            "helpdesks": [
                {
                    "name": name,
                    "kind": "zendesk",
                    "base_url": zendesk.url,
                    "client_id": zendesk.credentials.client_id,
                    "client_secret": zendesk.credentials.client_secret,
                    "groups": {"billing": f"Billing {name}"},
                    "webhook_secret": f"a-signing-secret-of-{name}",
                }
                for name, zendesk in accounts.items()
            ],
            "llm": {"api_key": "key", "base_url": claude.url, "workers": 2},
            "store": {"url": url},
            "nudge": {"enabled": True, "listen": "127.0.0.1:0"},
        }
        settings = load_settings(overrides=overrides, environment={}, use_file=False, secret_dirs=[]).settings
        wanted = {group for each in settings.per_helpdesk() for group in each.groups().values()}
        names = [*sorted({*wanted, *settings.groups().values()}), "Support", ELSEWHERE]
        (groups,) = {tuple(zendesk.add_group(name) for name in names) for zendesk in accounts.values()}
        yield Twins(clock, accounts, claude, crowd, settings, dict(zip(names, groups, strict=True)))
