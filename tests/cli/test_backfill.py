"""``connector backfill`` as its user meets it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest
import typer

from connector.cli.backfill import dollars
from connector.sandbox.faults import Fault, answer
from connector.store.ownership import Ownership
from tests.cli.conftest import KEY, Place

DAY = 86_400


def grew_old(place: Place, count: int = 3, days: int = 5) -> list[int]:
    """Tickets that nobody has routed for days."""
    at = place.zendesk.world.now() - days * DAY
    return [
        place.zendesk.create_ticket("Charged twice", "Please refund my invoice.", created_at=at)
        for _ in range(count)
    ]


def groups(place: Place, *tickets: int) -> list[int | None]:
    return [place.zendesk.tickets()[each].group_id for each in tickets]


def test_without_a_yes_it_only_says_what_it_would_do(place: Place) -> None:
    old = grew_old(place)

    ended = place.run("backfill", "--since", "30d")

    assert ended.code == 0, ended.err
    assert "nobody has routed: 3" in ended.out
    assert "Cost: about $" in ended.out
    assert "at the very most" in ended.out
    assert "Notify group of assignment" in ended.out
    assert "dry run" in ended.err
    assert groups(place, *old) == [None] * 3
    assert place.claude.calls == ()
    assert not (place.folder / "connector.db").exists()


def test_with_a_yes_the_past_is_routed_and_a_later_pass_knows_it(place: Place) -> None:
    old = grew_old(place)

    ended = place.run("backfill", "--since", "30d", "--yes", "--json")
    again = place.run("backfill", "--since", "30d", "--yes", "--json")
    after = place.run("run", "--once", "--json")

    assert ended.code == 0, ended.err
    assert ended.last_json["mode"] == "backfill"
    assert ended.last_json["survey"]["tickets"] == 3
    assert ended.last_json["written"] == {"applied": 3}
    assert (ended.last_json["left"], ended.last_json["stopped"]) == (0, None)
    assert None not in groups(place, *old)
    assert again.last_json == {"mode": "dry_run", "survey": again.last_json["survey"]}
    assert after.last_json["decided"] == {}
    assert len(place.claude.calls) == ended.last_json["model_calls"]


def test_a_spent_limit_ends_it_and_the_same_command_goes_on(place: Place) -> None:
    old = grew_old(place)

    poor = place.run("backfill", "--yes", "--max-cost", "0.000001", "--json")
    rich = place.run("backfill", "--yes", "--max-cost", "1", "--json")

    assert poor.code == os.EX_TEMPFAIL
    assert "could exceed the limit" in poor.last_json["stopped"]
    assert poor.last_json["left"] == 3
    assert "Run the same command again" in poor.err
    assert rich.code == 0, rich.err
    assert None not in groups(place, *old)


def test_batches_are_followed_to_their_end_at_half_the_price(place: Place) -> None:
    old = grew_old(place)

    ended = place.run("backfill", "--batch", "--yes", "--json")

    assert ended.code == 0, ended.err
    assert None not in groups(place, *old)
    assert len(place.claude.batched) == 2  # the first question is asked directly
    direct, *batched = [call.batch for call in place.claude.calls]
    assert (direct, set(batched)) == (False, {True})
    assert ended.last_json["survey"]["expected_seconds"] is None
    assert ended.last_json["model_calls"] == len(place.claude.calls)


@pytest.mark.parametrize("amount", ["much", "0", "-1", "NaN", "Infinity", ""])
def test_a_sum_that_is_none_is_a_usage_error(amount: str) -> None:
    with pytest.raises(typer.BadParameter, match="not a sum of money"):
        dollars(amount)


def test_beside_a_service_on_sqlite_it_says_what_to_do(place: Place) -> None:
    grew_old(place)
    owner = Ownership(place.folder / "connector.db")
    try:
        look = place.run("backfill")
        ended = place.run("backfill", "--yes")
    finally:
        owner.release()

    assert look.code == 0, look.err
    assert ended.code == os.EX_TEMPFAIL
    assert "stop it" in ended.err
    assert "PostgreSQL" in ended.err


def test_a_helpdesk_that_is_down_and_a_key_that_is_refused_have_their_codes(place: Place) -> None:
    grew_old(place)

    refused = place.run("backfill", "--yes", ANTHROPIC_API_KEY="another")
    place.zendesk.faults.add(Fault(answer(503), path="/incremental/", times=None))
    down = place.run("backfill", "--yes")

    assert (refused.code, down.code) == (77, 69), refused.err + down.err
    assert KEY not in refused.err


def test_at_a_terminal_only_a_typed_yes_starts_it(place: Place) -> None:
    old = grew_old(place, 1)

    assert typed(place, "no\n") == 0
    assert groups(place, *old) == [None]
    assert typed(place, "yes\n") == 0
    assert groups(place, *old) != [None]


def typed(place: Place, answer: str) -> int:
    """Run the command at a terminal at which somebody types ``answer``."""
    master, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "connector", "backfill"],
            cwd=place.folder,
            env=place.environment,
            stdin=terminal,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        place.started.append(process)  # type: ignore[arg-type]  # without pipes the kind of text does not matter
        os.write(master, answer.encode())
        return process.wait(60)
    finally:
        os.close(master)
        os.close(terminal)
