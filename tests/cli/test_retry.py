"""What failed is listed with its reason and the next command, and that command puts it back."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import Any

from connector.sandbox.claude_api.script import failure
from connector.sandbox.faults import Fault, alter, answer
from connector.sandbox.server import App, Request, Response
from tests.cli.conftest import Eventually, Place


def failed(place: Place) -> list[dict[str, Any]]:
    return [json.loads(line) for line in place.run("decisions", "--failed", "--json").out.splitlines()]


def group_of(place: Place, ticket: int) -> str:
    group = place.zendesk.tickets()[ticket].group_id
    assert group is not None
    return place.zendesk.world.groups[group].name


def test_after_an_outage_the_undecided_tickets_are_listed_and_asked_again(place: Place) -> None:
    tickets = [place.ticket() for _ in range(3)]
    outage = Fault(answer(529), path="/v1/messages", times=None)
    place.claude.faults.add(outage)
    place.run("run", "--once", CONNECTOR_LLM__MAX_WAIT_MINUTES="0.02")
    place.claude.faults.clear()

    rows, shown = failed(place), place.run("decisions", "--failed")
    put_back = place.run("retry", "--all", "--since", "1h")
    after = place.run("run", "--once", "--json").last_json
    told = place.run("explain", str(tickets[0])).out

    assert sorted((row["ticket_id"], row["what"], row["cause"], row["next"]) for row in rows) == [
        (str(ticket), "failed_open", "waited_too_long", f"connector retry {ticket}") for ticket in tickets
    ]
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert "waited too long" in shown.out
    assert "connector retry --all" in shown.err
    assert sorted(put_back.out.splitlines()) == [
        f"{each}: put back: waits to be classified" for each in tickets
    ]
    assert put_back.err.strip() == "3 put back, 0 left as they are"
    assert (after["written"], {group_of(place, each) for each in tickets}) == ({"applied": 3}, {"Billing"})
    assert failed(place) == []
    assert "put back: generation 2 begins" in told


def test_a_named_ticket_is_put_back_and_one_that_did_not_fail_is_left(place: Place) -> None:
    broken = place.ticket()
    place.claude.script(failure(400))
    place.run("run", "--once")
    fine = place.ticket()
    place.run("run", "--once")

    rehearsed = place.run("retry", str(broken), "--dry-run")
    done = place.run("retry", str(broken), str(fine), "--json").last_json

    assert rehearsed.out.strip() == f"{broken}: would be put back: waits to be classified"
    assert [(each["ticket_id"], each["what"], each["did"]) for each in done["tickets"]] == [
        (str(broken), "failed_open", "ask"),
        (str(fine), None, "nothing"),
    ]
    assert (done["put_back"], done["left"], done["dry_run"]) == (1, 1, False)


def test_a_group_that_is_deleted_at_the_last_moment_leads_to_the_human_group(place: Place) -> None:
    ticket = place.ticket()

    def delete_it_first(request: Request, app: App) -> Response:
        billing = next(each for each in place.zendesk.world.groups.values() if each.name == "Billing")
        place.zendesk.delete_group(billing.id)
        return app(request)

    place.zendesk.faults.add(Fault(delete_it_first, method="PUT", path=f"/api/v2/tickets/{ticket}"))

    ended = place.run("run", "--once", "--json")

    (row,) = failed(place)
    assert (ended.last_json["written"], ended.last_json["failed"]) == ({"applied": 1, "rejected": 1}, 1)
    assert group_of(place, ticket) == "Support"
    assert "ai_cause__write_rejected" in place.zendesk.tickets()[ticket].tags
    assert (row["what"], row["cause"]) == ("failed_open", "write_rejected")
    assert "the helpdesk refused group Billing" in row["reason"]
    assert "ticket.fell_back" in ended.err


def test_a_write_that_is_refused_everywhere_is_parked_and_put_back(place: Place) -> None:
    ticket = place.ticket()
    place.zendesk.faults.add(Fault(answer(422), method="PUT", path="/api/v2/tickets/", times=2))
    place.run("run", "--once")
    (row,) = failed(place)

    done = place.run("retry", str(ticket))
    place.run("run", "--once")

    assert (row["what"], row["outcome"]) == ("write_rejected", "rejected")
    assert done.out.strip() == f"{ticket}: put back: waits to be written"
    assert group_of(place, ticket) == "Support"


def test_a_ticket_that_could_not_be_read_is_read_again_and_screened(place: Place) -> None:
    ticket = place.ticket()

    def garble(response: Response) -> Response:
        body = json.loads(response.body)
        for each in body["tickets"]:
            each["updated_at"] = None
        return replace(response, body=json.dumps(body).encode())

    place.zendesk.faults.add(Fault(alter(garble), path="/api/v2/incremental/"))
    first = place.run("run", "--once", "--json").last_json
    (row,) = failed(place)

    done = place.run("retry", "--all")
    place.run("run", "--once")

    assert first["screened"] == {"unreadable": 1}
    assert (row["ticket_id"], row["what"]) == (str(ticket), "unreadable")
    assert done.out.strip() == f"{ticket}: could be read: original: waits to be classified"
    assert group_of(place, ticket) == "Billing"


def test_beside_a_running_service_only_a_rehearsal_is_possible(place: Place, eventually: Eventually) -> None:
    ticket = place.ticket()
    place.claude.script(failure(400))
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes(ticket)))

    refused = place.run("retry", str(ticket))
    rehearsed = place.run("retry", str(ticket), "--dry-run")

    service.send_signal(signal.SIGTERM)
    service.wait(timeout=30)
    assert (refused.code, rehearsed.code) == (75, 0)
    assert "connector.db" in refused.err


def test_without_a_ticket_or_with_both_the_command_line_is_wrong(place: Place) -> None:
    assert place.run("retry").code == 2
    assert place.run("retry", "7", "--all").code == 2


def test_nothing_failed_is_said_in_words(place: Place) -> None:
    place.ticket()
    place.run("run", "--once")

    assert place.run("decisions", "--failed").err.strip() == "Nothing failed in the last 24h."
    assert place.run("retry", "--all").err.strip() == "0 put back, 0 left as they are"
