"""Whose an event is: where one process serves several helpdesks, each event about one carries its name."""

from __future__ import annotations

from connector.ports import Event, Observer

FACT = "helpdesk"


def of(helpdesk: str, observer: Observer) -> Observer:
    """An observer that tells ``observer`` the same, with the helpdesk among the facts."""

    def tell(event: Event) -> None:
        observer(Event(event.name, event.level, {**event.facts, FACT: helpdesk}))

    return tell


def only(helpdesk: str, observer: Observer) -> Observer:
    """An observer that leaves out what is about another helpdesk."""

    def tell(event: Event) -> None:
        if event.facts.get(FACT, helpdesk) == helpdesk:
            observer(event)

    return tell
