"""When two tickets say the same."""

from __future__ import annotations

import hashlib
import unicodedata


def digest_of(subject: str, text: str) -> str:
    """Recognises the same words again: case, form and spacing of the characters do not count.

    64 hex digits; any string will do, half of a surrogate pair included.
    """
    said = unicodedata.normalize("NFKC", f"{subject}\n{text}").casefold()
    return hashlib.sha256(" ".join(said.split()).encode("utf-8", "replace")).hexdigest()
