"""What a helpdesk can do to a whole pass: refuse for ever, undo, slow down, send anything at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.sandbox.faults import Behaviour, Fault, alter, too_many_requests
from connector.sandbox.server import App, Request, Response
from connector.sandbox.zendesk_api import mishaps, refusal
from tests.faults.conftest import BuildTown
from tests.support.town import Town

EXPORT = "/incremental/"


def puts(town: Town) -> int:
    return sum(served.method == "PUT" for served in town.zendesk.requests)


def test_a_write_that_always_meets_409_is_given_up_with_its_reason(town: Town) -> None:
    ticket = town.ticket()
    town.zendesk.faults.add(Fault(mishaps.refuse(refusal.conflict()), method="PUT", times=None))

    town.run_until_rest()

    (row,) = town.rows("SELECT state, outcome, reason FROM writes")
    assert puts(town) == 5
    assert town.zendesk.writes(ticket) == ()
    assert row["state"] == "done"
    assert "conflict 5 times" in row["reason"]


def test_a_trigger_that_undoes_the_assignment_is_recorded_and_not_fought(town: Town) -> None:
    ticket = town.ticket()
    town.zendesk.add_trigger("keep unassigned", lambda before, _: {"group_id": before.group_id})

    for _ in range(4):
        assert town.run().code == 0
        town.clock.advance(120)

    (row,) = town.rows("SELECT outcome, reason, after_group FROM writes")
    assert len(town.zendesk.writes(ticket)) == 1
    assert town.zendesk.tickets()[ticket].group_id is None
    assert (row["outcome"], row["after_group"]) == ("applied", None)
    assert "a trigger?" in row["reason"]
    assert town.rows("SELECT * FROM corrections") == []


@pytest.mark.parametrize("path", ["/api/v2/", r"/tickets/\d+$"])
def test_an_hour_of_429_costs_no_second_call_and_no_ticket(path: str, town: Town) -> None:
    tickets = [town.ticket(text=f"Please refund invoice {n}.") for n in range(5)]
    method = "PUT" if "tickets" in path else None
    town.zendesk.faults.add(Fault(too_many_requests(), method=method, path=path, times=None))

    codes = []
    for _ in range(12):
        codes.append(town.run().code)
        town.clock.advance(300)
    sent = puts(town)
    called = len(town.claude.calls)
    town.zendesk.faults.clear()
    town.run_until_rest()

    assert set(codes) == {69}
    assert called in {0, 5}
    assert sent <= 12
    assert len(town.claude.calls) == 5
    assert sorted(write.ticket_id for write in town.zendesk.writes()) == tickets


def test_a_retry_after_of_an_hour_is_kept(town: Town) -> None:
    ticket = town.ticket()
    town.zendesk.faults.add(Fault(too_many_requests("3600"), method="PUT"))

    codes = []
    for _ in range(3):
        codes.append(town.run().code)
        town.clock.advance(1100)
    early = puts(town)
    town.clock.advance(400)
    town.run_until_rest()

    assert codes == [69, 75, 75]
    assert early == 1
    assert len(town.zendesk.writes(ticket)) == 1


REFUSALS: dict[str, Behaviour] = {
    "403": mishaps.refuse(refusal.forbidden()),
    "413": mishaps.too_large(),
    "422 in English": mishaps.unassignable("en"),
    "422 in German": mishaps.unassignable("de"),
    "422 in Portuguese": mishaps.unassignable("pt-BR"),
}


@pytest.mark.parametrize("refused", REFUSALS)
def test_a_ticket_whose_write_is_refused_is_told_and_the_others_flow(refused: str, town: Town) -> None:
    unlucky, *others = [town.ticket(text=f"Please refund invoice {n}.") for n in range(4)]
    fault = Fault(REFUSALS[refused], method="PUT", path=f"/tickets/{unlucky}$", times=None)
    town.zendesk.faults.add(fault)

    town.run_until_rest()

    wanted = "SELECT outcome, reason FROM writes WHERE ticket_id = ? ORDER BY id"
    decided, to_a_person = town.rows(wanted, str(unlucky))
    assert (decided["outcome"], to_a_person["outcome"]) == ("rejected", "rejected")
    assert decided["reason"].startswith(refused[:3])
    assert sorted(write.ticket_id for write in town.zendesk.writes()) == others


def test_a_ticket_of_a_group_deleted_in_the_middle_of_a_run_goes_to_a_person(town: Town) -> None:
    refund = town.ticket("Refund", "Please refund invoice 7, I was charged twice.")
    person = town.ticket("Hello", "I will sue you, my lawyer is informed.")
    billing = town.groups["Billing"]

    def delete_first(request: Request, app: App) -> Response:
        town.zendesk.delete_group(billing)
        return app(request)

    town.claude.faults.add(Fault(delete_first))

    town.run_until_rest(most_passes=1)
    later = town.run()

    assert sorted(write.ticket_id for write in town.zendesk.writes()) == [refund, person]
    refused, instead = town.rows("SELECT outcome FROM writes WHERE ticket_id = ? ORDER BY id", str(refund))
    assert (refused["outcome"], instead["outcome"]) == ("rejected", "applied")
    assert later.code == 78
    assert 'group "Billing" does not exist' in str(later.error)


def test_a_person_within_the_second_that_we_read_is_not_overruled(town: Town) -> None:
    """The version of our reading and the person's carry the same second: the helpdesk could not tell."""
    ticket = town.ticket()

    def touched_now(request: Request, app: App) -> Response:
        town.zendesk.customer_reply(ticket, "And one more thing.")
        answer = app(request)
        town.zendesk.person_sets(ticket, assignee=town.zendesk.agent)
        return answer

    town.zendesk.faults.add(Fault(touched_now, method="GET", path=rf"/tickets/{ticket}$"))

    town.run_until_rest()

    assert town.zendesk.writes(ticket) == ()
    assert town.zendesk.tickets()[ticket].assignee_id == town.zendesk.agent


# --- Answers of any shape -----------------------------------------------------------------------------------


def _raw(change: Callable[[bytes], bytes]) -> Behaviour:
    return alter(lambda response: replace(response, body=change(response.body)))


def _in_first_ticket(text: str) -> Callable[[bytes], bytes]:
    """``text`` as further members of the first ticket."""
    return lambda body: body.replace(b'{"tickets":[{', b'{"tickets":[{' + text.encode() + b",", 1)


BODIES: dict[str, Callable[[bytes], bytes]] = {
    "a list": lambda _: b"[]",
    "null": lambda _: b"null",
    "null tickets": lambda _: b'{"tickets": null, "after_cursor": "x", "end_of_stream": true}',
    "no tickets": lambda _: b'{"after_cursor": "x", "end_of_stream": true}',
    "an error with status 200": lambda _: b'{"error": "InternalError"}',
    "nested a hundred thousand deep": lambda _: b"[" * 100_000 + b"]" * 100_000,
    "a field nested a hundred thousand deep": _in_first_ticket('"custom": ' + "[" * 100_000 + "]" * 100_000),
    "NaN": _in_first_ticket('"custom": NaN'),
    "a number beyond all bounds": _in_first_ticket('"custom": 1e999999'),
    "the same key twice": _in_first_ticket('"subject": "first"'),
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "half a surrogate pair": _in_first_ticket('"recipient": "\\ud800"'),
    "bytes that are no UTF-8": lambda body: body.replace(b"Charged", b"Ch\xff\xfed"),
    "NUL": lambda body: body.replace(b"Charged", b"Char\\u0000ged"),
    "two documents": lambda body: body + body,
}


@pytest.mark.parametrize("shape", BODIES)
def test_a_page_of_any_shape_is_read_or_asked_for_again(shape: str, town: Town) -> None:
    tickets = [town.ticket(text=f"Please refund invoice {n}.") for n in range(3)]
    town.zendesk.faults.add(Fault(_raw(BODIES[shape]), path=EXPORT, times=3))

    first = town.run()
    assert first.code in {0, 69}
    town.zendesk.faults.clear()
    town.run_until_rest()

    assert sorted(write.ticket_id for write in town.zendesk.writes()) == tickets


def test_tags_that_no_text_can_be_come_to_no_harm(build_town: BuildTown) -> None:
    town = build_town()
    ticket = town.ticket(tags=["vip", "größe", "日本"])

    def odd(body: bytes) -> bytes:
        page: dict[str, Any] = json.loads(body)
        page["tickets"][0]["subject"] = "\x00\x1b[31m\u202e" + "x" * 100_000
        return json.dumps(page).encode()

    town.zendesk.faults.add(Fault(_raw(odd), path=EXPORT))

    town.run_until_rest()

    assert {"vip", "größe", "日本"} <= set(town.zendesk.tickets()[ticket].tags)
