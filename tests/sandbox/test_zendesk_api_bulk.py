"""Bulk updates of an emulated Zendesk: accepted as jobs, done ticket by ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connector.sandbox.zendesk_api import ZendeskSandbox

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller, Now

UPDATE_MANY = "/tickets/update_many"


def start(api: Caller, *patches: dict[str, Any]) -> str:
    return str(api.put(UPDATE_MANY, {"tickets": list(patches)}).json["job_status"]["id"])


def finish(zendesk: ZendeskSandbox, api: Caller, job: str) -> dict[int, dict[str, Any]]:
    """The results by ticket."""
    zendesk.jobs.polls = 0
    status = api.get(f"/job_statuses/{job}").json["job_status"]
    while status["status"] != "completed":
        status = api.get(f"/job_statuses/{job}").json["job_status"]
    return {result["id"]: result for result in status["results"]}


def test_a_job_is_queued_then_working_then_completed(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    zendesk.jobs.polls = 2

    queued = api.put(UPDATE_MANY, {"tickets": [{"id": ticket, "priority": "high"}]}).json["job_status"]
    seen = [api.get(f"/job_statuses/{queued['id']}.json").json["job_status"] for _ in range(3)]

    assert (queued["status"], queued["results"], queued["total"]) == ("queued", None, 1)
    assert [status["status"] for status in seen] == ["working", "working", "completed"]
    assert seen[-1]["results"] == [{"id": ticket, "action": "update", "status": "Updated", "success": True}]


def test_tags_can_be_added_and_removed_without_replacing_the_others(
    zendesk: ZendeskSandbox, api: Caller
) -> None:
    ticket = zendesk.create_ticket("One", "text", tags=["theirs", "ours_old"])

    start(api, {"id": ticket, "additional_tags": ["ours_new"], "remove_tags": ["ours_old"]})

    assert zendesk.tickets()[ticket].tags == ("ours_new", "theirs")


def test_one_change_can_be_made_to_many_tickets(zendesk: ZendeskSandbox, api: Caller) -> None:
    ids = [zendesk.create_ticket("One", "text") for _ in range(3)]
    query = ",".join(map(str, ids))

    reply = api.put(f"{UPDATE_MANY}?ids={query}", {"ticket": {"additional_tags": ["a"]}})

    assert reply.status == 200
    assert [zendesk.tickets()[each].tags for each in ids] == [("a",)] * 3


def test_more_than_a_hundred_are_too_many(api: Caller) -> None:
    reply = api.put(UPDATE_MANY, {"tickets": [{"id": number} for number in range(101)]})
    by_ids = api.put(f"{UPDATE_MANY}?ids={','.join(map(str, range(1, 102)))}", {"ticket": {}})

    assert reply.status == by_ids.status == 400
    assert (reply.json["error"], reply.json["max_count"]) == ("TooManyValues", 100)


def test_a_completed_job_may_have_failed_for_some_tickets(
    zendesk: ZendeskSandbox, api: Caller, now: Now
) -> None:
    good, closed = zendesk.create_ticket("One", "text"), zendesk.create_ticket("Two", "text", status="closed")
    moved = zendesk.create_ticket("Three", "text")
    stamp = {"safe_update": True, "updated_stamp": api.get(f"/tickets/{moved}").json["ticket"]["updated_at"]}
    now.advance(1)
    zendesk.person_sets(moved, priority="low")

    changes = [{"id": each, "priority": "high"} | stamp for each in (good, closed, moved, 404)]
    results = finish(zendesk, api, start(api, *changes))

    assert {each: result["success"] for each, result in results.items()} == {
        good: True,
        closed: False,
        moved: False,
        404: False,
    }
    assert results[moved]["error"] == "UpdateConflict"
    assert results[404]["error"] == "RecordNotFound"
    assert "closed" in results[closed]["details"]


def test_half_of_the_stamp_pair_fails_the_ticket(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    results = finish(zendesk, api, start(api, {"id": ticket, "priority": "high", "safe_update": True}))

    assert results[ticket]["success"] is False


def test_without_a_stamp_the_time_of_queueing_decides(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    touched, untouched = zendesk.create_ticket("One", "text"), zendesk.create_ticket("Two", "text")
    zendesk.jobs.held = True
    job = start(api, *({"id": each, "priority": "high"} for each in (touched, untouched)))
    now.advance(2)
    zendesk.person_sets(touched, priority="low")

    done = zendesk.run_jobs()
    results = finish(zendesk, api, job)

    assert done == 1
    assert results[touched]["error"] == "UpdateConflict"
    assert results[untouched]["success"] is True


def test_results_need_not_be_in_the_order_of_the_request(zendesk: ZendeskSandbox, api: Caller) -> None:
    ids = [zendesk.create_ticket("One", "text") for _ in range(20)]

    results = finish(zendesk, api, start(api, *({"id": each, "priority": "high"} for each in ids)))

    assert list(results) != ids
    assert sorted(results) == ids


def test_thirty_unfinished_jobs_are_the_most(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    jobs = [start(api, {"id": ticket, "priority": "high"}) for _ in range(30)]

    refused = api.put(UPDATE_MANY, {"tickets": [{"id": ticket}]})
    for _ in range(2):
        api.get(f"/job_statuses/{jobs[0]}")
    accepted = api.put(UPDATE_MANY, {"tickets": [{"id": ticket}]})

    assert (refused.status, refused.json["error"]) == (429, "TooManyJobs")
    assert accepted.status == 200


@pytest.mark.parametrize("end", ["failed", "killed"])
def test_a_job_can_break_and_then_did_nothing(zendesk: ZendeskSandbox, api: Caller, end: str) -> None:
    ticket = zendesk.create_ticket("One", "text")
    zendesk.jobs.polls, zendesk.jobs.breaks = 0, end

    job = start(api, {"id": ticket, "priority": "high"})

    assert api.get(f"/job_statuses/{job}").json["job_status"]["status"] == end
    assert zendesk.writes() == ()


def test_a_job_is_forgotten_after_a_day(zendesk: ZendeskSandbox, api: Caller, now: Now) -> None:
    job = start(api, {"id": zendesk.create_ticket("One", "text"), "priority": "high"})
    now.advance(86_401)

    assert api.get(f"/job_statuses/{job}").status == 404


def test_many_jobs_can_be_asked_about_at_once(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")
    jobs = [start(api, {"id": ticket, "priority": "high"}) for _ in range(2)]

    shown = api.get("/job_statuses/show_many", ids=",".join(jobs)).json["job_statuses"]

    assert [status["id"] for status in shown] == jobs


def test_the_writes_of_a_job_carry_its_id(zendesk: ZendeskSandbox, api: Caller) -> None:
    ticket = zendesk.create_ticket("One", "text")

    job = start(api, {"id": ticket, "priority": "high", "metadata": {"decision_id": "d1"}})

    write = zendesk.writes(ticket)[0]
    assert (write.job_id, write.custom) == (job, {"decision_id": "d1"})
