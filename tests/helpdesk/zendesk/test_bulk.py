"""Writing to many tickets at once: one job, and still one honest outcome per ticket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests
import responses

from connector.clock import ManualClock
from connector.domain.decision import Applied, Change, Outcome
from connector.errors import AuthRefused, ConnectorError, RateLimited, Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk

API = "https://acme.zendesk.com/api/v2"
BULK = f"{API}/tickets/update_many"
JOB = f"{API}/job_statuses/V3-1"
SHOW = f"{API}/tickets/show_many"
MakeJson = Callable[..., dict[str, Any]]
MakeChange = Callable[..., Change]
Drain = Callable[[Iterable[Applied]], tuple[list[Applied], ConnectorError | None]]


def job(status: str, results: Any = None) -> dict[str, Any]:
    return {"job_status": {"id": "V3-1", "status": status, "total": 25, "results": results}}


def updated(number: int) -> dict[str, Any]:
    return {"id": number, "action": "update", "status": "Updated", "success": True}


@pytest.fixture
def changes(make_change: MakeChange) -> list[Change]:
    """25 changes to the tickets 1..25."""
    return [make_change({"id": str(number)}, decision_id=f"d-{number}") for number in range(1, 26)]


@pytest.fixture
def shows(web: responses.RequestsMock, ticket_json: MakeJson) -> None:
    """Afterwards every ticket is in group 11 with our tag."""
    after = {"group_id": 11, "tags": ["ai_billing"], "updated_at": "2026-11-02T09:00:05Z"}
    rows = [ticket_json(id=number, **after) for number in range(1, 26)]
    web.get(SHOW, json={"tickets": rows})


def by_id(outcomes: list[Applied]) -> dict[str, Applied]:
    return {each.ticket_id: each for each in outcomes}


@pytest.mark.usefixtures("shows")
def test_more_than_twenty_changes_are_one_job_of_safe_updates(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change]
) -> None:
    web.put(BULK, json=job("queued"))
    web.get(JOB, json=job("working"))
    web.get(JOB, json=job("completed", [updated(number) for number in range(25, 0, -1)]))

    outcomes = list(zendesk.apply(changes))

    body = json.loads(web.calls[0].request.body or b"")
    assert len(body["tickets"]) == 25
    assert body["tickets"][0] == {
        "id": 1,
        "safe_update": True,
        "updated_stamp": "2026-11-02T08:00:00Z",
        "metadata": {"decision_id": "d-1"},
        "group_id": 11,
        "additional_tags": ["ai_billing"],
    }
    assert {each.outcome for each in outcomes} == {Outcome.APPLIED}
    assert outcomes[0].version == "2026-11-02T09:00:05Z"
    assert len({each.ticket_id for each in outcomes}) == 25
    assert len(web.calls) == 4


@pytest.mark.usefixtures("shows")
def test_each_ticket_of_a_job_has_its_own_outcome(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change]
) -> None:
    failed = {"action": "update", "success": False}
    results: list[Any] = [
        updated(1),
        failed | {"id": 2, "error": "UpdateConflict", "details": "Safe Update prevented the update"},
        failed | {"id": 3, "error": "TicketNotFound"},
        failed | {"id": 4, "error": "TicketUpdateFailed", "details": "Status: closed prevents ticket update"},
        failed | {"id": 5, "error": "TicketUpdateFailed", "details": "Group: is secret words"},
        failed | {"index": 5, "error": "some prose of Zendesk"},
        "garbage",
        *[updated(number) for number in range(8, 26)],
    ]
    web.put(BULK, json=job("completed", results))

    found = by_id(list(zendesk.apply(changes)))

    assert [found[str(number)].outcome for number in range(1, 8)] == [
        Outcome.APPLIED,
        Outcome.CONFLICT,
        Outcome.GONE,
        Outcome.GONE,
        Outcome.REJECTED,
        Outcome.REJECTED,
        Outcome.UNCLEAR,
    ]
    assert "TicketUpdateFailed" in found["5"].detail
    assert not any("words" in each.detail or "prose" in each.detail for each in found.values())


@pytest.mark.usefixtures("shows")
def test_results_may_be_an_object(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change]
) -> None:
    results = {str(number): {"success": True, "status": "Updated"} for number in range(1, 26)}
    web.put(BULK, json=job("completed", results))

    assert {each.outcome for each in zendesk.apply(changes)} == {Outcome.APPLIED}


@pytest.mark.usefixtures("shows")
def test_changes_that_nobody_needs_are_not_in_the_job(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change], make_change: MakeChange
) -> None:
    done = make_change({"id": "99", "group": "11", "tags": ("ai_billing",)})
    web.put(BULK, json=job("completed", [updated(number) for number in range(1, 26)]))

    found = by_id(list(zendesk.apply([done, *changes])))

    assert found["99"].outcome is Outcome.NO_OP
    assert len(json.loads(web.calls[0].request.body or b"")["tickets"]) == 25


@pytest.mark.parametrize("status", ["failed", "killed"])
def test_a_job_that_dies_leaves_its_tickets_unclear(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change], status: str
) -> None:
    web.put(BULK, json=job("queued"))
    web.get(JOB, json=job(status))

    assert {each.outcome for each in zendesk.apply(changes)} == {Outcome.UNCLEAR}


def test_a_job_that_never_ends_is_given_up(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change], clock: ManualClock
) -> None:
    web.put(BULK, json=job("queued"))
    web.get(JOB, json=job("working"))

    outcomes = list(zendesk.apply(changes))

    assert {each.outcome for each in outcomes} == {Outcome.UNCLEAR}
    assert "working" in outcomes[0].detail
    assert 120 <= clock.monotonic() < 130
    assert len(web.calls) < 40


@pytest.mark.usefixtures("shows")
def test_a_job_is_found_again_after_an_outage(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change]
) -> None:
    web.put(BULK, json=job("queued"))
    web.get(JOB, status=404)
    for _ in range(4):
        web.get(JOB, status=502)
    web.get(JOB, json=job("completed", [updated(number) for number in range(1, 26)]))

    assert {each.outcome for each in zendesk.apply(changes)} == {Outcome.APPLIED}


def test_asked_to_stop_the_job_is_left_unclear(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change], clock: ManualClock
) -> None:
    web.put(BULK, json=job("queued"))
    clock.stop()

    assert {each.outcome for each in zendesk.apply(changes)} == {Outcome.UNCLEAR}
    assert len(web.calls) == 1


@pytest.mark.parametrize("status", [400, 422, 429])
def test_too_many_jobs_is_a_rate_limit_and_nothing_was_sent(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change], status: int
) -> None:
    web.put(BULK, status=status, json={"error": "TooManyJobs"})

    with pytest.raises(RateLimited):
        next(iter(zendesk.apply(changes)))


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_a_batch_that_is_refused_as_a_whole_is_written_ticket_by_ticket(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    changes: list[Change],
    ticket_json: MakeJson,
    status: int,
) -> None:
    web.put(BULK, status=status, json={"error": "Refused"})
    web.put(f"{API}/tickets/7", status=422, json={"error": "RecordInvalid"})
    for change in changes:
        after = ticket_json(id=int(change.seen.id), group_id=11, tags=["ai_billing"])
        web.put(f"{API}/tickets/{change.seen.id}", json={"ticket": after})

    found = by_id(list(zendesk.apply(changes)))

    assert found.pop("7").outcome is Outcome.REJECTED
    assert [each.outcome for each in found.values()] == [Outcome.APPLIED] * 24


@pytest.mark.parametrize("fault", [{"status": 500}, {"body": requests.ConnectionError()}, {"body": "{}"}])
def test_a_lost_answer_makes_the_batch_unclear_and_ends_the_writing(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    changes: list[Change],
    drain: Drain,
    fault: dict[str, Any],
) -> None:
    web.put(BULK, **fault)

    outcomes, error = drain(zendesk.apply(changes))

    assert [each.outcome for each in outcomes] == [Outcome.UNCLEAR] * 25
    assert isinstance(error, Unavailable)
    assert len(web.calls) == 1


def test_credentials_refused_while_watching_come_after_the_outcomes(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change], drain: Drain
) -> None:
    web.put(BULK, json=job("queued"))
    web.get(JOB, status=401)

    outcomes, error = drain(zendesk.apply(changes))

    assert [each.outcome for each in outcomes] == [Outcome.UNCLEAR] * 25
    assert isinstance(error, AuthRefused)


def test_writes_that_cannot_be_read_back_are_applied_all_the_same(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, changes: list[Change]
) -> None:
    web.put(BULK, json=job("completed", [updated(number) for number in range(1, 26)]))
    web.get(SHOW, status=500)

    outcomes = list(zendesk.apply(changes))

    assert {(each.outcome, each.version, each.group) for each in outcomes} == {(Outcome.APPLIED, None, "11")}


def test_more_than_a_hundred_changes_are_several_jobs(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_change: MakeChange
) -> None:
    many = [make_change({"id": str(number)}) for number in range(1, 151)]
    web.put(BULK, json=job("completed", [updated(number) for number in range(1, 101)]))
    web.put(BULK, json=job("completed", [updated(number) for number in range(101, 151)]))
    web.get(SHOW, json={"tickets": []})

    outcomes = list(zendesk.apply(many))

    sizes = [
        len(json.loads(call.request.body or b"")["tickets"])
        for call in web.calls
        if call.request.method == "PUT"
    ]
    assert sizes == [100, 50]
    assert {each.outcome for each in outcomes} == {Outcome.APPLIED}
