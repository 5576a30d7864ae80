"""The playground's past: labelled first messages as tickets that a person has sorted and solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.classify.prompt import shorten
from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.quality.labels_csv import read_labels
from connector.sandbox.tickets import labels_csv
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.cli.playground import Playground

_DAYS = 28
_DAY_SECONDS = 86_400
_SUBJECT_CHARS = 60
_EXPORT_LAG_SECONDS = 120  # the export hides the newest minute


def seed_solved(ground: Playground, settings: Settings) -> None:
    """One ticket for each labelled message whose team the settings have, spread over four weeks.

    Raises SettingsError when they have none of those teams.
    """
    teams = {team: ground.groups[name] for team, name in settings.groups().items()}
    labelled = read_labels(labels_csv(), "labels.csv", Settings().taxonomy())
    known = [each for each in labelled if each.on(Axis.TEAM) in teams]
    if not known:
        raise SettingsError(
            "the sandbox's solved tickets belong to the default teams; the settings have none"
        )
    customer = ground.helpdesk.add_customer("Customer")
    first = ground.world() - _DAYS * _DAY_SECONDS
    pace = (_DAYS - 1) * _DAY_SECONDS / len(known)
    for number, each in enumerate(known):
        subject = each.subject or shorten(each.text, _SUBJECT_CHARS)
        ticket = ground.helpdesk.open(subject, each.text, customer, first + number * pace)
        ground.helpdesk.solve(ticket, teams[each.labels[Axis.TEAM]])
    ground.world.skip(_EXPORT_LAG_SECONDS)
