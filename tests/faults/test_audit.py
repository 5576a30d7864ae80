"""The audit has teeth: what a sound connector never does is noticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest
import requests

from connector.sandbox.zendesk_api import Ticket
from tests.faults.audit import audit
from tests.support.town import Town


def write(town: Town, ticket: int, **change: Any) -> None:
    """A write by the connector's own user, past the connector."""
    answer = requests.put(
        f"{town.zendesk.url}/api/v2/tickets/{ticket}",
        json={"ticket": change},
        auth=("connector@example.com/token", "sandbox-token"),
        timeout=10,
    )
    answer.raise_for_status()


def forge(town: Town, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(town.database)) as database, database:
        assert database.execute(sql, values).rowcount > 0


Sin = Callable[[Town, int, int], object]

SINS: Mapping[str, tuple[Sin, str]] = {
    "a second write": (lambda town, ticket, _: write(town, ticket, priority="low"), "was written 2 times"),
    "a write without a decision": (
        lambda town, _, other: write(town, other, priority="low"),
        "touched and is no original",
    ),
    "a lost tag": (lambda town, ticket, _: write(town, ticket, tags=["ours"]), "lost a tag"),
    "a decision that is gone": (
        lambda town, ticket, _: forge(town, "DELETE FROM writes WHERE ticket_id = ?", str(ticket)),
        "writes: not one for each original",
    ),
    "a write that waits for ever": (
        lambda town, ticket, _: forge(
            town, "UPDATE writes SET state = 'pending' WHERE ticket_id = ?", str(ticket)
        ),
        "is pending",
    ),
    "a write that is denied": (
        lambda town, ticket, _: forge(
            town, "UPDATE writes SET outcome = 'superseded' WHERE ticket_id = ?", str(ticket)
        ),
        "and was written",
    ),
    "a call off the record": (
        lambda town, *_: forge(town, "DELETE FROM model_calls"),
        "calls were paid and 0 are on record",
    ),
    "a call that never ended": (
        lambda town, *_: forge(town, "UPDATE model_calls SET state = 'started'"),
        "calls never ended",
    ),
    "a person overruled": (lambda town, ticket, _: town.taken.add(ticket), "was taken by a person"),
}


@pytest.mark.parametrize("sin", SINS)
def test_the_audit_notices(sin: str, town: Town) -> None:
    ticket = town.ticket(tags=["vip"])
    other = town.ticket(group=town.groups["Billing"])
    before: dict[int, Ticket] = town.zendesk.tickets()
    assert town.run().code == 0
    assert audit(town, before, {ticket}, set()) == []
    commit, told = SINS[sin]

    commit(town, ticket, other)

    assert any(told in broken for broken in audit(town, before, {ticket}, set()))
