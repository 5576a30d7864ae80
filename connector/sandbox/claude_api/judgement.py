"""The emulated model's opinion of a ticket: it counts words, so nothing a ticket says can give it orders."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from connector.sandbox.claude_api.vocabulary import (
    UNREMARKABLE,
    Wording,
    concepts,
    name_parts,
    read_wording,
    telling_words,
)

_PRIOR = 0.6  # what speaks for an unremarkable category when the text says nothing
_OWN_NAME = 1.0
_DESCRIBED = 0.45
_CEILING = 3.2  # many words prove little more than a few
_SECOND_THOUGHT = 1.1  # the evidence a second topic needs beside the main one


@dataclass(frozen=True, slots=True)
class Skill:
    """How well a model reads: ``doubt`` is what a tie costs it in confidence, ``sharpness`` how little
    evidence settles a tie, ``noise`` how far its reading of the evidence is off.
    """

    doubt: float
    sharpness: float
    noise: float


@dataclass(frozen=True, slots=True)
class Question:
    """One choice to make: where the answer goes in the JSON object, and the categories to choose from."""

    path: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """The chosen category, how sure the model is (0..1), and the words that made it think so."""

    value: str
    confidence: float
    because: tuple[str, ...]


Lends = Sequence[tuple[int, float]]  # what a term says: category number and weight


@dataclass(frozen=True, slots=True)
class Evidence:
    """Every term that says something about the categories; ``words`` and ``phrases`` by their places."""

    terms: tuple[tuple[str, Lends], ...]
    words: Mapping[str, int]
    phrases: tuple[int, ...]

    def found_in(self, wording: Wording) -> list[tuple[str, Lends]]:
        """The terms that occur, in their own order; a text has far fewer words than there are terms."""
        places = [self.words[word] for word in wording.words & self.words.keys()]
        places += [place for place in self.phrases if wording.holds(self.terms[place][0])]
        return [self.terms[place] for place in sorted(places)]


class Judge:
    """Forms opinions for one set of questions; deterministic per text, seed and skill.

    ``briefing`` is the system prompt: what it says about a category counts like the built-in vocabulary.
    """

    def __init__(self, questions: Sequence[Question], briefing: str, seed: str) -> None:
        self._questions = tuple(questions)
        self._evidence = tuple(_gather(question, briefing) for question in self._questions)
        self._seed = seed

    def judge(self, text: str, skill: Skill) -> tuple[Opinion, ...]:
        """One opinion per question, in their order."""
        wording = read_wording(text)
        dice = blake2b(f"{self._seed}\0{skill}\0{text}".encode(errors="replace"), digest_size=32).digest()
        chosen: list[Opinion] = []
        for number, question in enumerate(self._questions):
            scores, because = self._weigh(number, wording)
            _shake(scores, dice, number, skill.noise)
            chosen.append(self._choose(question, scores, because, skill, chosen))
        return tuple(chosen)

    def _weigh(self, number: int, wording: Wording) -> tuple[list[float], list[list[str]]]:
        values = self._questions[number].values
        raw = [0.0] * len(values)
        because: list[list[str]] = [[] for _ in values]
        for term, lends in self._evidence[number].found_in(wording):
            for index, weight in lends:
                raw[index] += weight
                because[index].append(term)
        scores = [_CEILING * (1 - math.exp(-score / _CEILING)) for score in raw]
        return [score + _prior(value) for score, value in zip(scores, values, strict=True)], because

    def _choose(
        self,
        question: Question,
        scores: list[float],
        because: list[list[str]],
        skill: Skill,
        earlier: Sequence[Opinion],
    ) -> Opinion:
        rival = self._rival(question, earlier)
        if rival is not None:
            for index, value in enumerate(question.values):
                taken = value == rival or scores[index] < _SECOND_THOUGHT
                scores[index] = _PRIOR if value == "none" else -9.0 if taken else scores[index]
        best = max(range(len(scores)), key=scores.__getitem__)
        lead = scores[best] - max((score for at, score in enumerate(scores) if at != best), default=-9.0)
        confidence = 0.99 - skill.doubt * math.exp(-skill.sharpness * lead)
        return Opinion(question.values[best], round(confidence, 2), tuple(because[best][:3]))

    def _rival(self, question: Question, earlier: Sequence[Opinion]) -> str | None:
        """What was chosen already when this question asks the same again ("secondary team")."""
        mine = set(question.values) - {"none"}
        for asked, opinion in zip(self._questions, earlier, strict=False):
            if "none" in question.values and mine and mine <= set(asked.values):
                return opinion.value
        return None


def _gather(question: Question, briefing: str) -> Evidence:
    """What the vocabulary, the names of the categories and the briefing know about them."""
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for index, value in enumerate(question.values):
        parts = name_parts(value)
        lenders = [concepts()[part] for part in parts if concepts().get(part)]
        for terms in lenders:
            for term in terms:
                weight = (1.5 if " " in term else 1.0) / math.sqrt(len(lenders))
                found[term][index] = max(weight, found[term].get(index, 0.0))
        for part in set(parts) - UNREMARKABLE:
            found[part].setdefault(index, _OWN_NAME / len(parts))
    _add_descriptions(found, question, briefing)
    places = {term: place for place, term in enumerate(found)}
    return Evidence(
        terms=tuple((term, tuple(lends.items())) for term, lends in found.items()),
        words={term: place for term, place in places.items() if " " not in term},
        phrases=tuple(place for term, place in places.items() if " " in term),
    )


def _add_descriptions(found: dict[str, dict[int, float]], question: Question, briefing: str) -> None:
    described = [telling_words(_description(value, briefing)) for value in question.values]
    for index, words in enumerate(described):
        shared = frozenset().union(*(other for at, other in enumerate(described) if at != index))
        for word in words - shared:
            found.setdefault(word, {}).setdefault(index, _DESCRIBED)


def _description(value: str, briefing: str) -> str:
    """The rest of the lines of the system prompt that open with the category's name."""
    opening = re.compile(rf"^[^\w\n]*(?:\w+[^\w\n]+){{0,2}}?{re.escape(value)}\b(.*)$", re.MULTILINE)
    return " ".join(match.group(1)[:600] for match in opening.finditer(briefing))


def _prior(value: str) -> float:
    return _PRIOR if UNREMARKABLE.intersection(name_parts(value)) else 0.0


def _shake(scores: list[float], dice: bytes, question: int, noise: float) -> None:
    for index in range(len(scores)):
        roll = dice[(question * 7 + index * 3) % len(dice)] / 255 - 0.5
        scores[index] += 2 * noise * roll
