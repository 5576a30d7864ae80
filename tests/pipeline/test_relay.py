"""A stage that has made work wakes the next one, and nothing else does."""

from __future__ import annotations

from connector.domain.ticket import Disposition
from connector.pipeline.relay import Relay
from connector.ports import Event


def page(disposition: Disposition) -> Event:
    return Event("page.stored", "info", {"tickets": 1, "dispositions": {disposition: 1}})


def test_originals_wake_triage() -> None:
    woken: list[str] = []

    Relay(woken.append)(page(Disposition.ORIGINAL))

    assert woken == ["triage"]


def test_a_webhook_wakes_the_reading_of_its_ticket() -> None:
    woken: list[str] = []

    Relay(woken.append)(Event("nudge.heard", "debug", {"ticket_id": "t1"}))

    assert woken == ["nudge"]


def test_a_page_of_echoes_wakes_nobody() -> None:
    woken: list[str] = []

    Relay(woken.append)(page(Disposition.ECHO))

    assert woken == []


def test_write_back_is_woken_once_when_triage_rests_after_deciding() -> None:
    woken: list[str] = []
    relay = Relay(woken.append)

    def decides_two() -> None:
        for _ in range(2):
            relay(Event("ticket.decided"))
            assert woken == []

    relay.around(decides_two)()

    assert woken == ["write_back"]


def test_triage_that_decided_nothing_wakes_nobody() -> None:
    woken: list[str] = []
    relay = Relay(woken.append)
    relay.around(lambda: relay(Event("ticket.decided")))()

    relay.around(lambda: None)()

    assert woken == ["write_back"]


def test_what_arrives_when_triage_has_looked_for_the_last_time_is_not_left_to_its_interval() -> None:
    woken: list[str] = []
    relay = Relay(woken.append)
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
