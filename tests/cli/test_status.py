"""``connector status`` as an operator meets it: before anything, beside a running service, in a program."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connector.sandbox.faults import Fault, answer
from tests.cli.conftest import KEY, SECRET, Ended, Eventually, Place

WORDS = "My grandmother Ottilie was charged twice."


@pytest.fixture
def fast(place: Place) -> Place:
    place.environment["CONNECTOR_POLL__INTERVAL_SECONDS"] = "1"
    return place


def is_polled(place: Place) -> bool:
    return any("/incremental/" in request.path for request in place.zendesk.requests)


def labels_of(page: str) -> list[str]:
    return [line.split("  ")[0] for line in page.splitlines()[2:] if line[0] != " "]


def test_the_page_is_there_before_anything_was_done_and_leaves_no_trace(place: Place) -> None:
    ended = place.run("status")

    assert ended.code == 0
    assert labels_of(ended.out) == [
        "degraded",
        "at work",
        "waiting",
        "failed",
        "decisions",
        "by tier",
        "writes",
        "corrections",
        "cost",
        "assignment",
    ]
    assert "never polled" in ended.out
    assert not (place.folder / "connector.db").exists()


def test_the_page_is_read_while_a_service_owns_the_database(fast: Place, eventually: Eventually) -> None:
    fast.start("run")
    assert eventually(lambda: is_polled(fast))
    fast.time.skip(2)  # the second of the start is the backlog's
    fast.zendesk.create_ticket("Charged twice", WORDS)
    fast.time.skip(70)
    assert eventually(lambda: bool(fast.zendesk.writes()))
    seen: list[dict[str, Any]] = []

    def is_settled() -> bool:
        seen.append(fast.run("status", "--json").last_json)
        return bool(seen[-1]["by_outcome"])

    assert eventually(is_settled)
    facts = seen[-1]
    page = fast.run("status", CONNECTOR_BUDGET__DAILY_USD="5").out
    (process,) = facts["processes"]
    assert (process["mode"], process["trouble"], facts["waiting"]) == ("live", {}, [])
    assert (facts["decisions"], facts["by_kind"], facts["by_outcome"]) == (1, {"routed": 1}, {"applied": 1})
    assert (facts["routed"], facts["rerouted"], facts["failed"]) == (1, 0, {})
    assert 0 < facts["cost_today_usd"] == facts["cost_usd"]
    (times,) = facts["assignment"]["arrived_by"].values()
    (write,) = fast.zendesk.writes()
    assert (times["tickets"], times["p50_s"]) == (1, write.after.updated_at - write.after.created_at)
    assert f"{process['worker']} (service)" in page
    assert "people moved 0 of 1 routed tickets (0.0%)" in page
    assert "of $5 today" in page
    assert len(page.splitlines()) <= 24
    assert max(map(len, page.splitlines())) <= 110
    for secret in (WORDS, "Ottilie", "Charged", KEY, SECRET):
        assert secret not in page + str(facts)


def test_trouble_is_told_with_its_process_and_the_page_still_ends_well(
    fast: Place, eventually: Eventually
) -> None:
    fast.zendesk.faults.add(
        Fault(answer(503, headers={"Retry-After": "600"}), path="/api/v2/incremental/", times=9)
    )
    fast.start("run")
    assert eventually(lambda: is_polled(fast))
    seen: list[Ended] = []

    def is_told() -> bool:
        seen.append(fast.run("status"))
        return "degraded" in seen[-1].out and "503" in seen[-1].out

    assert eventually(is_told)
    ended = seen[-1]
    assert ended.code == 0
    assert re.search(r"\(service\), seen .* ago: poll waits: .*503", ended.out)


def test_what_waits_is_told_by_where_it_waits(place: Place) -> None:
    place.ticket()
    place.claude.faults.add(Fault(answer(529), path="/v1/messages", times=1000))
    place.run("run", "--once")

    page = place.run("status").out

    assert re.search(r"waiting +1 to classify \(1 put off\), the first for \d+ s", page)


def test_an_age_that_is_none_is_refused(place: Place) -> None:
    ended = place.run("status", "--since", "yesterday")

    assert (ended.code, ended.out) == (78, "")
    assert "is not an age" in ended.err
