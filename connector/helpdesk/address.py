"""The one address that a helpdesk's credentials may be sent to."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from connector.errors import SettingsError

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; ``url`` has no trailing slash."""

    scheme: str
    host: str
    url: str

    def has_domain(self, domain: str) -> bool:
        """Whether the host is ``domain`` or one of its subdomains."""
        return self.host == domain or self.host.endswith("." + domain)


def parse_origin(base_url: str) -> Origin:
    """The origin of ``base_url``: https anywhere, http only on this machine, nothing after the host.

    Raises SettingsError, which never repeats the address: it might hold a password.
    """
    try:
        parts = urlsplit(base_url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise SettingsError("the helpdesk's base_url is not a URL") from None
    if problem := _problem(parts, host):
        raise SettingsError(f"the helpdesk's base_url {problem}")
    shown = f"[{host}]" if ":" in host else host
    return Origin(parts.scheme, host, f"{parts.scheme}://{shown}" + (f":{port}" if port else ""))


def _problem(parts: SplitResult, host: str) -> str | None:
    if "@" in parts.netloc:
        return "must not hold a user name or password; credentials have their own settings"
    if not host or not (_NAME.fullmatch(host) or _address(host)):
        return "names no host, or one with characters that host names do not have"
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        return "must begin with https:// (http:// is for this machine only)"
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "must end after the host, such as https://acme.zendesk.com"
    return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
