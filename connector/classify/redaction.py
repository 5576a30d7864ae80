"""Taking out of a text what no model needs: card and account numbers, keys, addresses, phone numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial


class Secret(StrEnum):
    """What can be taken out; the value is the placeholder's name in lower case."""

    KEY = "key"
    CARD = "card"
    IBAN = "iban"
    EMAIL = "email"
    PHONE = "phone"


ALWAYS = frozenset({Secret.KEY, Secret.CARD})
"""What nobody wants a model to see, whatever the settings say."""


class Redactor:
    """Hides the chosen kinds; the same value has the same placeholder in every text of one redactor.

    Names are not found: without a model that would be a promise nobody can keep.
    """

    def __init__(self, kinds: Iterable[Secret] = ALWAYS) -> None:
        self._kinds = ALWAYS | frozenset(kinds)
        self._known: dict[tuple[Secret, str], str] = {}

    def redact(self, text: str) -> str:
        """``text`` with placeholders such as ``[CARD_1]``; takes time in proportion to its length."""
        for kind, pattern, find in _FINDERS:
            if kind in self._kinds:
                text = pattern.sub(partial(self._hide, kind, find), text)
        return text

    @property
    def counts(self) -> Mapping[Secret, int]:
        """How many different values of each kind were hidden so far."""
        kinds = [kind for kind, _ in self._known]
        return {kind: kinds.count(kind) for kind in Secret if kind in kinds}

    def _hide(self, kind: Secret, find: Callable[[str], str], match: re.Match[str]) -> str:
        value = find(match.group("value"))
        if not value:
            return match.group()
        same = value if kind is Secret.KEY else re.sub(r"[\s().-]", "", value).casefold()
        number = 1 + sum(1 for known, _ in self._known if known is kind)
        placeholder = self._known.setdefault((kind, same), f"[{kind.upper()}_{number}]")
        before, _, after = match.group().partition(value)
        return f"{before}{placeholder}{after}"


def _card_in(value: str) -> str:
    """14 to 19 digits that pass the Luhn test (ISO/IEC 7812); 13 digits are product numbers by now."""
    digits = [int(char) for char in value if char.isdigit()]
    if not 14 <= len(digits) <= 19 or len(set(digits)) == 1:
        return ""
    doubled = [
        digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(reversed(digits))
    ]
    return value if sum(doubled) % 10 == 0 else ""


def _iban_in(value: str) -> str:
    """The check digits hold (ISO 13616: moved to the end, as a number, modulo 97 is 1); words may follow."""
    while value:
        bare = value.replace(" ", "").upper()
        digits = "".join(str(int(char, 36)) for char in bare[4:] + bare[:4])
        if 15 <= len(bare) <= 34 and int(digits) % 97 == 1:
            return value
        value = value.rpartition(" ")[0]
    return ""


def _phone_in(value: str) -> str:
    """9 to 15 digits (E.164), written as a phone number: with a plus, or in groups that begin with 0 or (."""
    international = value.startswith(("+", "00"))
    if not (8 if international else 9) <= sum(char.isdigit() for char in value) <= 15:
        return ""
    grouped = len(re.findall(r"\d+", value)) >= 3 and value.startswith(("0", "("))
    return value if international or grouped or _NORTH_AMERICAN.fullmatch(value) else ""


_NORTH_AMERICAN = re.compile(r"(?:1[-. ])?\(?[2-9]\d\d\)?[-. ]\d{3}[-. ]\d{4}")
_PREFIXED_KEY = (
    r"sk-ant-[\w-]{20,}|sk-[\w-]{20,}|(?:sk|pk|rk)_(?:live|test)_\w{16,}|gh[pousr]_\w{30,}|github_pat_\w{40,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|glpat-[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
)
_NAMED_KEY = (
    r"(?:pass(?:word|wort|code|phrase)?|pwd|passwd|kennwort|mot de passe|contraseña|senha|secret|token"
    r"|api[ _-]?key|access[ _-]?key|client[ _-]?secret)(?:\s+(?:is|ist|est|es|was))?\s*[:=]\s*[\"'`]?"
)
_FINDERS: tuple[tuple[Secret, re.Pattern[str], Callable[[str], str]], ...] = (
    (
        Secret.KEY,
        re.compile(
            r"(?P<value>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
            r"[A-Za-z0-9+/=\s]{0,8000}(?:-----END [A-Z ]{0,30}KEY-----)?)"
        ),
        str,
    ),
    (Secret.KEY, re.compile(rf"(?<![\w-])(?P<value>{_PREFIXED_KEY})"), str),
    (Secret.KEY, re.compile(rf"(?i:\b{_NAMED_KEY})(?P<value>[^\s\"'`\[\],;]{{4,200}})"), str),
    (
        Secret.IBAN,
        re.compile(r"(?<!\w)(?P<value>[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{2,4}){3,8})(?!\w)"),
        _iban_in,
    ),
    (Secret.CARD, re.compile(r"(?<![\w.+-])(?P<value>\d(?:[ -]?\d){13,18})(?![\w-]|\.\d)"), _card_in),
    (
        Secret.EMAIL,
        re.compile(r"(?<![\w.+-])(?P<value>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8})"),
        str,
    ),
    (
        Secret.PHONE,
        re.compile(r"(?<![\w.+/:-])(?P<value>(?:\+|00)?\(?\d(?:[ ().\-/]{0,2}\d){7,14})(?![\w-]|\.\d)"),
        _phone_in,
    ),
)
