"""A file that a command writes at its end, and knows at its beginning that it can."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from connector.errors import SettingsError


class NewFile:
    """Takes the place of ``path`` in one step once it is filled; only its owner can read it.

    Raises SettingsError when there is no writing there: before an hour of work, not after.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft: Path | None = None
        if path.is_dir():
            raise SettingsError(f"{path}: is a directory")
        try:
            number, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from None
        os.close(number)
        self._draft = Path(draft)

    def fill(self, text: str) -> None:
        """Write everything and take the place.  Raises SettingsError when the disk refuses."""
        if self._draft is None:
            raise ValueError("the file is closed")
        try:
            self._draft.write_text(text, encoding="utf-8", errors="replace")
            self._draft.replace(self._path)
        except OSError as error:
            raise SettingsError(f"{self._path}: {error.strerror}") from None
        self._draft = None

    def close(self) -> None:
        """Leave nothing behind that was not filled."""
        if self._draft is not None:
            with suppress(OSError):
                self._draft.unlink()
            self._draft = None
