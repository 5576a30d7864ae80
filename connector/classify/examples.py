"""Labelled tickets as examples for the model: those most like a ticket, or a fixed, balanced few."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.classify.prompt import shorten
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Ticket
from connector.domain.words import digest_of
from connector.ports import LocalModel

Read = Callable[[str], str]
"""What a text goes through before a model reads it; the same for tickets, examples and the index of both."""

Shown = dict[str, Any]
"""An example as the model sees it: ``{"ticket": {"subject", "text"}, "labels": {axis: class}}``."""

_SUBJECT_CHARS = 100
_BYTES_PER_TOKEN = 3  # of JSON in UTF-8; English prose has more, few scripts have less
_LEAST_TOKENS = 80  # of an example; in fewer there is nothing to read


@dataclass(frozen=True, slots=True)
class Outline:
    """A labelled ticket without its words.  ``ticket_id`` may be empty; ``digest`` is that of its words."""

    ticket_id: str
    digest: str
    labels: Mapping[Axis, str]

    @property
    def key(self) -> str:
        """What the local model calls the ticket."""
        return self.ticket_id or self.digest


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled ticket with its words."""

    outline: Outline
    subject: str
    text: str


Find = Callable[[Sequence[str]], Mapping[str, Example]]
"""The examples with these keys, as far as they still exist."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The examples of a ticket, and the ids of the tickets that they are, as far as they have one."""

    shown: tuple[Shown, ...] = ()
    ticket_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bank:
    """Chooses the examples of a ticket.  Safe to share between threads if ``model`` and ``find`` are.

    It holds no words: ``find`` is asked for every ticket, so what was forgotten meanwhile is not shown.
    """

    model: LocalModel
    outlines: Mapping[str, Outline]
    find: Find
    read: Read
    taxonomy: Taxonomy
    count: int = 10
    classes: int = 5
    max_tokens: int = 2_000

    def __call__(self, ticket: Ticket) -> Chosen:
        """The nearest ``count``, the nearest first, then one of each likely team that has none among them.

        Never the ticket itself, nor a revision of it, nor another that says the same.
        """
        subject, text = self.read(ticket.subject), self.read(ticket.text or "")
        own = {digest_of(ticket.subject, ticket.text or ""), digest_of(subject, text)}
        chosen = self._keys(f"{subject}\n{text}".strip(), ticket.id, own)
        found = self.find(chosen)
        kept = [found[key] for key in chosen if key in found]
        others = [each for each in kept if not own & {each.outline.digest, _digest_as_read(each, self.read)}]
        told = tuple(each for each in others if _known(each, self.taxonomy))
        shown = show(told, self.read, self.taxonomy, self.max_tokens)
        ids = (each.outline.ticket_id for each in told[: len(shown)])
        return Chosen(shown, tuple(filter(None, ids)))

    def _keys(self, text: str, ticket_id: str, own: set[str]) -> list[str]:
        ranked: dict[str, str] = {}  # digest -> key, the nearest first
        for key, _ in self.model.nearest(text, len(self.outlines)):
            outline = self.outlines.get(key)
            if outline is None or outline.ticket_id == ticket_id or outline.digest in own:
                continue
            ranked.setdefault(outline.digest, key)
        keys = list(ranked.values())
        chosen, rest = keys[: self.count], keys[self.count :]
        shown = {self._team(key) for key in chosen}
        for name, _ in self.model.top_classes(text, Axis.TEAM, self.classes):
            if name not in shown:
                chosen += [key for key in rest if self._team(key) == name][:1]
        return chosen

    def _team(self, key: str) -> str | None:
        return self.outlines[key].labels.get(Axis.TEAM)


def digest_of_bank(outlines: Iterable[Outline], model_digest: str) -> str:
    """The same for the same labels and the same model, in any order: 12 hex digits."""
    rows = sorted(json.dumps([each.ticket_id, each.digest, dict(each.labels)]) for each in outlines)
    return hashlib.sha256(json.dumps([model_digest, rows]).encode()).hexdigest()[:12]


def balanced(outlines: Iterable[Outline], taxonomy: Taxonomy, count: int) -> list[str]:
    """The keys of at most ``count`` labelled tickets, the teams in turn, and of a team those whose other

    classes were shown least so far.  The same choice for the same labels, in whatever order they come.
    """
    by_team: dict[str, dict[str, Outline]] = {name: {} for name in taxonomy.names(Axis.TEAM)}
    for each in sorted(outlines, key=lambda each: (each.digest, each.key)):
        by_team.get(each.labels.get(Axis.TEAM, ""), {}).setdefault(each.digest, each)
    left = [list(tickets.values()) for tickets in by_team.values()]
    shown: Counter[tuple[Axis, str]] = Counter()
    chosen: list[str] = []
    while len(chosen) < count and any(left):
        for tickets in filter(None, left[:]):
            best = max(tickets, key=lambda each: sum(1 / (1 + shown[label]) for label in each.labels.items()))
            tickets.remove(best)
            shown.update(best.labels.items())
            chosen.append(best.key)
    return chosen[:count]


def show(examples: Sequence[Example], read: Read, taxonomy: Taxonomy, max_tokens: int) -> tuple[Shown, ...]:
    """The examples as the model sees them, in about ``max_tokens`` together, each with the same share.

    Labels whose class the taxonomy does not have are left out, and examples without any other.
    """
    labelled = [(each, known) for each in examples if (known := _known(each, taxonomy))]
    labelled = labelled[: max_tokens // _LEAST_TOKENS]
    if not labelled:
        return ()
    share = _BYTES_PER_TOKEN * max_tokens // len(labelled)
    return tuple(_shown(each, labels, read, share) for each, labels in labelled)


def _known(example: Example, taxonomy: Taxonomy) -> dict[str, str]:
    return {axis.value: name for axis, name in example.outline.labels.items() if name in taxonomy.names(axis)}


def _shown(example: Example, labels: Mapping[str, str], read: Read, most_bytes: int) -> Shown:
    words = {"subject": shorten(read(example.subject), _SUBJECT_CHARS), "text": ""}
    room = most_bytes - _size({"ticket": words, "labels": labels})
    return {"ticket": words | {"text": _cut(read(example.text), max(room, 0))}, "labels": dict(labels)}


def _cut(text: str, most_bytes: int) -> str:
    """``text`` on one line; where it is longer than ``most_bytes`` as JSON, cut, with an ellipsis."""
    line = " ".join(text.split())
    kept = len(line)
    while kept and (size := _size(_with_ellipsis(line, kept)) - 2) > most_bytes:
        kept = min(kept - 1, kept * most_bytes // size)
    return _with_ellipsis(line, kept)


def _with_ellipsis(line: str, kept: int) -> str:
    return line if kept == len(line) else f"{line[:kept].rstrip()}…"


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _digest_as_read(example: Example, read: Read) -> str:
    return digest_of(read(example.subject), read(example.text))
