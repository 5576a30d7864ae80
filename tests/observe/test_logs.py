"""The log tells what happened, in one line each, and never a secret or a customer's words."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog

from connector.observe.logs import FACTS, LogObserver, configure_logging
from connector.ports import Event

SECRET = "s3cr3t-9f8e7d"

Records = Callable[[], list[dict[str, Any]]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Whatever a test configures ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    for name in ("anthropic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def records(stream: io.StringIO) -> Records:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_when_nobody_watches(stream: io.StringIO, records: Records) -> None:
    configure_logging("info", "auto", stream=stream)

    LogObserver()(
        Event("ticket.decided", facts={"ticket_id": "7", "cost_usd": Decimal("0.00021"), "team": None})
    )

    (record,) = records()
    at = datetime.fromisoformat(record.pop("timestamp"))
    assert at.utcoffset() == timedelta(0)
    assert record == {
        "level": "info",
        "event": "ticket.decided",
        "logger": "connector",
        "ticket_id": "7",
        "cost_usd": 0.00021,
    }


def test_a_person_at_a_terminal_reads_a_line_instead_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    configure_logging("info", "auto", stream=terminal)

    LogObserver()(Event("ticket.decided", facts={"ticket_id": "7", "tags": ["a", "b"]}))

    (line,) = terminal.getvalue().splitlines()
    assert "ticket.decided" in line
    assert "ticket_id=7" in line
    assert "\x1b" not in line


def test_facts_that_are_not_on_the_list_are_left_out_and_named(stream: io.StringIO, records: Records) -> None:
    configure_logging("info", "json", stream=stream)

    LogObserver()(
        Event("ticket.decided", facts={"ticket_id": "7", "subject": "My card 4111", "text": "words"})
    )

    (record,) = records()
    assert record["unlisted"] == ["subject", "text"]
    assert "4111" not in stream.getvalue()


def test_no_fact_on_the_list_is_made_for_a_customers_words() -> None:
    assert not FACTS & {
        "subject",
        "text",
        "body",
        "comment",
        "description",
        "requester",
        "email",
        "name",
        "note",
    }


def test_events_under_the_level_are_not_written(stream: io.StringIO, records: Records) -> None:
    configure_logging("warning", "json", stream=stream)
    observer = LogObserver()

    observer(Event("model.called", "debug", {"ticket_id": "7"}))
    observer(Event("ticket.decided", "info", {"ticket_id": "7"}))
    observer(Event("upstream.down", "warning", {"upstream": "claude"}))

    assert [record["event"] for record in records()] == ["upstream.down"]


def test_records_of_other_libraries_have_the_same_form(stream: io.StringIO, records: Records) -> None:
    configure_logging("info", "json", stream=stream)

    logging.getLogger("library").warning("pool of %d is full", 3)

    (record,) = records()
    assert (record["event"], record["level"], record["logger"]) == ("pool of 3 is full", "warning", "library")


@pytest.mark.parametrize(
    "name", ["anthropic._base_client", "httpx2", "urllib3.connectionpool", "sqlalchemy.engine"]
)
def test_libraries_that_log_whole_requests_are_silent_below_warning(
    stream: io.StringIO, records: Records, name: str
) -> None:
    configure_logging("debug", "json", stream=stream)
    logging.getLogger(name.partition(".")[0]).setLevel(logging.DEBUG)  # as ANTHROPIC_LOG=debug does, later

    logging.getLogger(name).debug("request body: %s", "the customer's words")
    logging.getLogger(name).warning("retrying")

    assert [record["event"] for record in records()] == ["retrying"]


def test_a_secret_is_masked_wherever_it_turns_up(stream: io.StringIO) -> None:
    configure_logging("debug", "json", {SECRET}, stream=stream)

    LogObserver()(
        Event(
            "stage.paused", facts={"error": f"token {SECRET}!", "tags": [SECRET], "dispositions": {SECRET: 1}}
        )
    )
    logging.getLogger("library").warning("sent %s", {"key": SECRET})
    logging.getLogger("library").error("failed with %s", SECRET, exc_info=ValueError(SECRET))

    assert stream.getvalue().count("**********") == 6
    assert SECRET not in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_can_forge_a_line_or_drive_the_terminal(stream: io.StringIO, form: Any) -> None:
    configure_logging("info", form, stream=stream)

    hostile = "a\r\n2026 [info] ticket.decided\x1b[2J\x9b\u202e\u2028"
    LogObserver()(Event("ticket.unreadable", facts={"ticket_id": hostile, "tags": [hostile]}))
    logging.getLogger("library").warning(hostile)

    assert len(stream.getvalue().splitlines()) == 2
    assert not set(stream.getvalue()) & set("\r\x1b\x9b\u202e\u2028")


def test_a_traceback_on_the_console_cannot_look_like_a_record(stream: io.StringIO) -> None:
    configure_logging("info", "console", stream=stream)

    hostile = ValueError("x\n2026-01-01 [info] forged\x1b[2J")
    logging.getLogger("library").error("failed", exc_info=hostile)

    first, *others = stream.getvalue().splitlines()
    assert "failed" in first
    assert all(line.startswith("  ") for line in others)
    assert "\x1b" not in stream.getvalue()


def test_a_warning_of_python_is_a_record_too(stream: io.StringIO, records: Records) -> None:
    configure_logging("info", "json", stream=stream)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(
            capture=False
        )  # pytest's own capture hides the hook; set it inside this block
        logging.captureWarnings(capture=True)
        warnings.warn("model retires soon", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)

    (record,) = records()
    assert record["logger"] == "py.warnings"
    assert "model retires soon" in record["event"]


def test_configuring_again_replaces_the_first_configuration(stream: io.StringIO) -> None:
    first = io.StringIO()
    configure_logging("info", "json", stream=first)
    observer = LogObserver()
    configure_logging("info", "json", stream=stream)

    observer(Event("service.started"))

    assert (len(first.getvalue().splitlines()), len(stream.getvalue().splitlines())) == (0, 1)


def test_a_value_that_cannot_be_rendered_does_not_disturb_the_connector(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream=stream)

    LogObserver()(Event("ticket.decided", "surprising", {"reason": object(), "tags": {"x"}, "kind": b"\xff"}))

    assert json.loads(stream.getvalue())["level"] == "error"
