"""A JSON schema, read once, as a form that the emulated model fills in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.sandbox.claude_api.judgement import Opinion, Question
from connector.sandbox.claude_api.schema_rules import check_node, resolve, too_complex, types_of

Path = tuple[str, ...]

_SURE = ("confidence", "certainty", "probability")
_SAMPLES: Mapping[str, str] = {
    "date-time": "2026-11-21T10:15:00Z",
    "date": "2026-11-21",
    "time": "10:15:00Z",
    "duration": "PT15M",
    "email": "someone@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A string with an enum: the answer to question ``number``."""

    number: int


@dataclass(frozen=True, slots=True)
class Confidence:
    """A number that says how sure the model is; of everything when no question is meant in particular."""

    path: Path
    whole: bool  # an integer: per cent


@dataclass(frozen=True, slots=True)
class Phrase:
    """A free text."""


@dataclass(frozen=True, slots=True)
class Constant:
    """Anything whose value does not depend on the ticket."""

    value: object


@dataclass(frozen=True, slots=True)
class Listing:
    """An array: empty, or one item where at least one is asked for."""

    item: Node | None


@dataclass(frozen=True, slots=True)
class Record:
    """An object; required properties first, in schema order."""

    fields: tuple[tuple[str, Node], ...]


Node = Choice | Confidence | Phrase | Constant | Listing | Record


@dataclass(frozen=True, slots=True)
class Form:
    """A schema that was accepted.  ``source`` is its JSON text, part of the cached prompt prefix."""

    source: str
    root: Node
    questions: tuple[Question, ...]

    def fill(self, opinions: Sequence[Opinion]) -> object:
        """A JSON value that obeys the schema."""
        return _fill(self.root, self.questions, opinions)


def read_form(schema: object, where: str, *, strict: bool = True) -> Form:
    """Read a schema; raises Rejected when ``strict`` and outside the supported subset."""
    reader = _Reader(schema, strict)
    root = reader.read(schema, (), where, ())
    if strict and (rejected := too_complex(reader.optional, reader.unions)):
        raise rejected
    return Form(json.dumps(schema, ensure_ascii=False), root, tuple(reader.questions))


class _Reader:
    def __init__(self, root: object, strict: bool) -> None:
        self._root = root
        self._strict = strict
        self.questions: list[Question] = []
        self.optional = 0
        self.unions = 0

    def read(self, node: object, path: Path, where: str, seen: tuple[str, ...]) -> Node:
        if isinstance(node, dict) and "$ref" in node:
            target, ref = resolve(node["$ref"], self._root, seen, where)
            return self.read(target, path, where, (*seen, ref))
        if self._strict:
            check_node(node, where)
        if not isinstance(node, dict):
            return Constant(None)
        for keyword in ("anyOf", "allOf"):
            if branches := node.get(keyword):
                self.unions += keyword == "anyOf"
                read = [self.read(branch, path, where, seen) for branch in branches]
                return next((each for each in read if each != Constant(None)), read[0])
        return self._read_plain(node, path, where, seen)

    def _read_plain(self, node: dict[str, Any], path: Path, where: str, seen: tuple[str, ...]) -> Node:
        kinds = types_of(node)
        self.unions += len(kinds) > 1
        kind = next((each for each in kinds if each != "null"), "null" if kinds else "string")
        if "const" in node:
            return Constant(node["const"])
        if values := node.get("enum"):
            return self._read_enum(values, path)
        if kind == "object":
            return self._read_record(node, path, where, seen)
        if kind == "array":
            item = self.read(node.get("items", {}), path, where, seen)
            return Listing(item if node.get("minItems") else None)
        return _read_leaf(kind, node, path)

    def _read_enum(self, values: Sequence[Any], path: Path) -> Node:
        texts = tuple(value for value in values if isinstance(value, str))
        if not texts:
            return Constant(values[0])
        self.questions.append(Question(path, texts))
        return Choice(len(self.questions) - 1)

    def _read_record(self, node: dict[str, Any], path: Path, where: str, seen: tuple[str, ...]) -> Node:
        properties: dict[str, Any] = node.get("properties", {})
        required = set(node.get("required", ()))
        self.optional += len(set(properties) - required)
        names = sorted(properties, key=lambda name: name not in required)
        return Record(
            tuple((name, self.read(properties[name], (*path, name), where, seen)) for name in names)
        )


def _read_leaf(kind: str, node: Mapping[str, Any], path: Path) -> Node:
    if kind in {"number", "integer"}:
        if any(word in part.lower() for part in path for word in _SURE):
            return Confidence(path, whole=kind == "integer")
        return Constant(0)
    if kind == "boolean":
        return Constant(False)
    if kind == "null":
        return Constant(None)
    return Constant(_SAMPLES[node["format"]]) if node.get("format") in _SAMPLES else Phrase()


def _fill(node: Node, questions: Sequence[Question], opinions: Sequence[Opinion]) -> object:
    match node:
        case Record(fields):
            return {name: _fill(child, questions, opinions) for name, child in fields}
        case Choice(number):
            return opinions[number].value
        case Confidence(path, whole):
            sure = min((opinions[at].confidence for at in _meant(path, questions)), default=0.9)
            return round(sure * 100) if whole else sure
        case Phrase():
            return explain(opinions)
        case Listing(item):
            return [] if item is None else [_fill(item, questions, opinions)]
        case Constant(value):
            return value


def _meant(path: Path, questions: Sequence[Question]) -> Sequence[int]:
    """The questions a confidence is about: by its own name, by the object around it, or else all."""
    stem = path[-1].lower()
    for word in _SURE:
        stem = stem.replace(word, "").strip("_-")
    named = [at for at, question in enumerate(questions) if stem and stem in question.path]
    around = [at for at, question in enumerate(questions) if path[:-1] and path[:-1] == question.path[:-1]]
    return named or around or range(len(questions))


def explain(opinions: Sequence[Opinion]) -> str:
    """One short sentence; it quotes only words of the built-in vocabulary and the system prompt."""
    if not opinions:
        return "Nothing in the ticket points anywhere in particular."
    heard = dict.fromkeys(term for opinion in opinions for term in opinion.because if term[0] != "<")
    in_phrases = {word for term in heard if " " in term for word in term.split()}
    words = ", ".join([term for term in heard if term not in in_phrases][:4])
    reads = ", ".join(dict.fromkeys(opinion.value.replace("_", " ") for opinion in opinions[:3]))
    return f"Mentions {words}; reads as {reads}." if words else f"Reads as {reads}."
