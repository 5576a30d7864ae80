"""The labels that a command works on: those of a file that is named, else those of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from connector.cli.chosen import some
from connector.clock import SystemClock
from connector.errors import SettingsError
from connector.quality.dataset import LabelledTicket, within
from connector.quality.labels_csv import read_labels
from connector.settings import Settings


def labelled_tickets(
    path: Path | None, settings: Settings, helpdesk: str | None = None
) -> list[LabelledTicket]:
    """The labels that have something to read, as the model reads it, each under its key.

    Stored ones of all helpdesks, unless one is named; where there are several the key begins with the name.

    Raises SettingsError, LabelsRejected, or what opening the database raises.
    """
    from connector.bootstrap import open_reader

    if path is None:
        chosen = some(settings, helpdesk)
        tickets: Sequence[LabelledTicket] = [each for one in chosen for each in _keyed_tickets(one)]
        if not tickets:
            raise SettingsError(
                "no labels are stored: `connector labels import FILE` stores some, or name a file here"
            )
        tickets = within(tickets, settings.taxonomy())
    else:
        tickets = read_labels(file_bytes(path), str(path), settings.taxonomy())
    read = open_reader(settings).words
    return [
        replace(each, ticket_id=each.key, subject=read(each.subject), text=read(each.text))
        for each in tickets
        if each.submission and each.labels
    ]


def _keyed_tickets(settings: Settings) -> list[LabelledTicket]:
    from connector.bootstrap import key_prefix

    prefix = key_prefix(settings)
    tickets = stored_tickets(settings)
    return [replace(each, ticket_id=prefix + each.key) for each in tickets] if prefix else list(tickets)


def stored_tickets(settings: Settings) -> tuple[LabelledTicket, ...]:
    """All labels of the database, as they are, also while a service owns it."""
    from connector.bootstrap import open_labels

    with open_labels(settings, SystemClock(), read_only=True) as book:
        return book.tickets()


def file_bytes(path: Path) -> bytes:
    """What the file holds.  Raises SettingsError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or type(error).__name__}") from None
