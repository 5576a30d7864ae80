"""``connector run`` as its user meets it: output, exit codes, and what it says when things are wrong."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from connector.sandbox.claude_api import failure
from connector.sandbox.faults import Fault, answer, delay, hang, reset
from tests.cli.conftest import KEY, SECRET, Eventually, Place


def test_one_pass_ends_with_one_json_object(place: Place) -> None:
    place.ticket()

    ended = place.run("run", "--once", "--json")

    assert ended.code == 0, ended.err
    found = ended.last_json
    keys = {"polled", "screened", "decided", "written", "escalated", "failed", "cost"}
    assert keys <= set(found)
    assert (found["polled"], found["screened"], found["written"]) == (1, {"original": 1}, {"applied": 1})
    assert len(ended.out.splitlines()) == 1


def test_the_command_may_be_left_out(place: Place) -> None:
    place.ticket()

    ended = place.run("--once", "--json")

    assert (ended.code, ended.last_json["polled"]) == (0, 1)


def test_without_json_the_pass_is_one_sentence(place: Place) -> None:
    place.ticket()

    ended = place.run("run", "--once")

    assert "1 revisions polled, 1 originals, 1 decided" in ended.out


def test_a_dry_run_shows_the_exact_change_and_writes_nothing(place: Place) -> None:
    ticket = place.ticket()

    ended = place.run("run", "--dry-run")

    assert ended.code == 0, ended.err
    assert str(ticket) in ended.out
    assert "would write" in ended.out
    assert place.zendesk.writes() == ()
    assert not (place.folder / "connector.db").exists()


def test_a_wrong_secret_is_77_and_shows_no_secret(place: Place) -> None:
    ended = place.run("run", "--once", CONNECTOR_HELPDESK__CLIENT_SECRET="wrong-and-private")

    assert ended.code == 77
    assert "wrong-and-private" not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_a_wrong_key_is_77_and_loses_no_ticket(place: Place) -> None:
    place.ticket()

    refused = place.run("run", "--once", ANTHROPIC_API_KEY="wrong-and-private")
    mended = place.run("run", "--once", "--json")

    assert refused.code == 77
    assert "wrong-and-private" not in refused.err
    assert mended.last_json["written"] == {"applied": 1}


@pytest.mark.parametrize("path", ["", "/incremental/"], ids=["from the start", "once the pass has begun"])
def test_a_helpdesk_that_only_fails_is_69_after_few_requests(place: Place, path: str) -> None:
    place.zendesk.faults.add(Fault(answer(503), path=path, times=None))

    ended = place.run("run", "--once")

    assert ended.code == 69
    assert 1 <= len(place.zendesk.faults.fired) <= 5


def test_an_unreachable_helpdesk_is_69(place: Place) -> None:
    ended = place.run("run", "--once", CONNECTOR_HELPDESK__BASE_URL="http://127.0.0.1:9")

    assert ended.code == 69
    assert "Traceback" not in ended.err


def test_an_outage_of_claude_is_75_and_the_next_run_finishes(place: Place) -> None:
    place.ticket()
    fault = Fault(answer(529), path="/v1/messages", times=6)
    place.claude.faults.add(fault)

    first = place.run("run", "--once", "--json")
    second = place.run("run", "--once", "--json", CONNECTOR_LLM__MAX_WAIT_MINUTES="15")

    assert first.code == 75
    assert first.last_json["deferred"] == 1
    assert second.code in (0, 75)
    assert "Traceback" not in first.err + second.err


def test_a_missing_group_is_78_with_a_suggestion(place: Place) -> None:
    settings = '[[teams]]\nname = "billing"\ngroup = "Biling"\n'
    (place.folder / "settings.toml").write_text(settings)

    ended = place.run("run", "--once")

    assert ended.code == 78
    assert 'group "Biling" does not exist, did you mean "Billing"?' in ended.err


def test_two_groups_with_one_name_are_78_with_both_ids(place: Place) -> None:
    twin = place.zendesk.add_group("Billing")

    ended = place.run("run", "--once")

    assert ended.code == 78
    assert str(twin) in ended.err


def test_an_unknown_key_is_78_and_names_its_line(place: Place) -> None:
    (place.folder / "settings.toml").write_text("[poll]\nintervall_seconds = 5\n")

    ended = place.run("run", "--once")

    assert ended.code == 78
    assert "settings.toml:2" in ended.err
    assert "interval_seconds" in ended.err


def test_no_key_for_claude_is_78(place: Place) -> None:
    ended = place.run("run", "--once", ANTHROPIC_API_KEY="")

    assert ended.code == 78
    assert "ANTHROPIC_API_KEY" in ended.err


def test_an_unknown_option_is_2(place: Place) -> None:
    assert place.run("run", "--onec").code == 2


def test_a_second_process_on_one_database_is_refused(place: Place, eventually: Eventually) -> None:
    place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes()))

    second = place.run("run", "--once")

    service.send_signal(signal.SIGTERM)
    service.wait(timeout=30)
    assert second.code == 75
    assert "connector.db" in second.err


def test_the_service_works_until_sigterm_and_then_drains(place: Place, eventually: Eventually) -> None:
    place.environment["CONNECTOR_POLL__INTERVAL_SECONDS"] = "1"
    first = place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes(first)))
    second = place.ticket()
    assert eventually(lambda: bool(place.zendesk.writes(second)))

    service.send_signal(signal.SIGTERM)
    _, err = service.communicate(timeout=40)

    assert service.returncode == 0, err
    assert "Traceback" not in err


def test_a_second_signal_ends_the_service_at_once_and_the_next_pass_does_its_work(
    place: Place, eventually: Eventually
) -> None:
    place.claude.faults.add(Fault(hang(), path="/v1/messages", times=1))
    ticket = place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.claude.faults.fired))
    service.send_signal(signal.SIGTERM)
    assert service.poll() is None

    def again() -> bool:
        service.send_signal(signal.SIGTERM)
        return service.poll() is not None

    assert eventually(again)
    assert service.wait(timeout=40) == 128 + signal.SIGTERM
    assert place.run("run", "--once").code == 0
    assert len(place.zendesk.writes(ticket)) == 1


def test_the_service_goes_on_when_nobody_reads_its_log_any_more(place: Place, eventually: Eventually) -> None:
    place.environment["CONNECTOR_POLL__INTERVAL_SECONDS"] = "1"
    first = place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes(first)))
    assert service.stderr is not None
    assert service.stdout is not None
    service.stderr.close()
    service.stdout.close()
    second = place.ticket()

    assert eventually(lambda: bool(place.zendesk.writes(second)))
    service.send_signal(signal.SIGTERM)

    assert service.wait(timeout=40) == 0


def test_one_failing_poll_does_not_end_the_service(place: Place, eventually: Eventually) -> None:
    place.environment["CONNECTOR_POLL__INTERVAL_SECONDS"] = "1"
    first = place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes(first)))
    place.zendesk.faults.add(Fault(reset(), path="/api/v2/incremental/", times=4))
    second = place.ticket()

    assert eventually(lambda: bool(place.zendesk.writes(second)))
    service.send_signal(signal.SIGINT)
    _, err = service.communicate(timeout=40)

    assert service.returncode == 0, err


def test_the_ledger_can_be_read_and_rehearsed_on_while_the_service_owns_it(
    place: Place, eventually: Eventually
) -> None:
    place.environment["CONNECTOR_POLL__FAST_SECONDS"] = "0"  # or the service has the second one at once
    first = place.ticket()
    place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes(first)))
    second = place.ticket()

    listed = place.run("decisions", "--json")
    rehearsed = place.run("run", "--dry-run", "--json")

    assert (listed.code, listed.last_json["ticket_id"]) == (0, str(first))
    assert rehearsed.code == 0, rehearsed.err
    assert rehearsed.last_json["screened"].get("original") == 1
    assert place.zendesk.writes(second) == ()


def test_a_stage_that_takes_its_time_is_not_worth_a_log_line(place: Place, eventually: Eventually) -> None:
    place.claude.faults.add(Fault(delay(3.0), path="/v1/messages"))
    ticket = place.ticket()
    service = place.start("run")
    assert eventually(lambda: bool(place.zendesk.writes(ticket)))

    service.send_signal(signal.SIGTERM)
    _, err = service.communicate(timeout=40)

    assert "maximum number of running instances" not in err


def test_an_error_is_in_the_json_too(place: Place) -> None:
    ended = place.run("run", "--once", "--json", ANTHROPIC_API_KEY="")

    assert ended.code == 78
    assert "ANTHROPIC_API_KEY" in ended.last_json["error"]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_log_holds_a_secret_or_ticket_text(place: Place, level: str) -> None:
    private = "the-private-words-of-a-customer"
    jane = place.zendesk.add_user("Jane", email="jane@example.com")
    at = place.zendesk.world.now() - 300
    for text in (f"Refund {private} please", f"Bug in {private}", f"My lawyer says {private}"):
        place.zendesk.create_ticket(f"About {private}", text, requester=jane, created_at=at)
    place.claude.script(failure(500), failure(400, f"messages.0: {private}"), None)
    place.zendesk.faults.add(Fault(reset(), path="/api/v2/incremental/", times=2))
    place.zendesk.faults.add(Fault(answer(422, private.encode()), method="PUT", times=1))

    environment = {"CONNECTOR_LOG__LEVEL": level, "ANTHROPIC_LOG": "debug"}
    commands = (
        ("run", "--once", "--json"),
        ("check",),
        ("decisions", "--failed", "--json"),
        ("forget", "--requester", "jane@example.com"),
    )
    outputs = [place.run(*command, **environment) for command in commands]

    hidden_ones = (private, KEY, SECRET, "jane@example.com")
    assert [ended.code for ended in outputs] == [0, 0, 0, 0]
    assert place.zendesk.faults.fired
    for ended in outputs:
        for hidden in hidden_ones:
            assert hidden not in ended.out + ended.err
    files = b"".join(path.read_bytes() for path in place.folder.glob("connector.db*"))
    assert not [hidden for hidden in hidden_ones if hidden.encode() in files]


def test_the_database_is_private(place: Place) -> None:
    place.ticket()
    place.run("run", "--once")

    database = Path(place.folder / "connector.db")
    assert database.stat().st_mode & 0o077 == 0
    assert KEY.encode() not in database.read_bytes()
