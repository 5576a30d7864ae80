"""Taking out of a text what no model needs: card and account numbers, keys, addresses, phone numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Secret(StrEnum):
    """What can be taken out; the value is the placeholder's name in lower case."""

    KEY = "key"
    CARD = "card"
    IBAN = "iban"
    EMAIL = "email"
    PHONE = "phone"


HARMFUL = frozenset({Secret.KEY, Secret.CARD})
"""What nobody wants a model to see: whoever reads it can use it, and it says nothing about the request."""


class Redactor:
    """Hides the chosen kinds; the same value has the same placeholder in every text of one redactor.

    Names are not found: without a model that would be a promise nobody can keep.  One redactor is for one
    ticket and one thread.
    """

    def __init__(self, kinds: Iterable[Secret] = HARMFUL) -> None:
        self._kinds = frozenset(kinds)
        self._placeholders: dict[tuple[Secret, str], str] = {}
        self._counts: Counter[Secret] = Counter()

    def redact(self, text: str) -> str:
        """``text`` with placeholders such as ``[CARD_1]``; takes time in proportion to its length."""
        for finder in _FINDERS:
            if finder.kind in self._kinds:
                text = self._without(finder, text)
        return text

    @property
    def counts(self) -> Mapping[Secret, int]:
        """How many different values of each kind were hidden so far."""
        return {kind: self._counts[kind] for kind in Secret if self._counts[kind]}

    def _without(self, finder: _Finder, text: str) -> str:
        pieces: list[str] = []
        copied = at = 0
        while match := finder.pattern.search(text, at):
            start, said = match.start("value"), match["value"]
            value = finder.value_in(said)
            if value:
                pieces += [text[copied:start], self._placeholder(finder.kind, value)]
                at = copied = start + len(value)
            else:  # the second word of what was no secret may begin one: "order 4711 4111 1111 …"
                at = start + said.find(" ") + 1 if " " in said else match.end()
        return "".join([*pieces, text[copied:]])

    def _placeholder(self, kind: Secret, value: str) -> str:
        same = value if kind is Secret.KEY else re.sub(r"[\s().-]", "", value).casefold()
        if (kind, same) not in self._placeholders:
            self._counts[kind] += 1
            self._placeholders[kind, same] = f"[{kind.upper()}_{self._counts[kind]}]"
        return self._placeholders[kind, same]


@dataclass(frozen=True, slots=True)
class _Finder:
    """``pattern`` finds candidates; ``value_in`` says which beginning of one is the secret, empty: none."""

    kind: Secret
    pattern: re.Pattern[str]
    value_in: Callable[[str], str] = str


# --- Keys and passwords -----------------------------------------------------------------------------------

_PEM = re.compile(
    r"(?P<value>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8000}"
    r"(?:-----END [A-Z ]{0,30}KEY-----)?)"
)
# The forms that vendors give their keys so that scanners find them, and JSON web tokens.
_VENDOR_KEY = re.compile(
    r"(?<![\w-])(?P<value>sk-ant-[\w-]{20,}|sk-[\w-]{20,}|(?:sk|pk|rk)_(?:live|test)_\w{16,}|gh[pousr]_\w{30,}"
    r"|github_pat_\w{40,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|glpat-[\w-]{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"
)
_NAMED_KEY = re.compile(
    r"(?i:\b(?:pass(?:word|wort|code|phrase)|pwd|passwd|kennwort|mot de passe|contraseña|senha|secret|token"
    r"|api[ _-]?key|access[ _-]?key|client[ _-]?secret)(?:\s{1,3}(?:is|ist|est|es|was))?"
    r"\s{0,3}[:=]\s{0,3}[\"'`]?)"
    r"(?P<value>[^\s\"'`\[\],;]{4,200})"
)
_SYMBOL = re.compile(r"[\d!#$%&*+=?@^_~]")


def _password_in(value: str) -> str:
    """What follows "password:", unless it is an ordinary word ("password: expired") or an address."""
    bare = value.rstrip(".!?:)")
    if len(bare) < 4 or bare.startswith(("http:", "https:")):
        return ""
    mixed = len(bare) >= 8 and not bare.islower() and not bare.isupper() and not bare.istitle()
    return bare if mixed or _SYMBOL.search(bare) else ""


# --- Numbers of accounts and cards ------------------------------------------------------------------------

_IBAN = re.compile(r"(?<!\w)(?P<value>[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30})")
# How long an IBAN is in each country (SWIFT, IBAN registry).
_IBAN_LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 "
        "ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
        "LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 "
        "RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20",
    )
}


def _iban_in(value: str) -> str:
    """As long as its country's are, and the check holds (ISO 13616: moved to the end, modulo 97 is 1)."""
    left = _IBAN_LENGTHS.get(value[:2].upper(), 0)
    end = 0
    while left and end < len(value):
        left -= value[end] != " "
        end += 1
    if left or not end or value[end : end + 1].isalnum():
        return ""
    bare = value[:end].replace(" ", "").upper()
    digits = "".join(str(int(char, 36)) for char in bare[4:] + bare[:4])
    return value[:end] if int(digits) % 97 == 1 else ""


_CARD = re.compile(
    r"(?<![\w.+-])(?P<value>\d{14,19}|\d{4}[ -]\d{4,6}[ -]\d{4,5}(?:[ -]\d{1,4}){0,2})(?![\w-]|\.\d)"
)
# By the first digits: Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro
# (ISO/IEC 7812).  13 digits are product numbers by now.
_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d|62\d\d|35(?:2[89]|[3-8]\d))\d{12,15}"
    r"|(?:50|5[6-8]|6\d)\d{14}"
)


def _card_in(value: str) -> str:
    """What a card network issues and the Luhn test passes; a check code or a year may follow."""
    while value:
        digits = value.replace(" ", "").replace("-", "")
        if _ISSUED.fullmatch(digits) and len(set(digits)) > 1 and _luhn(digits):
            return value
        value = value[: max(value.rfind(" "), value.rfind("-"), 0)]
    return ""


def _luhn(digits: str) -> bool:
    plain, doubled = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, plain)) + sum(sum(divmod(2 * int(digit), 10)) for digit in doubled)) % 10 == 0


# --- Addresses and phone numbers --------------------------------------------------------------------------

_EMAIL = re.compile(r"(?<![\w.+-])(?P<value>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})")
_PHONE = re.compile(
    r"(?<![\w.+/:-])(?P<value>\+?(?:\(\d{1,5}\)[ .\-/]{0,3})?\d(?:[ ().\-/]{0,3}\d){5,14})(?![\w-]|\.\d)"
)
_NAMED_PHONE = re.compile(
    r"(?i:(?<!\w)(?:tel(?:efono?|ephone)?|phone|mobile?|handy|fax|whatsapp|cell)(?:\s(?:no|number|nr)\b)?[.:#\s]{1,3})"
    r"(?P<value>\+?\(?\d(?:[ ().\-/]{0,3}\d){6,14})(?!\w)"
)
_NORTH_AMERICAN = re.compile(r"(?:1[-. ])?\(?[2-9]\d\d\)?[-. ]\d{3}[-. ]\d{4}")
_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\d)")


def _email_in(value: str) -> str:
    """``react@18.2.0`` is a version: the last part of a domain is letters (or the code of some, ``xn--``)."""
    last = value.rpartition(".")[2]
    return value if last.isalpha() or last.startswith("xn--") else ""


def _phone_in(value: str) -> str:
    """9 to 15 digits (E.164), written as a phone number: with a plus, or in groups that begin with 0 or (."""
    digits = sum(char.isdigit() for char in value)
    if value.startswith(("+", "(+")):
        return value if 8 <= digits <= 15 else ""
    groups = re.findall(r"\d+", value)
    if not 9 <= digits <= 15 or _DATE.match(value):
        return ""
    grouped = value.startswith(("0", "(")) and len(groups) >= 3 and len(groups[0]) >= 2
    return value if grouped or _NORTH_AMERICAN.fullmatch(value) else ""


_FINDERS = (
    _Finder(Secret.KEY, _PEM),
    _Finder(Secret.KEY, _VENDOR_KEY),
    _Finder(Secret.KEY, _NAMED_KEY, _password_in),
    _Finder(Secret.IBAN, _IBAN, _iban_in),
    _Finder(Secret.CARD, _CARD, _card_in),
    _Finder(Secret.EMAIL, _EMAIL, _email_in),
    _Finder(Secret.PHONE, _NAMED_PHONE),
    _Finder(Secret.PHONE, _PHONE, _phone_in),
)
