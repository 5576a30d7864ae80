"""Telling languages apart on this machine, with py3langid (extra ``languages``)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# What py3langid 0.4 knows; a list of our own, because reading the model takes more than a second.
CODES = frozenset(
    re.findall(
        r"\w+",
        "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext "
        "fa fi fo fr fuv fy ga gd gl gom gu guw ha he hi hr ht hu hy id ig is it ja jv ka kab kik kk km "
        "kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pl "
        "ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz "
        "vec vi vo wa wuu xh yo yue zh zu ",
    )
)


def can_tell_languages() -> bool:
    """Whether the extra is installed."""
    return find_spec("py3langid") is not None


class LangidDetector:
    """Chooses among ``languages`` only: with all it knows it takes jargon for rare languages.

    The model is read at the first question (more than a second, 130 MB) and shared by all detectors; an
    answer takes well under a millisecond, is the same every time, and may be asked for by many threads.
    """

    def __init__(self, languages: Iterable[str]) -> None:
        self._languages = tuple(sorted(languages))
        self._lock = threading.Lock()

    def __call__(self, text: str) -> tuple[str, float]:
        with self._lock:  # only one thread reads the model; the others want it too
            identifier = _identifier(self._languages)
        language, probability = identifier.classify(text)
        return str(language), float(probability)


@lru_cache(maxsize=4)
def _identifier(languages: tuple[str, ...]) -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(languages)
    return identifier
