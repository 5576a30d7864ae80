"""A local model whose answers the test chooses, and an interpreter that has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector.domain.taxonomy import Axis
from connector.ports import LocalLabel


def local_label(
    value: str, confidence: float = 0.97, similarity: float = 0.6, why_not: str = ""
) -> LocalLabel:
    """A label; sure unless told otherwise."""
    return LocalLabel(value, confidence, similarity, {value: confidence}, why_not)


def sure_labels() -> dict[Axis, LocalLabel]:
    """Sure on every axis."""
    values = {"team": "security", "type": "bug_report", "urgency": "high", "sentiment": "neutral"}
    return {Axis(axis): local_label(value) for axis, value in values.items()}


@dataclass
class FixedModel:
    """Satisfies `ports.LocalModel`: says ``labels`` of every text, and remembers the texts."""

    labels: Mapping[Axis, LocalLabel] = field(default_factory=sure_labels)
    asked: list[str] = field(default_factory=list)
    version: str = "v1"

    def predict(self, text: str) -> Mapping[Axis, LocalLabel]:
        self.asked.append(text)
        return self.labels

    def nearest(self, text: str, count: int) -> Sequence[tuple[str, float]]:
        return ()

    def top_classes(self, text: str, axis: Axis, count: int) -> Sequence[tuple[str, float]]:
        return ()


def hide_the_extra(folder: Path, package: str = "sklearn") -> Path:
    """A directory for the front of PYTHONPATH: with it an interpreter cannot see the package."""
    (folder / "sitecustomize.py").write_text(
        "import importlib.machinery as m, sys\n"
        "find = m.PathFinder.find_spec\n"
        "class Blind(m.PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        f"        return None if name == {package!r} else find(name, path, target)\n"
        "sys.meta_path[sys.meta_path.index(m.PathFinder)] = Blind\n",
        encoding="utf-8",
    )
    return folder
