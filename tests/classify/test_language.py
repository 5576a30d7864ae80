"""Languages are told apart among those that a business knows, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.classify.language import UNKNOWN, Languages
from connector.local.language import CODES, LangidDetector

KNOWN = frozenset({"en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "ja"})
TICKETS = {
    "en": ("Export fails", "The export has been failing since this morning, please have a look."),
    "de": ("Rechnung falsch", "Die Rechnung vom letzten Monat stimmt nicht, bitte prüfen Sie das."),
    "fr": ("Facture", "Bonjour, je n'arrive plus à me connecter à mon compte depuis hier."),
    "es": ("Factura", "Hola, me han cobrado dos veces este mes y quiero un reembolso."),
    "pt": ("Fatura", "Olá, não consigo baixar a minha fatura do mês passado, podem ajudar?"),
    "it": ("Fattura", "Buongiorno, non riesco più ad accedere al mio conto da ieri sera."),
    "nl": ("Factuur", "Goedemorgen, ik kan sinds gisteren niet meer inloggen op mijn account."),
    "pl": ("Faktura", "Dzień dobry, od wczoraj nie mogę zalogować się na swoje konto."),
    "ja": ("請求書", "先月の請求書の金額が間違っています。ご確認をお願いいたします。"),
}


@pytest.fixture(scope="module")
def languages() -> Languages:
    return Languages(frozenset({"en"}), LangidDetector(KNOWN))


@pytest.mark.parametrize("language", TICKETS)
def test_a_sentence_is_enough(languages: Languages, language: str) -> None:
    assert languages.of(*TICKETS[language]) == language
    assert languages.is_foreign(language) == (language != "en")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("", ""),
        ("Hilfe", "bitte"),
        ("4711", "0815 2026-11-03 12:00 49,90 EUR 3 2 1"),
        ("", "https://docs.acme.test/de/rechnungen/wie-kann-ich-meine-rechnung-bezahlen"),
        ("jane@acme.test", "@AcmeSupport #fail kundenservice@beispiel.de"),
        ("asdf qwer", "zxcvb jkl uiop bnm ghjk xcvbn"),
    ],
)
def test_too_little_to_tell_is_unknown_and_unknown_is_not_foreign(
    languages: Languages, subject: str, text: str
) -> None:
    assert languages.of(subject, text) == UNKNOWN
    assert not languages.is_foreign(UNKNOWN)


def test_without_a_detector_nobody_looks() -> None:
    assert Languages().of(*TICKETS["de"]) is None
    assert not Languages().is_foreign(None)


def test_many_threads_get_the_same_answers_as_one(languages: Languages) -> None:
    detector = LangidDetector(KNOWN)
    texts = [" ".join(ticket) for ticket in TICKETS.values()] * 10

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(detector, texts))

    assert found == [detector(text) for text in texts]


def test_the_codes_of_the_settings_are_those_of_the_library() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    labels = set(LanguageIdentifier.from_model_file(MODEL_FILE).labels)

    assert labels >= CODES
    assert labels - CODES == {"gcf", "gcr", "grc", "gug", "hbo", "pcm", "uzs", "zxx"}  # old, or no language
