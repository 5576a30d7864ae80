"""What a single setting may look like: names, shares, addresses, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from string import Formatter
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from connector.domain.taxonomy import Axis
from connector.local.language import CODES

Loc = tuple[str | int, ...]
"""Where a setting is: ``("rules", 1, "regex")``."""

TABLE = ConfigDict(
    extra="forbid",
    frozen=True,
    hide_input_in_errors=True,
    str_strip_whitespace=True,
    allow_inf_nan=False,
)

FOREVER: Literal["forever"] = "forever"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_URL = re.compile(r"[!-\[\]-~]+")  # printable ASCII without the backslash
_ADDRESS = re.compile(r"[a-z][a-z0-9+]*://")
_STORE_URL = re.compile(r"sqlite(\+\w+)?:///(?!:memory:)[^?\s]+\S*|postgresql(\+\w+)?://\S+")
_QUEUE = re.compile(r"[a-z0-9_/-]+")
_TAG_PREFIX = re.compile(r"[a-z][a-z0-9_/-]{0,19}")
_NO_ADDRESS = "should be an address of this machine and a port, such as 127.0.0.1:8079"


def several(problems: Iterable[tuple[Loc, str]]) -> None:
    """Raise one ValidationError that holds every problem at its own place; without problems do nothing."""
    details = [
        InitErrorDetails(type=PydanticCustomError("refused", message), loc=loc, input=None)
        for loc, message in problems
    ]
    if details:
        raise ValidationError.from_exception_data("settings", details, hide_input=True)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("should be lower_snake_case of at most 40 characters, such as bug_report")
    return value


def _one_or_many(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    return [value] if isinstance(value, str) else value


def _split(value: str) -> SplitResult:
    if not _URL.fullmatch(value):
        raise ValueError("is not a URL")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    return parts


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _service_url(value: str) -> str:
    """An address that credentials may be sent to: https by name, or http on this machine."""
    parts = _split(value)
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise ValueError("should not hold a user name or password; credentials have their own keys")
    if not _HOST.fullmatch(host) and not _is_address(host):
        raise ValueError("should be like https://example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("should begin with https:// (http:// only for this machine)")
    if _is_address(host) and not is_loopback(host):
        raise ValueError("should name a host, not an IP address")
    if parts.query or parts.fragment:
        raise ValueError("should not hold a query or a fragment")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _host_url(value: str) -> str:
    url = _service_url(value)
    if urlsplit(url).path:
        raise ValueError("should end after the host name, such as https://acme.zendesk.com")
    return url


def _secret(value: SecretStr) -> SecretStr:
    plain = value.get_secret_value().strip()
    if not plain:
        raise ValueError("is empty")
    if not plain.isprintable():
        raise ValueError("holds a line break or another character that no credential has")
    return SecretStr(plain)


def _proxy(value: SecretStr) -> SecretStr:
    parts = _split(value.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("should be like http://proxy.example.com:3128")
    return value


def _store_url(value: SecretStr) -> SecretStr:
    if not _STORE_URL.fullmatch(value.get_secret_value()):
        raise ValueError("should be like sqlite:///connector.db or postgresql://user:password@host/database")
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(rf"(?<!\w)(?:{value})(?!\w)", re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {getattr(error, 'msg', error)}") from None
    return value


def _queue(value: str) -> str:
    """A queue name in which {team}, {type}, {urgency} and {sentiment} are filled in later."""
    try:
        pieces = list(Formatter().parse(value))
    except ValueError:
        raise ValueError("has a brace without its partner") from None
    for text, key, format_spec, conversion in pieces:
        if key is not None and (key not in {*Axis} or format_spec or conversion):
            raise ValueError("may hold {team}, {type}, {urgency} and {sentiment}, nothing else in braces")
        if text and not _QUEUE.fullmatch(text):
            raise ValueError("should be of a-z, 0-9, '_', '-' and '/': it becomes a tag")
    return value


def _listen(value: str) -> str:
    host, port = host_and_port(value)
    if not (_HOST.fullmatch(host) or _is_address(host)) or not 0 <= port <= 65_535:
        raise ValueError(_NO_ADDRESS)
    return value


def host_and_port(value: str) -> tuple[str, int]:
    """The two parts of an address to listen on; that of IPv6 stands in brackets."""
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port):
        raise ValueError(_NO_ADDRESS)
    return host.removeprefix("[").removesuffix("]"), int(port)


def _retention_days(value: object) -> object:
    days = str(value).strip()
    if days == FOREVER:
        return days
    if not re.fullmatch(r"[0-9]{1,5}", days):
        raise ValueError('should be a whole number of days, at most 99999, or "forever"')
    return int(days)


def _language(value: str) -> str:
    if value not in CODES:
        raise ValueError(f'"{value}" is not the code of a language we can tell, such as "de"')
    return value


def _tag_prefix(value: str) -> str:
    if not _TAG_PREFIX.fullmatch(value):
        raise ValueError("should be of a-z, 0-9, '_', '-' and '/', at most 20 characters, such as ai_")
    return value


def password_in(url: str) -> str | None:
    """The password inside a URL, as written, or None."""
    try:
        return urlsplit(url).password or None
    except ValueError:
        return None


def secret_in(value: SecretStr) -> tuple[str, ...]:
    """The strings in ``value`` that must never be shown; of a URL only its password counts."""
    plain = value.get_secret_value()
    if not _ADDRESS.match(plain):
        return (plain,)
    password = password_in(plain)
    return tuple({password, unquote(password)}) if password else ()


Name = Annotated[str, AfterValidator(_name)]
Text = Annotated[str, Field(min_length=1)]
AnyOf = Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1)]
ServiceUrl = Annotated[str, AfterValidator(_service_url)]
HostUrl = Annotated[str, AfterValidator(_host_url)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy)]
StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]
ListenAddress = Annotated[str, AfterValidator(_listen)]
Pattern = Annotated[Text, AfterValidator(_pattern)]
QueueTemplate = Annotated[Text, AfterValidator(_queue)]
RetentionDays = Annotated[int | Literal["forever"], BeforeValidator(_retention_days)]
Language = Annotated[str, AfterValidator(_language)]
TagPrefix = Annotated[str, AfterValidator(_tag_prefix)]
