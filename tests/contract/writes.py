"""What the tests of writing begin with: a ticket as we saw it, and a routing of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.domain.decision import Applied, Change
from connector.domain.ticket import Ticket
from connector.errors import ConnectorError
from tests.contract.account import Account

OURS = ("ai_billing", "ai_urgent")


def see(account: Account, *ticket_ids: str) -> list[Ticket]:
    found = account.helpdesk.fetch(ticket_ids)
    tickets = [found[each] for each in ticket_ids]
    return [each for each in tickets if isinstance(each, Ticket)]


def arrived(account: Account, tags: Sequence[str] = ()) -> Ticket:
    """A ticket as we saw it, whose version has settled."""
    ticket_id = account.open(tags=tags)
    account.settle()
    (ticket,) = see(account, ticket_id)
    return ticket


def routing(seen: Ticket, group: str, note: str | None = None) -> Change:
    return Change(f"decision-{seen.id}", seen, group, OURS, note=note)


def write(account: Account, change: Change) -> Applied:
    (outcome,) = account.helpdesk.apply([change])
    return outcome


def drain(outcomes: Iterable[Applied]) -> tuple[list[Applied], ConnectorError | None]:
    """Every outcome that is told, and the error that ends the telling."""
    told: list[Applied] = []
    try:
        for outcome in outcomes:
            told.append(outcome)  # noqa: PERF402 - what came before the error must stay
    except ConnectorError as error:
        return told, error
    return told, None
