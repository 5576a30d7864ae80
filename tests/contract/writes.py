"""What the tests of writing begin with: a ticket as we saw it, and a routing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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


def send(account: Account, changes: Sequence[Change]) -> Iterator[Applied]:
    """The outcomes of all, as many at a time as the helpdesk takes."""
    at_once = account.helpdesk.capabilities.bulk_size
    for at in range(0, len(changes), at_once):
        yield from account.helpdesk.apply(changes[at : at + at_once])


def noted(account: Account) -> str | None:
    """A note, where the helpdesk has notes."""
    return "Why: a duplicate charge." if account.helpdesk.capabilities.notes else None


def drain(outcomes: Iterable[Applied]) -> tuple[list[Applied], ConnectorError | None]:
    """Every outcome that is told, and the error that ends the telling."""
    told: list[Applied] = []
    try:
        for outcome in outcomes:
            told.append(outcome)  # noqa: PERF402 - what came before the error must stay
    except ConnectorError as error:
        return told, error
    return told, None
