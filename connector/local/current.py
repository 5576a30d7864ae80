"""The model that is trained now: the file is looked at before each answer, and read again when it changed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from connector.domain.taxonomy import Axis, Taxonomy
from connector.errors import SettingsError
from connector.local.embedding import installed_engine
from connector.local.extra import need_the_extra
from connector.ports import Event, LocalLabel, Observer

if TYPE_CHECKING:
    from connector.local.model import TrainedModel

Stamp = tuple[int, int, int]
"""What tells a file from the one that took its place: time of change, size, inode."""


class CurrentModel:
    """Satisfies `ports.LocalModel`; says nothing while there is no usable model.  Safe to share.

    A file that cannot be used is told once, as a warning, and the model before it stays.  An axis whose
    classes have changed in the settings since the training still has labels, but may not decide.
    """

    def __init__(self, path: Path, taxonomy: Taxonomy, observer: Observer) -> None:
        self._path = path
        self._taxonomy = taxonomy
        self._observer = observer
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._model: TrainedModel | None = None
        self._outdated: Mapping[Axis, str] = {}
        self._has_failed = False

    @property
    def version(self) -> str:
        return self._model.version if self._model else "none"

    def look(self) -> TrainedModel | None:
        """The model as it is now; reads the file if it is another one than before."""
        with self._lock:
            stamp = self._stamp_now()
            if stamp != self._stamp:
                self._stamp = stamp
                self._read(stamp)
            return self._model

    def predict(self, text: str) -> Mapping[Axis, LocalLabel]:
        model = self.look()
        if model is None:
            return {}
        try:
            labels = model.predict(text)
        except Exception as error:  # noqa: BLE001 - a free tier that fails must not keep a ticket from the next
            self._failed(error)
            return {}
        outdated = self._outdated
        return {
            axis: replace(label, why_not=outdated[axis]) if axis in outdated else label
            for axis, label in labels.items()
        }

    def nearest(self, text: str, count: int) -> Sequence[tuple[str, float]]:
        model = self.look()
        return model.nearest(text, count) if model else ()

    def top_classes(self, text: str, axis: Axis, count: int) -> Sequence[tuple[str, float]]:
        model = self.look()
        return model.top_classes(text, axis, count) if model else ()

    def _stamp_now(self) -> Stamp | None:
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return 0, 0, 0  # it may be there: reading it tells what is wrong
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self, stamp: Stamp | None) -> None:
        if stamp is None:
            self._model, self._outdated = None, {}
            self._observer(Event("local_model.gone", "warning"))
            return
        try:
            need_the_extra()
            from connector.local.model_file import load_model

            model = load_model(self._path, installed_engine())
        except SettingsError as error:
            self._observer(Event("local_model.ignored", "warning", {"error": str(error)}))
            return
        self._model, self._outdated, self._has_failed = model, self._changed(model), False
        self._observer(Event("local_model.loaded", "info", {"model": f"local-{model.version}"}))
        for why in self._outdated.values():
            self._observer(Event("local_model.outdated", "warning", {"error": f"{self._path}: {why}"}))

    def _changed(self, model: TrainedModel) -> dict[Axis, str]:
        """Per axis that may not decide any more: why."""
        changed = {}
        for axis in model.axes:
            then, now = set(model.taxonomy.get(axis, ())), set(self._taxonomy.names(axis))
            if then != now:
                what = [f"-{name}" for name in sorted(then - now)] + [
                    f"+{name}" for name in sorted(now - then)
                ]
                changed[axis] = (
                    f"the {axis} classes have changed since it was trained ({' '.join(what)}); train again"
                )
        return changed

    def _failed(self, error: Exception) -> None:
        with self._lock:
            first, self._has_failed = not self._has_failed, True
        if first:
            self._observer(Event("local_model.failed", "error", {"error": type(error).__name__}))
