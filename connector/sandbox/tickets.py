"""Real customer threads for the demo: what people wrote to support, and how the conversation went on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

Role = Literal["customer", "agent"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a thread."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation that a customer opened; ``turns`` are in order and the first is the customer's."""

    id: str
    company: str
    subject: str | None
    turns: tuple[Turn, ...]


def threads() -> tuple[Thread, ...]:
    """The 60 threads that travel in the package, in order of id; their origin is in ``data/NOTICE.md``."""
    source = resources.files(__package__).joinpath("data").joinpath("threads.jsonl")
    return tuple(_read(json.loads(line)) for line in source.read_text(encoding="utf-8").splitlines())


def _read(row: dict[str, Any]) -> Thread:
    turns = tuple(Turn(turn["role"], turn["text"]) for turn in row["turns"])
    return Thread(row["id"], row["company"], row.get("subject"), turns)


def labels_csv() -> bytes:
    """``labels.csv``: 483 first messages with the right classes of the default settings.

    All 60 of `threads` are among them, under the same id; how they were labelled is in ``data/NOTICE.md``.
    """
    return resources.files(__package__).joinpath("data").joinpath("labels.csv").read_bytes()
