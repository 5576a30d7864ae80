"""What triage reads of a ticket: the customer's own words, and what of them may leave this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.classify.language import Languages
from connector.classify.length import cut_middle, tokens_in
from connector.classify.prompt import EARLIER_TICKETS, MAX_TEXT_TOKENS, clean, ticket_object
from connector.classify.redaction import HARMFUL, Redactor, Secret
from connector.classify.replies import own_words
from connector.domain.decision import ReadingFacts
from connector.domain.ticket import Ticket

# No model is shown as much; what is left out before the search for secrets bounds its time.
_LONGEST_END_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class Reading:
    """A ticket as triage reads it.

    ``ticket`` has the customer's own words, whole, for the rules and for whatever runs on this machine;
    ``shown`` is the one JSON object that leaves it.  Guardrail words are looked for in the ticket as it
    arrived: cleaning may mistake a customer's words for a quotation, and a threat must not be lost that way.
    """

    ticket: Ticket
    shown: Mapping[str, Any]
    facts: ReadingFacts


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads tickets; one for all threads.  ``redact`` are the kinds of secrets that no model gets to see."""

    redact: frozenset[Secret] = HARMFUL
    languages: Languages = field(default_factory=Languages)
    max_text_tokens: int = MAX_TEXT_TOKENS

    def read(self, ticket: Ticket, earlier_tickets: int = 0) -> Reading:
        """Never empty for a ticket with words: of a mail that only forwards another, that one is read.

        ``earlier_tickets`` is how many the requester opened shortly before.
        """
        subject, whole = clean(ticket.subject).strip(), clean(ticket.text or "").strip()
        own = own_words(whole).strip()
        read = replace(ticket, subject=subject, text=own)
        language = self.languages.of(subject, own)
        shown, redacted, left_out = self._shown(read, own)
        facts = ReadingFacts(
            language=language,
            is_foreign=self.languages.is_foreign(language),
            redacted={kind.value: count for kind, count in redacted.items()},
            cut_chars=len(whole) - len(own),
            left_out_tokens=left_out,
        )
        if earlier_tickets:
            shown = {**shown, EARLIER_TICKETS: earlier_tickets}
        return Reading(read, shown, facts)

    def words(self, text: str) -> str:
        """What a model may see of a text beside the ticket: its writer's own words, without secrets."""
        return Redactor(self.redact).redact(own_words(clean(text).strip()).strip())

    def _shown(self, ticket: Ticket, text: str) -> tuple[Mapping[str, Any], Mapping[Secret, int], int]:
        redactor = Redactor(self.redact)

        def redacted(words: str | None) -> str | None:
            return None if words is None else redactor.redact(clean(words))

        subject = redactor.redact(ticket.subject)
        unread = len(text) - 2 * _LONGEST_END_CHARS
        missing = 0
        if unread > 0:
            missing = tokens_in(text[_LONGEST_END_CHARS:-_LONGEST_END_CHARS])
            text = text[:_LONGEST_END_CHARS] + text[-_LONGEST_END_CHARS:]
        # Before anything is cut: half a card number is not recognised as one.
        kept, left_out = cut_middle(redactor.redact(text), self.max_text_tokens, missing)
        shown = replace(
            ticket,
            subject=subject,
            text=kept,
            channel=redactor.redact(clean(ticket.channel)),
            organization=redacted(ticket.organization),
            tier=redacted(ticket.tier),
            attachments=tuple(redactor.redact(clean(each)) for each in ticket.attachments),
        )
        return ticket_object(shown, self.max_text_tokens), redactor.counts, left_out
