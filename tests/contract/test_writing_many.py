"""Many writes at a time: each has an outcome of its own, even when the vendor has enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.decision import EMPTY, Change, Outcome
from connector.errors import Unavailable
from tests.contract.account import Account, needs
from tests.contract.writes import OURS, drain, routing, see, send


@pytest.mark.parametrize("is_bulk", [False, True], ids=["few", "bulk"])
def test_of_many_changes_each_has_an_outcome_of_its_own(
    account: Account, billing: str, *, is_bulk: bool
) -> None:
    can = account.helpdesk.capabilities
    needs(not is_bulk or can.bulk_size > can.bulk_from, "bulk writes")
    gone_group = account.add_group("Old")
    ids = [account.open(f"Question {number}") for number in range(can.bulk_from + 5 if is_bulk else 5)]
    account.settle()
    changes = [routing(seen, billing) for seen in see(account, *ids)]
    changes[1] = replace(changes[1], group=gone_group)
    changes[2] = Change("nothing", changes[2].seen, None, ())
    account.delete_group(gone_group)
    account.person_sets(ids[3], tags=["mine"])
    account.delete(ids[4])

    outcomes = list(send(account, changes))

    told = {each.ticket_id: each.outcome for each in outcomes}
    assert len(outcomes) == len(ids)
    assert [told[each] for each in ids] == [
        Outcome.APPLIED,
        Outcome.REJECTED,
        Outcome.NO_OP,
        Outcome.CONFLICT,
        Outcome.GONE,
        *[Outcome.APPLIED] * (len(ids) - 5),
    ]
    still_there = [*ids[:4], *ids[5:]]
    assert [account.shown(each).writes for each in still_there] == [1, 0, 0, 0, *[1] * (len(ids) - 5)]


@pytest.mark.parametrize("is_bulk", [False, True], ids=["few", "bulk"])
def test_many_changes_add_and_remove_as_one_does(account: Account, billing: str, *, is_bulk: bool) -> None:
    can = account.helpdesk.capabilities
    needs(not is_bulk or can.bulk_size > can.bulk_from, "bulk writes")
    ids = [account.open(tags=["vip"]) for _ in range(can.bulk_from + 1 if is_bulk else 2)]
    account.settle()
    list(send(account, [routing(seen, billing) for seen in see(account, *ids)]))
    account.settle()
    routed = see(account, *ids)

    outcomes = list(
        send(account, [Change(f"undo-{seen.id}", seen, EMPTY, (), remove_tags=OURS) for seen in routed])
    )

    now = {each.id: each for each in see(account, *ids)}
    assert {(seen.group, frozenset(seen.tags)) for seen in routed} == {(billing, frozenset({"vip", *OURS}))}
    assert {(each.group, each.tags) for each in now.values()} == {(None, ("vip",))}
    assert {(each.outcome, each.version == now[each.ticket_id].version) for each in outcomes} == {
        (Outcome.APPLIED, True)
    }


def test_what_had_no_outcome_when_the_vendor_had_enough_was_never_sent(
    account: Account, billing: str
) -> None:
    ids = [account.open(f"Question {number}") for number in range(5)]
    account.settle()
    changes = [routing(seen, billing) for seen in see(account, *ids)]
    account.turn_away_writes_after(2)

    told, error = drain(send(account, changes))

    assert isinstance(error, Unavailable)
    assert [(each.ticket_id, each.outcome) for each in told] == [(each, Outcome.APPLIED) for each in ids[:2]]
    assert [account.shown(each).writes for each in ids] == [1, 1, 0, 0, 0]
    account.accept_writes()
    rest = list(send(account, changes[2:]))
    assert [each.outcome for each in rest] == [Outcome.APPLIED] * 3
    assert [account.shown(each).writes for each in ids] == [1] * 5
