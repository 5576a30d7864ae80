"""The seam for sentence embeddings: an installed plug-in is found by its entry point, never required.

A plug-in declares ``[project.entry-points."connector.embeddings"] name = "package:factory"``; the factory
takes nothing and returns an `EmbeddingEngine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any, Protocol

from connector.errors import SettingsError

GROUP = "connector.embeddings"


class EmbeddingEngine(Protocol):
    """Turns texts into vectors in which nearness means likeness.  Must be safe to share between threads."""

    @property
    def name(self) -> str:
        """Names the weights too: a model trained with one engine is refused with another."""
        ...

    def embed(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a numpy array, which is not imported here
        """float32 of shape (texts, dimensions), rows of length one."""
        ...


def installed_engine() -> EmbeddingEngine | None:
    """The installed plug-in, or None.  Raises SettingsError when there are several, or it does not load."""
    found = tuple(entry_points(group=GROUP))
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(sorted(each.name for each in found))
        raise SettingsError(f"several embedding plug-ins are installed ({names}); keep one")
    try:
        engine: EmbeddingEngine = found[0].load()()
    except Exception as error:
        reason = type(error).__name__
        raise SettingsError(f"the embedding plug-in {found[0].name} does not load ({reason})") from error
    return engine
