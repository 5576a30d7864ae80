"""The clocks of the helpdesk, of this machine and of Claude disagree by ten minutes, in every combination."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from connector.sandbox.faults import Fault, too_many_requests
from tests.faults.conftest import BuildTown

TEN_MINUTES = (-600, 600)


@pytest.mark.parametrize("claude", TEN_MINUTES)
@pytest.mark.parametrize("zendesk", TEN_MINUTES)
def test_clocks_that_disagree_lose_no_ticket_no_echo_and_no_correction(
    zendesk: int, claude: int, build_town: BuildTown
) -> None:
    town = build_town(zendesk_ahead_seconds=zendesk, claude_ahead_seconds=claude)
    first = town.ticket()
    town.run_until_rest()
    town.clock.advance(90)
    second = town.ticket("Invoice", "Please refund invoice 8.")
    town.run_until_rest()
    town.zendesk.person_sets(first, group=town.groups["Security"])
    town.clock.advance(120)

    ended = town.run()

    corrected = town.rows("SELECT ticket_id, to_group FROM corrections")
    screened = town.rows("SELECT DISTINCT disposition FROM revisions ORDER BY disposition")
    assert ended.code == 0
    assert [len(town.zendesk.writes(ticket)) for ticket in (first, second)] == [1, 1]
    assert [(row["ticket_id"], row["to_group"]) for row in corrected] == [
        (str(first), str(town.groups["Security"]))
    ]
    assert [row["disposition"] for row in screened] == ["correction", "echo", "original"]
    assert len(town.claude.calls) == 2


@pytest.mark.parametrize("zendesk", TEN_MINUTES)
def test_a_version_settles_by_the_helpdesks_clock(zendesk: int, build_town: BuildTown) -> None:
    town = build_town(zendesk={"blind_seconds": 0}, zendesk_ahead_seconds=zendesk)
    ticket = town.ticket()
    town.zendesk.customer_reply(ticket, "Are you there?")
    replied_at = town.zendesk.world.now()

    town.run_until_rest()

    (write,) = town.zendesk.writes(ticket)
    assert 2 <= write.at - replied_at <= 30


@pytest.mark.parametrize("zendesk", TEN_MINUTES)
def test_a_date_to_come_back_at_is_read_by_the_clock_that_named_it(
    zendesk: int, build_town: BuildTown
) -> None:
    town = build_town(zendesk_ahead_seconds=zendesk)
    ticket = town.ticket()
    names = town.zendesk.world.now()
    slow = too_many_requests(formatdate(names + 12, usegmt=True))
    town.zendesk.faults.add(Fault(slow, path="/incremental/"))

    ended = town.run()

    asked_at = [each.at for each in town.zendesk.requests if "incremental" in each.path]
    assert ended.code == 0
    assert 11 <= asked_at[1] - asked_at[0] <= 14
    assert len(town.zendesk.writes(ticket)) == 1


def test_a_feed_that_starts_in_the_helpdesks_future_begins_by_itself_when_it_no_longer_is(
    build_town: BuildTown,
) -> None:
    """A look-back of three minutes, and a helpdesk ten minutes behind: Zendesk refuses such a start_time."""
    town = build_town(zendesk_ahead_seconds=-600, settings={"helpdesk": {"lookback_hours": 0.05}})

    passes = town.run_until_rest(most_passes=12)
    late = town.ticket(created_at=town.zendesk.world.now())
    town.clock.advance(90)
    town.run_until_rest()

    screened = town.rows("SELECT ticket_id, disposition FROM revisions")
    assert {ended.code for ended in passes[:-1]} == {69}
    # Our clock decides what is too old, so here it is; a look-back of hours never meets this.
    assert [(row["ticket_id"], row["disposition"]) for row in screened] == [(str(late), "too_old")]
