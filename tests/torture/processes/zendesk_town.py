"""Zendesk with people and a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connector.sandbox.faults import FaultPlan
from connector.sandbox.server import Request
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.sandbox.zendesk_api.records import Ticket
from tests.torture.business import KINDS
from tests.torture.plans import Deed
from tests.torture.processes import zendesk_audit
from tests.torture.processes.finding import Excuses, Finding
from tests.torture.processes.town import GROUPS, OTHER, Town
from tests.torture.remains import Remains


@dataclass(kw_only=True)
class ZendeskTown(Town):
    """``groups`` are ids by name."""

    zendesk: ZendeskSandbox
    groups: dict[str, int]

    @property
    def faults(self) -> FaultPlan:
        return self.zendesk.faults

    def login(self) -> Mapping[str, str]:
        login = self.zendesk.credentials
        return {
            "KIND": "zendesk",
            "BASE_URL": self.zendesk.url,
            "CLIENT_ID": str(login.client_id),
            "CLIENT_SECRET": str(login.client_secret),
        }

    def _open(self, number: int, kind: str, *, is_routed: bool, age_seconds: float) -> str:
        opened = self.zendesk.create_ticket(
            f"case-{number} {kind}",
            KINDS["confident" if is_routed else kind].text,
            tags=sorted(self.tags[number]),
            group=self.groups[OTHER] if is_routed else None,
            created_at=self.zendesk.world.now() - age_seconds,
        )
        return str(opened)

    def does(self, deed: Deed, number: int) -> None:
        zendesk, ticket_id = self.zendesk, int(self.tickets.get(number, 0))
        with zendesk.world.lock:  # a person decides by what she sees
            ticket = zendesk.tickets().get(ticket_id)
            if ticket is None or ticket.status in {"closed", "deleted"}:
                return
            if deed is Deed.REVERT and not zendesk.writes(ticket_id):
                return
            self.deeds.append(f"{deed} {number}")
            self._do(deed, number, ticket)

    def _do(self, deed: Deed, number: int, ticket: Ticket) -> None:
        zendesk, other = self.zendesk, self.groups[OTHER]
        facts: dict[Deed, dict[str, Any]] = {
            Deed.ROUTE: {"group": other},
            Deed.ASSIGN: {"assignee": zendesk.agent},
            Deed.SOLVE: {"status": "solved", "assignee": zendesk.agent},
            Deed.CLOSE: {"status": "closed", "assignee": zendesk.agent},
            Deed.REVERT: {"group": None},
            Deed.TAG: {"tags": [*ticket.tags, "mine"]},
        }
        match deed:
            case Deed.DELETE:
                zendesk.delete(ticket.id)
            case Deed.MERGE:
                zendesk.merge(ticket.id, zendesk.create_ticket("target", "another question", group=other))
            case Deed.REPLY:
                zendesk.customer_reply(ticket.id, "Any news?")
            case _:
                zendesk.person_sets(ticket.id, **facts[deed])
        if deed is Deed.TAG:
            self.tags[number].add("mine")

    def run_jobs(self) -> None:
        self.zendesk.run_jobs()

    def effects(self) -> int:
        return len(self.zendesk.writes())

    def undecided(self, request: Request, remains: Remains) -> str:
        return zendesk_audit.undecided(request, remains)

    def examine(self, remains: Remains, excuses: Excuses) -> Iterator[Finding]:
        return zendesk_audit.examine(self, remains, excuses)

    def checkpoint_is_ahead(self, remains: Remains) -> str:
        return zendesk_audit.checkpoint_is_ahead(self, remains)

    def is_all_stored(self, remains: Remains) -> bool:
        return zendesk_audit.is_all_stored(self, remains)


@contextmanager
def zendesk_town() -> Iterator[ZendeskTown]:
    """An account that hides nothing from its export for more than a second."""
    with ZendeskSandbox(rate_limits=False, blind_seconds=1) as zendesk:
        zendesk.jobs.held = True
        yield ZendeskTown(zendesk=zendesk, groups={name: zendesk.add_group(name) for name in GROUPS})
