"""A dry run reads everything and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.clock import ManualClock
from connector.domain.decision import Change, Outcome
from connector.domain.ticket import Group, Ticket
from connector.helpdesk.dry_run import DryRunHelpdesk
from connector.helpdesk.memory import MemoryHelpdesk


def test_every_change_is_answered_and_none_is_written(
    clock: ManualClock, make_ticket: Callable[..., Ticket], make_change: Callable[..., Change]
) -> None:
    inner = MemoryHelpdesk(clock, [Group("11", "Billing")])
    ticket = inner.put(make_ticket())
    change: Any = make_change()

    outcomes = list(DryRunHelpdesk(inner).apply([change, change]))

    assert [each.outcome for each in outcomes] == [Outcome.DRY_RUN, Outcome.DRY_RUN]
    assert inner.writes == []
    assert inner.tickets[ticket.id] == ticket


def test_reads_pass_through(clock: ManualClock, make_ticket: Callable[..., Ticket]) -> None:
    inner = MemoryHelpdesk(clock, [Group("11", "Billing")])
    ticket = inner.put(make_ticket())
    dry = DryRunHelpdesk(inner)

    assert dry.groups() == inner.groups()
    assert dry.check() == inner.check()
    assert dry.capabilities == inner.capabilities
    assert dry.fetch([ticket.id]) == {ticket.id: ticket}
    assert [page.tickets for page in dry.pages(None, clock.now())] == [(ticket,)]
    assert dry.find_write(ticket, "d-1") is False
