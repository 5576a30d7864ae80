"""Trouble on the way: an adapter raises AuthRefused or Unavailable, and makes nothing up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from connector.domain.decision import Outcome
from connector.domain.ticket import Ticket
from connector.errors import AuthRefused, Unavailable
from tests.contract.account import Account, Trouble, needs
from tests.contract.writes import arrived, drain, routing


def _newest(account: Account) -> object:
    needs(account.helpdesk.capabilities.newest, "list of the newest")
    return account.helpdesk.newest(())


_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_READS: Mapping[str, Callable[[Account, Ticket], object]] = {
    "check": lambda account, _: account.helpdesk.check(),
    "groups": lambda account, _: account.helpdesk.groups(),
    "pages": lambda account, _: list(account.helpdesk.pages(None, _LONG_AGO)),
    "newest": lambda account, _: _newest(account),
    "fetch one": lambda account, ticket: account.helpdesk.fetch([ticket.id]),
    "fetch many": lambda account, ticket: account.helpdesk.fetch([ticket.id, account.unknown_id]),
    "messages": lambda account, ticket: account.helpdesk.messages(ticket, _LONG_AGO),
    "requesters": lambda account, _: account.helpdesk.requesters("jane@example.com"),
}
_ERRORS = {
    Trouble.LOCKED_OUT: AuthRefused,
    Trouble.DOWN: Unavailable,
    Trouble.GIBBERISH: Unavailable,
}


@pytest.fixture(params=_ERRORS, ids=lambda trouble: trouble.name.lower())
def trouble(request: pytest.FixtureRequest) -> Trouble:
    struck: Trouble = request.param
    return struck


@pytest.mark.parametrize("read", _READS.values(), ids=_READS)
def test_a_read_that_fails_is_an_error_and_never_an_empty_answer(
    account: Account, trouble: Trouble, read: Callable[[Account, Ticket], object]
) -> None:
    ticket = arrived(account)
    needs(account.strike(trouble), "network that could fail")

    with pytest.raises(_ERRORS[trouble]):
        read(account, ticket)


def test_a_write_that_cannot_be_looked_for_is_neither_there_nor_not(
    account: Account, trouble: Trouble
) -> None:
    ticket = arrived(account)
    needs(account.strike(trouble), "network that could fail")
    found: bool | None = None

    with suppress(_ERRORS[trouble]):
        found = account.helpdesk.find_write(ticket, "decision-1")

    assert found is None


def test_a_write_that_fails_is_never_told_as_done(account: Account, billing: str, trouble: Trouble) -> None:
    ticket = arrived(account)
    needs(account.strike(trouble), "network that could fail")

    told, error = drain(account.helpdesk.apply([routing(ticket, billing)]))

    assert isinstance(error, _ERRORS[trouble]) or [each.outcome for each in told] == [Outcome.UNCLEAR]
    assert {each.outcome for each in told} <= {Outcome.UNCLEAR}
    assert account.shown(ticket.id).writes == 0
