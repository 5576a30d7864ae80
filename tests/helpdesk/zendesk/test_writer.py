"""Writing to one ticket: a safe update, private notes, added tags, and an honest outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from connector.clock import ManualClock
from connector.domain.decision import EMPTY, Applied, Change, Outcome
from connector.domain.ticket import Standing, Status
from connector.errors import AuthRefused, ConnectorError, RateLimited, SettingsError, Unavailable
from connector.helpdesk.zendesk import ZendeskHelpdesk
from connector.helpdesk.zendesk.intent import clean_tags

URL = "https://acme.zendesk.com/api/v2/tickets/35436000000001"
MakeJson = Callable[..., dict[str, Any]]
MakeChange = Callable[..., Change]
Drain = Callable[[Iterable[Applied]], tuple[list[Applied], ConnectorError | None]]


def write(zendesk: ZendeskHelpdesk, change: Change) -> Applied:
    (outcome,) = zendesk.apply([change])
    return outcome


def sent(web: responses.RequestsMock) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(web.calls[-1].request.body or b"")
    return body


@pytest.fixture
def accepts(web: responses.RequestsMock, ticket_json: MakeJson) -> Callable[..., None]:
    """Zendesk accepts the write and answers with a ticket of these fields."""

    def accept(headers: dict[str, str] | None = None, **fields: Any) -> None:
        after = {"updated_at": "2026-11-02T09:00:00Z", "group_id": 11, "tags": ["ai_billing"]} | fields
        web.put(URL, json={"ticket": ticket_json(**after), "audit": {"events": []}}, headers=headers)

    return accept


def test_a_write_is_one_safe_update_with_everything_in_it(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, accepts: Any, make_change: MakeChange
) -> None:
    accepts(tags=["vip", "ai_billing", "ai_urgent"], priority="high")
    change = make_change(
        {"tags": ("vip",), "version": "2026-11-02T08:00:00Z"},
        add_tags=("ai_billing", "AI Urgent!", "vip"),
        priority="high",
        fields={"360001": "billing"},
        note="Because of {{ticket.requester.email}} and {{{x}}}",
    )

    outcome = write(zendesk, change)

    assert len(web.calls) == 1
    assert sent(web) == {
        "ticket": {
            "safe_update": True,
            "updated_stamp": "2026-11-02T08:00:00Z",
            "metadata": {"decision_id": "d-1"},
            "group_id": 11,
            "priority": "high",
            "custom_fields": [{"id": 360001, "value": "billing"}],
            "comment": {
                "body": "Because of { {ticket.requester.email}} and { { {x}}}",
                "public": False,
            },
            "tags": ["vip", "ai_billing", "ai_urgent_"],
        }
    }
    assert outcome.outcome is Outcome.APPLIED


def test_the_outcome_tells_version_time_and_group_after_the_write(
    zendesk: ZendeskHelpdesk, accepts: Any, make_change: MakeChange
) -> None:
    accepts()

    assert write(zendesk, make_change()) == Applied(
        ticket_id="35436000000001",
        outcome=Outcome.APPLIED,
        version="2026-11-02T09:00:00Z",
        at=datetime(2026, 11, 2, 9, 0, tzinfo=UTC),
        group="11",
        left=Standing("2026-11-02T09:00:00Z", Status.NEW, "11", None, None, ("ai_billing",)),
    )


def test_an_undo_is_one_safe_update_that_empties_what_was_empty_and_takes_off_our_tags_only(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, accepts: Any, make_change: MakeChange
) -> None:
    accepts(group_id=None, tags=["vip"])
    seen = {"group": "11", "priority": "high", "tags": ("vip", "ai_billing", "ai_urgent")}
    change = make_change(
        seen,
        group=EMPTY,
        priority=EMPTY,
        add_tags=(),
        remove_tags=("ai_billing", "AI Urgent", "ai_gone_already"),
    )

    outcome = write(zendesk, change)

    assert sent(web)["ticket"] == {
        "safe_update": True,
        "updated_stamp": "2026-11-02T08:00:00Z",
        "metadata": {"decision_id": "d-1"},
        "group_id": None,
        "priority": None,
        "tags": ["vip"],
    }
    assert (outcome.outcome, outcome.group, outcome.detail) == (Outcome.APPLIED, None, "")


def test_a_tag_that_outlives_an_undo_is_reported(
    zendesk: ZendeskHelpdesk, accepts: Any, make_change: MakeChange
) -> None:
    accepts(group_id=11, tags=["ai_billing"])
    change = make_change(
        {"group": "11", "tags": ("ai_billing",)}, group=EMPTY, add_tags=(), remove_tags=("ai_billing",)
    )

    detail = write(zendesk, change).detail

    assert "in group 11, not in none" in detail
    assert "tags still there after the write: ai_billing" in detail


def test_what_need_not_change_is_not_sent(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, accepts: Any, make_change: MakeChange
) -> None:
    accepts()

    write(zendesk, make_change({"group": "11", "priority": "high"}, priority="high"))

    assert set(sent(web)["ticket"]) == {"safe_update", "updated_stamp", "metadata", "tags"}


def test_a_ticket_that_already_is_as_wanted_costs_no_request(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_change: MakeChange
) -> None:
    change = make_change({"group": "11", "tags": ("ai_billing",), "priority": "high"}, priority="high")

    outcome = write(zendesk, change)

    assert outcome == Applied(
        change.seen.id, Outcome.NO_OP, change.seen.version, change.seen.updated_at, "11"
    )
    assert len(web.calls) == 0


def test_a_trigger_that_moves_the_ticket_back_is_reported(
    zendesk: ZendeskHelpdesk, accepts: Any, make_change: MakeChange
) -> None:
    accepts(group_id=77)

    outcome = write(zendesk, make_change())

    assert (outcome.outcome, outcome.group) == (Outcome.APPLIED, "77")
    assert "in group 77" in outcome.detail


def test_tags_and_keys_that_zendesk_dropped_are_reported(
    zendesk: ZendeskHelpdesk, accepts: Any, make_change: MakeChange
) -> None:
    accepts({"X-Zendesk-API-Warn": 'Removed restricted keys ["x"]'}, tags=[])

    outcome = write(zendesk, make_change())

    assert "ai_billing" in outcome.detail
    assert "restricted keys" in outcome.detail


@pytest.mark.parametrize(
    ("status", "body", "outcome", "detail"),
    [
        (409, {"error": "UpdateConflict", "description": "words"}, Outcome.CONFLICT, "409 UpdateConflict"),
        (404, {"error": "RecordNotFound"}, Outcome.GONE, "not found"),
        (404, None, Outcome.GONE, "not found"),
        (
            422,
            {"error": "RecordInvalid", "details": {"status": [{"description": "Status: ist geschlossen"}]}},
            Outcome.GONE,
            "closed",
        ),
        (
            422,
            {
                "error": "RecordInvalid",
                "details": {"base": [{"description": "words", "error": "InvalidValue"}]},
            },
            Outcome.REJECTED,
            "422 RecordInvalid, InvalidValue",
        ),
        (422, None, Outcome.REJECTED, "422"),
        (400, {"errors": [{"code": "BadThing", "title": "words"}]}, Outcome.REJECTED, "400 BadThing"),
        (413, None, Outcome.REJECTED, "413"),
        (
            403,
            {"error": {"title": "Forbidden", "message": "words here"}},
            Outcome.REJECTED,
            "403 Forbidden",
        ),
    ],
)
def test_each_refusal_has_its_outcome_and_repeats_no_prose(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    make_change: MakeChange,
    status: int,
    body: dict[str, Any] | None,
    outcome: Outcome,
    detail: str,
) -> None:
    web.put(URL, status=status, body=json.dumps(body) if body else "<html>words</html>")

    answer = write(zendesk, make_change())

    assert (answer.outcome, answer.detail) == (outcome, detail)
    assert len(web.calls) == 1


def test_a_database_collision_is_tried_once_more(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    accepts: Any,
    clock: ManualClock,
    make_change: MakeChange,
) -> None:
    web.put(URL, status=409, json={"error": "DatabaseConflict", "description": "Database collision"})
    accepts()

    outcome = write(zendesk, make_change())

    assert outcome.outcome is Outcome.APPLIED
    assert 0 < clock.monotonic() < 2


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"body": requests.ReadTimeout()},
        {"body": requests.ConnectionError()},
        {"body": "<html>"},
        {"body": ""},
        {"body": "{}"},
        {"body": '{"ticket": {"id": 1, "created_at": "?", "updated_at": "?"}}'},
    ],
)
def test_a_write_whose_answer_is_lost_is_unclear_and_not_repeated(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_change: MakeChange, fault: dict[str, Any]
) -> None:
    web.put(URL, **fault)

    outcome = write(zendesk, make_change())

    assert outcome.outcome is Outcome.UNCLEAR
    assert len(web.calls) == 1


def test_after_two_lost_answers_nothing_more_is_sent(
    zendesk: ZendeskHelpdesk, web: responses.RequestsMock, make_change: MakeChange, drain: Drain
) -> None:
    web.put(URL, status=500)

    outcomes, error = drain(zendesk.apply([make_change()] * 5))

    assert [each.outcome for each in outcomes] == [Outcome.UNCLEAR] * 2
    assert isinstance(error, Unavailable)
    assert len(web.calls) == 2


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (401, AuthRefused), (302, SettingsError)])
def test_a_write_that_was_not_executed_raises(
    zendesk: ZendeskHelpdesk,
    web: responses.RequestsMock,
    make_change: MakeChange,
    status: int,
    error: type[Exception],
) -> None:
    web.put(URL, status=status)

    with pytest.raises(error):
        write(zendesk, make_change())

    assert len(web.calls) == 1


def test_a_read_only_connection_writes_nothing(
    connect: Callable[..., ZendeskHelpdesk], web: responses.RequestsMock, make_change: MakeChange
) -> None:
    with pytest.raises(SettingsError, match="dry run"):
        write(connect(read_only=True), make_change())

    assert len(web.calls) == 0


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        (("VIP,refund approved", "vip"), ("vip_refund_approved", "vip")),
        (("ai/x-y_z", "ai/x-y_z"), ("ai/x-y_z",)),
        (("<script>", "\n", "", "🙂"), ("_script_",)),
        (("ﬁne",), ("fine",)),
        (("x" * 500,), ("x" * 255,)),
    ],
)
def test_tags_are_written_as_zendesk_stores_them(given: tuple[str, ...], clean: tuple[str, ...]) -> None:
    assert clean_tags(given) == clean
