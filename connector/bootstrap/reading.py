"""How tickets are read, as the settings say."""

from __future__ import annotations

from connector.classify.language import Languages
from connector.classify.reading import Reader
from connector.classify.redaction import Secret
from connector.local.language import LangidDetector, can_tell_languages
from connector.ports import Event, Observer
from connector.settings import Settings


def open_reader(settings: Settings, observer: Observer | None = None) -> Reader:
    """The reader; without the extra `languages` it tells no languages apart, and ``observer`` hears why."""
    primary = frozenset(settings.languages.primary)
    others = frozenset(settings.languages.known) - primary
    able = can_tell_languages()
    if others and not able and observer is not None:
        reason = "languages.known needs py3langid: pip install 'helpdesk-connector[languages]'"
        observer(Event("languages.untold", "warning", {"reason": reason}))
    return Reader(
        redact=frozenset(Secret(kind) for kind in settings.privacy.redact),
        languages=Languages(primary, LangidDetector(primary | others) if others and able else None),
        max_text_tokens=settings.llm.max_text_tokens,
    )
