"""What Claude can do to a whole pass: fail in every way, for long, and come back."""

from __future__ import annotations

import pytest

from connector.sandbox.claude_api import mishaps
from connector.sandbox.faults import (
    Behaviour,
    Fault,
    close_early,
    empty,
    html,
    lose_response,
    reset,
    truncate,
)
from connector.sandbox.server import Cut
from tests.support.town import Town

FAILURES: dict[str, Behaviour] = {
    "429": mishaps.refuse(429, headers={"retry-after": "2"}),
    "429 without Retry-After": mishaps.refuse(429),
    "500": mishaps.refuse(500),
    "529": mishaps.refuse(529),
    "503 as a page": html(503),
    "200 as a page": html(),
    "nothing": empty(),
    "reset": reset(),
    "answer lost": lose_response(),
    "half an answer": truncate(),
    "closed before the headers": close_early(),
    "closed in the headers": close_early(Cut.INSIDE_HEADERS),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failed_call_is_one_row_and_a_third_one_may_succeed(failure: str, town: Town) -> None:
    ticket = town.ticket()
    town.claude.faults.add(Fault(FAILURES[failure], times=2))

    ended = town.run()

    rows = town.rows("SELECT try_no, state, reserve_micro_usd FROM model_calls ORDER BY id")
    assert (ended.code, len(town.zendesk.writes(ticket))) == (0, 1)
    assert [(row["try_no"], row["state"]) for row in rows] == [(1, "error"), (2, "error"), (3, "ok")]
    assert all(row["reserve_micro_usd"] > 0 for row in rows)


def test_a_pass_asks_a_dead_claude_a_handful_of_times_however_much_waits(town: Town) -> None:
    for number in range(40):
        town.ticket(text=f"Please refund invoice {number}.")
    town.claude.faults.add(Fault(mishaps.refuse(529), times=None))

    ended = town.run()

    assert ended.code == 75
    assert 5 <= len(town.claude.faults.fired) <= 5 + town.settings.llm.workers
    assert len(town.told("upstream.down")) == 1


def test_after_a_long_outage_tickets_are_with_people_once_and_claude_is_not_flooded(town: Town) -> None:
    tickets = [town.ticket(text=f"Please refund invoice {number}.") for number in range(20)]
    town.claude.faults.add(Fault(mishaps.refuse(529), times=None))

    codes = []
    for _ in range(10):
        codes.append(town.run().code)
        town.clock.advance(120)
    town.claude.faults.clear()
    new = town.ticket(created_at=town.zendesk.world.now())  # the feed has passed every earlier moment
    town.clock.advance(120)
    town.run_until_rest()

    human = town.groups[town.settings.helpdesk.human_group]
    causes = town.rows("SELECT cause, count(*) AS many FROM decisions GROUP BY cause ORDER BY cause")
    written = [write.ticket_id for write in town.zendesk.writes()]
    assert (codes[0], codes[-1]) == (75, 0)
    assert sorted(written) == [*tickets, new]
    assert all(town.zendesk.tickets()[ticket].group_id == human for ticket in tickets)
    assert [(row["cause"], row["many"]) for row in causes] == [("confident", 1), ("waited_too_long", 20)]
    assert len(town.claude.calls) == 1
