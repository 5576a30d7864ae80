"""A stand-in: an emulated account of a helpdesk on this machine, and the settings that lead to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from connector.sandbox.faults import FaultPlan
    from connector.sandbox.pylon_api import PylonSandbox
    from connector.sandbox.ticket_factory import Kind
    from connector.sandbox.zendesk_api import ZendeskSandbox

Mix = Mapping["Kind", float]


class Vendor(StrEnum):
    """Whose helpdesk is emulated; the values are those of [helpdesk] kind."""

    ZENDESK = "zendesk"
    PYLON = "pylon"

    @property
    def shown(self) -> str:
        """The name as people write it."""
        return self.value.capitalize()


class StandIn(Protocol):
    """What people do at an emulated helpdesk; ids of tickets and groups are text, as the ledger has them."""

    @property
    def connection(self) -> Mapping[str, str]:
        """The keys of [helpdesk] that lead to it, credentials among them."""
        ...

    @property
    def faults(self) -> FaultPlan: ...

    def add_group(self, name: str) -> str: ...

    def add_customer(self, name: str) -> str: ...

    def open(self, subject: str, text: str, customer: str, created_at: float) -> str:
        """The customer writes; returns the id of the ticket."""
        ...

    def customer_writes(self, ticket: str, text: str) -> None: ...

    def agent_writes(self, ticket: str, text: str) -> None: ...

    def solve(self, ticket: str, group: str) -> None:
        """An agent moves the ticket into the group, takes it and solves it."""
        ...

    def populate(self, count: int, seed: int, mix: Mix) -> None:
        """Open generated tickets."""
        ...

    def tell_of_new_tickets(self, url: str, secret: str) -> None:
        """From now on each new ticket invokes a webhook, signed with ``secret``."""
        ...


@dataclass(frozen=True, slots=True)
class ZendeskStandIn:
    sandbox: ZendeskSandbox

    @property
    def connection(self) -> Mapping[str, str]:
        credentials = self.sandbox.credentials
        return {
            "kind": Vendor.ZENDESK.value,
            "base_url": self.sandbox.url,
            "client_id": str(credentials.client_id),
            "client_secret": str(credentials.client_secret),
        }

    @property
    def faults(self) -> FaultPlan:
        return self.sandbox.faults

    def add_group(self, name: str) -> str:
        return str(self.sandbox.add_group(name))

    def add_customer(self, name: str) -> str:
        return str(self.sandbox.add_user(name))

    def open(self, subject: str, text: str, customer: str, created_at: float) -> str:
        sandbox = self.sandbox
        return str(sandbox.create_ticket(subject, text, requester=int(customer), created_at=created_at))

    def customer_writes(self, ticket: str, text: str) -> None:
        self.sandbox.customer_reply(int(ticket), text)

    def agent_writes(self, ticket: str, text: str) -> None:
        self.sandbox.agent_reply(int(ticket), text)

    def solve(self, ticket: str, group: str) -> None:
        agent = self.sandbox.agent
        self.sandbox.person_sets(int(ticket), group=int(group), assignee=agent, status="solved")

    def populate(self, count: int, seed: int, mix: Mix) -> None:
        from connector.sandbox.ticket_factory import populate

        populate(self.sandbox, count, seed, mix)

    def tell_of_new_tickets(self, url: str, secret: str) -> None:
        from connector.sandbox.zendesk_api import NewTicketWebhook

        self.sandbox.webhooks.add(NewTicketWebhook(url, secret, self.sandbox.world.now))


@dataclass(frozen=True, slots=True)
class PylonStandIn:
    sandbox: PylonSandbox

    @property
    def connection(self) -> Mapping[str, str]:
        sandbox = self.sandbox
        return {"kind": Vendor.PYLON.value, "base_url": sandbox.url, "api_token": sandbox.token}

    @property
    def faults(self) -> FaultPlan:
        return self.sandbox.faults

    def add_group(self, name: str) -> str:
        return self.sandbox.add_team(name)

    def add_customer(self, name: str) -> str:
        return self.sandbox.add_contact(name)

    def open(self, subject: str, text: str, customer: str, created_at: float) -> str:
        return self.sandbox.create_issue(subject, _html(text), requester=customer, created_at=created_at)

    def customer_writes(self, ticket: str, text: str) -> None:
        self.sandbox.customer_reply(ticket, _html(text))

    def agent_writes(self, ticket: str, text: str) -> None:
        self.sandbox.agent_reply(ticket, _html(text))

    def solve(self, ticket: str, group: str) -> None:
        self.sandbox.person_sets(ticket, team=group, assignee=self.sandbox.agent, state="closed")

    def populate(self, count: int, seed: int, mix: Mix) -> None:
        from connector.sandbox.issue_factory import populate

        populate(self.sandbox, count, seed, mix)

    def tell_of_new_tickets(self, url: str, secret: str) -> None:
        from connector.sandbox.pylon_api import NewIssueWebhook

        self.sandbox.webhooks.add(NewIssueWebhook(url, secret))


@contextmanager
def stand_in(
    vendor: Vendor, now: Callable[[], float], *, port: int = 0, rate_limits: bool = True
) -> Iterator[StandIn]:
    """Serve an emulated account on loopback, for as long as the block lasts."""
    if vendor is Vendor.PYLON:
        from connector.sandbox.pylon_api import PylonSandbox

        with PylonSandbox(now, port=port, rate_limits=rate_limits) as pylon:
            yield PylonStandIn(pylon)
        return
    from connector.sandbox.zendesk_api import ZendeskSandbox

    with ZendeskSandbox(now, port=port, rate_limits=rate_limits) as zendesk:
        yield ZendeskStandIn(zendesk)


def _html(text: str) -> str:
    """Plain text as a mail client would send it."""
    return "<p>" + escape(text, quote=False).replace("\n", "<br>") + "</p>"
