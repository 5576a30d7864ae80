"""Pylon's accounts: the name, the tier and the revenue of the customer behind an issue."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from connector.errors import Unavailable
from connector.helpdesk.decoding import without_nul
from connector.helpdesk.pylon.payload import AccountBody, AccountRow, decode
from connector.helpdesk.transport import Transport
from connector.ports import Clock

_FRESH_SECONDS = 3600.0
_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Customer:
    """An account, as far as triage cares."""

    name: str | None = None
    tier: str | None = None
    arr_usd: Decimal | None = None


NOBODY = Customer()


class Accounts:
    """Looks accounts up, each at most once an hour, and only where a setting needs one.  Thread-safe.

    Pylon has no tier of its own: ``tier_field`` and ``arr_field`` are slugs of the account's custom fields,
    ``tier_tags`` maps tags of the account, or of the issue, to a tier.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        tier_field: str | None = None,
        arr_field: str | None = None,
        tier_tags: Mapping[str, str] | None = None,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._tier_field = tier_field
        self._arr_field = arr_field
        self._tier_tags = dict(tier_tags or {})
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Customer]] = OrderedDict()

    def customer(self, account_id: str | None) -> Customer:
        """The customer of an account; nobody where there is none.  Raises Unavailable or AuthRefused."""
        if account_id is None or not (self._tier_field or self._arr_field or self._tier_tags):
            return NOBODY
        now = self._clock.monotonic()
        with self._lock:
            read_at, known = self._known.get(account_id, (0.0, None))
        if known is not None and now - read_at < _FRESH_SECONDS:
            return known
        customer = self._look_up(account_id)
        with self._lock:
            self._known[account_id] = (now, customer)
            self._known.move_to_end(account_id)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return customer

    def tier_of_tags(self, tags: Iterable[str]) -> str | None:
        return next((self._tier_tags[tag] for tag in tags if tag in self._tier_tags), None)

    def _look_up(self, account_id: str) -> Customer:
        path = f"/accounts/{quote(account_id, safe='')}"
        reply = self._transport.get(path)
        if reply.status == 404:
            return NOBODY
        if not reply.is_ok:
            raise Unavailable(f"GET {path} answered {reply.status}")
        return self._read(decode(reply.body, AccountBody, f"GET {path}").data or AccountRow())

    def _read(self, row: AccountRow) -> Customer:
        fields = row.custom_fields or {}
        tier = field_value(fields, self._tier_field) or self.tier_of_tags(row.tags or ())
        return Customer(without_nul(row.name) if row.name else None, tier, _money(fields, self._arr_field))


def field_value(fields: Mapping[str, Any] | None, slug: str | None) -> str | None:
    """The value of a custom field as text; None where it has none, or several."""
    field = (fields or {}).get(slug) if slug else None
    told = field.get("value") if isinstance(field, dict) else None
    is_value = isinstance(told, str | int | float) and not isinstance(told, bool) and told != ""
    return without_nul(str(told)) if is_value else None


def _money(fields: Mapping[str, Any], slug: str | None) -> Decimal | None:
    try:
        amount = Decimal((field_value(fields, slug) or "").strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
