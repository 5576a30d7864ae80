"""Labelled tickets: customers' first words together with the classes that are right for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import submission_text
from connector.domain.words import digest_of


class Source(StrEnum):
    """How a label came about."""

    RESOLVED = "resolved"  # a solved ticket whose last group a person chose
    IMPORT = "import"  # somebody's own list
    CORRECTION = "correction"  # a person changed what the connector had written
    REVIEW = "review"  # somebody read the ticket in order to label it


@dataclass(frozen=True, slots=True)
class LabelledTicket:
    """A submission with its right classes; an axis that is missing in ``labels`` was not judged.

    ``tier`` is the customer's; ``severity``, ``route`` and ``why`` are remarks of the labeller that nothing
    is computed from.  ``labelled_at`` is aware, or None where nobody wrote it down.  ``requester`` is the
    helpdesk's id of whoever wrote the words, where it is known; no file says it.
    """

    text: str
    labels: Mapping[Axis, str] = field(default_factory=dict)
    ticket_id: str = ""
    subject: str = ""
    tier: str = ""
    severity: str = ""
    route: str = ""
    why: str = ""
    source: Source = Source.IMPORT
    reviewer: str = ""
    labelled_at: datetime | None = None
    requester: str = ""

    def on(self, axis: Axis) -> str | None:
        """The label on ``axis``, or None."""
        return self.labels.get(axis)

    @property
    def submission(self) -> str:
        """Subject and first message as one text; empty when there is nothing to read."""
        return submission_text(self.subject, self.text)

    @property
    def digest(self) -> str:
        """The same for tickets that say the same: case, form and spacing of the characters do not count."""
        return digest_of(self.subject, self.text)

    @property
    def key(self) -> str:
        """What a model of these labels calls the ticket: its id, or the digest of its words without one."""
        return self.ticket_id or self.digest


def within(tickets: Iterable[LabelledTicket], taxonomy: Taxonomy) -> tuple[LabelledTicket, ...]:
    """The tickets without labels that name no class of ``taxonomy`` (any more)."""
    return tuple(_within(each, taxonomy) for each in tickets)


def _within(ticket: LabelledTicket, taxonomy: Taxonomy) -> LabelledTicket:
    known = {axis: name for axis, name in ticket.labels.items() if name in taxonomy.names(axis)}
    return ticket if len(known) == len(ticket.labels) else replace(ticket, labels=known)
