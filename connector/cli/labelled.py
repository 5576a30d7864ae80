"""The labels file that a command is given."""

from __future__ import annotations

from pathlib import Path

from connector.errors import SettingsError
from connector.quality.dataset import LabelledTicket
from connector.quality.labels_csv import read_labels
from connector.settings import Settings


def labelled_tickets(path: Path, settings: Settings) -> list[LabelledTicket]:
    """The rows that have something to read and a label.  Raises SettingsError or LabelsRejected."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or type(error).__name__}") from None
    return [
        each for each in read_labels(data, str(path), settings.taxonomy()) if each.submission and each.labels
    ]
