"""Keeps secrets and control characters out of the log, whoever wrote the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "**********"
_SHORTEST_SECRET = 4  # masking every "a" would hide the log, not the secret
_CREDENTIALS = re.compile(
    r"""(?P<keep>\bBearer\s+)[\w.~+/=-]{8,}                     # OAuth token
      | (?P<keep_basic>\bBasic\s+)(?=\S*[\d=A-Z])[\w+/]{8,}=*    # base64 of user:password
      | \bsk-ant-[\w-]+                                         # Anthropic key
      | (?P<keep_token>/token:)[^\s"'@]+                         # Zendesk's email/token:secret
      | (?P<keep_url>://[^\s/:@"']*:)[^\s/@"']+(?=@)             # password in a URL
    """,
    re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Redaction:
    """Masks the given secrets, and everything that looks like a credential, in any log value."""

    def __init__(self, secrets: Iterable[str]) -> None:
        longest_first = sorted(
            {each for each in secrets if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True
        )
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __repr__(self) -> str:
        return "Redaction()"

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        return _CREDENTIALS.sub(_masked, text)

    def value(self, value: object) -> Any:  # noqa: ANN401 - the shape of what comes in
        """``value`` without secrets, at any depth; what is neither a number nor a container becomes text."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(each) for each in value]
        return self.text(str(value))


def escape_controls(text: str) -> str:
    """``text`` on one line, in which nothing can move the cursor or turn the reading direction."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def _masked(found: re.Match[str]) -> str:
    return "".join(part for part in found.groups() if part) + MASK
