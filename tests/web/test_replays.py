"""Deliveries are remembered for a while, and never more of them than fit."""

from __future__ import annotations

from connector.clock import ManualClock
from connector.ports import Event
from connector.web.complaints import Complaints
from connector.web.replays import Replays


def test_a_mark_is_remembered_for_its_time_and_for_its_hook() -> None:
    clock = ManualClock()
    replays = Replays(clock, 600)

    replays.add("zendesk", b"mark")
    clock.advance(599)

    assert replays.has("zendesk", b"mark")
    assert not replays.has("pylon", b"mark")
    clock.advance(2)
    assert not replays.has("zendesk", b"mark")
    assert len(replays) == 0


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    replays = Replays(ManualClock(), 600, most=3)

    for number in range(5):
        replays.add("zendesk", bytes([number]))

    assert [replays.has("zendesk", bytes([number])) for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_wall_clock_that_jumps_forgets_nothing() -> None:
    clock = ManualClock()
    replays = Replays(clock, 600)
    replays.add("zendesk", b"mark")

    clock.jump(3600)

    assert replays.has("zendesk", b"mark")


def test_a_refusal_is_a_warning_once_in_ten_minutes_per_reason() -> None:
    clock = ManualClock()
    told: list[Event] = []
    complain = Complaints(clock, told.append)

    for _ in range(50):
        complain("zendesk", "the signature is wrong")
    complain("zendesk", "the signature is missing")
    clock.advance(600)
    complain("zendesk", "the signature is wrong")

    assert [each.level for each in told].count("warning") == 3
    assert len(told) == 52
