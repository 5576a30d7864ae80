"""Every helpdesk that keeps the promises of the port; a new vendor is one line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import pytest

from connector.clock import ManualClock
from tests.contract.account import Account, Open, Terms
from tests.contract.memory_account import open_memory
from tests.contract.pylon_account import open_pylon
from tests.contract.zendesk_account import open_zendesk

ACCOUNTS: Mapping[str, Open] = {
    "memory": open_memory,
    "zendesk": open_zendesk,
    "pylon": open_pylon,
}


@pytest.fixture(params=ACCOUNTS)
def open_account(request: pytest.FixtureRequest) -> Open:
    return ACCOUNTS[cast("str", request.param)]


@pytest.fixture
def account(open_account: Open, clock: ManualClock) -> Iterator[Account]:
    """An account without tickets and groups of its own."""
    with open_account(Terms(clock)) as opened:
        yield opened


@pytest.fixture
def small_pages(open_account: Open, clock: ManualClock) -> Iterator[Account]:
    """The same, and a page of its feed holds two tickets at most."""
    with open_account(Terms(clock, page_size=2)) as opened:
        yield opened


@pytest.fixture
def billing(account: Account) -> str:
    """A group to route to."""
    return account.add_group("Billing")
