"""A stage that has made work wakes the next one, and nothing else does."""

from __future__ import annotations

import pytest

from connector.domain.ticket import Disposition
from connector.pipeline.relay import Relay
from connector.ports import Event


class Woken(list[str]):
    """Remembers which stages were woken, and for when."""

    def __call__(self, stage: str, seconds: float = 0.0, /) -> None:
        self.append(f"{stage} in {seconds} s" if seconds else stage)


def page(disposition: Disposition) -> Event:
    return Event("page.stored", "info", {"tickets": 1, "dispositions": {disposition: 1}})


def test_originals_wake_triage() -> None:
    woken = Woken()

    Relay(woken)(page(Disposition.ORIGINAL))

    assert woken == ["triage"]


def test_a_webhook_wakes_the_reading_of_its_ticket() -> None:
    woken = Woken()

    Relay(woken)(Event("nudge.heard", "debug", {"ticket_id": "t1"}))

    assert woken == ["nudge"]


def test_a_page_of_echoes_wakes_nobody() -> None:
    woken = Woken()

    Relay(woken)(page(Disposition.ECHO))

    assert woken == []


def test_write_back_is_woken_once_when_triage_rests_after_deciding() -> None:
    woken = Woken()
    relay = Relay(woken)

    def decides_two() -> None:
        for _ in range(2):
            relay(Event("ticket.decided"))
            assert woken == []

    relay.around(decides_two)()

    assert woken == ["write_back"]


def test_triage_that_decided_nothing_wakes_nobody() -> None:
    woken = Woken()
    relay = Relay(woken)
    relay.around(lambda: relay(Event("ticket.decided")))()

    relay.around(lambda: None)()

    assert woken == ["write_back"]


def test_a_write_that_waits_for_its_version_is_woken_for_when_that_has_settled() -> None:
    woken = Woken()

    Relay(woken)(Event("ticket.deferred", "debug", {"stage": "write_back", "wait_s": 1.3}))

    assert woken == ["write_back in 1.3 s"]


@pytest.mark.parametrize(
    "facts", [{"stage": "write_back", "wait_s": 60.0}, {"stage": "triage", "wait_s": 1.3}]
)
def test_what_waits_for_an_upstream_wakes_nobody(facts: dict[str, object]) -> None:
    woken = Woken()

    Relay(woken)(Event("ticket.deferred", "debug", facts))

    assert woken == []


def test_what_arrives_when_triage_has_looked_for_the_last_time_is_not_left_to_its_interval() -> None:
    woken = Woken()
    relay = Relay(woken)
    looks: list[int] = []

    def triage() -> None:
        looks.append(len(looks))
        if len(looks) == 1:
            relay(page(Disposition.ORIGINAL))  # after its last claim
        else:
            relay(Event("ticket.decided"))

    relay.around(triage)()

    assert looks == [0, 1]
    assert woken == ["triage", "write_back"]
