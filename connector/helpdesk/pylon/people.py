"""People at Pylon: which contacts have an e-mail address."""

from __future__ import annotations

from typing import Any

from connector.errors import Unavailable
from connector.helpdesk.pylon.pagination import next_cursor
from connector.helpdesk.pylon.payload import ContactRow, ContactsBody, decode
from connector.helpdesk.transport import Transport

_PATH = "/contacts/search"
_LIMIT = 100


def find_contacts(transport: Transport, email: str) -> tuple[str, ...]:
    """The ids of the contacts with this address, whatever its case.

    A part of an address finds whole ones too, and `equals` may mind the case (Pylon, Search for contacts), so
    what contains the address is compared.  Raises Unavailable or AuthRefused.
    """
    wanted = email.strip().casefold()
    question: dict[str, Any] = {
        "filter": {"field": "email", "operator": "string_contains", "value": email.strip()},
        "limit": _LIMIT,
    }
    found: list[str] = []
    seen: set[str] = set()
    while True:
        reply = transport.ask(_PATH, question)
        if not reply.is_ok:
            raise Unavailable(f"POST {_PATH} answered {reply.status}")
        body = decode(reply.body, ContactsBody, f"POST {_PATH}")
        found += [row.id for row in body.data or () if wanted in _addresses(row)]
        cursor = next_cursor(body.pagination, seen, f"POST {_PATH}")
        if cursor is None:
            return tuple(found)
        question = question | {"cursor": cursor}


def _addresses(row: ContactRow) -> set[str]:
    return {each.casefold() for each in (row.email, *(row.emails or ())) if each}
