"""What a pass did, counted from its events."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.ports import Event

_FAILED = {"rejected", "failed"}  # outcomes of writes that a person should look at


class Summary:
    """An observer that adds up a pass; safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.polled = 0
        self.screened: Counter[str] = Counter()
        self.decided: Counter[str] = Counter()  # per tier; "none" where no tier was asked
        self.written: Counter[str] = Counter()  # per outcome
        self.languages: Counter[str] = Counter()  # of what was decided, where languages are told apart
        self.escalated = 0
        self.failed = 0
        self.model_calls = 0
        self.cost_usd = Decimal(0)

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._count(event.name, event.facts)

    def _count(self, name: str, facts: Mapping[str, Any]) -> None:
        match name:
            case "page.stored":
                self.polled += facts["tickets"]
                self.screened.update({str(key): count for key, count in facts["dispositions"].items()})
            case "ticket.decided":
                self.decided[facts["tier"] or "none"] += 1
                self.languages.update([facts["language"]] if facts.get("language") else [])
                self.escalated += facts["kind"] == "escalated"
                self.failed += facts["kind"] == "failed_open"
            case "ticket.written":
                self.written[facts["outcome"]] += 1
                self.failed += facts["outcome"] in _FAILED
            case "model.called":
                self.model_calls += 1
                self.cost_usd += facts.get("cost_usd") or Decimal(0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened yet."""
        with self._lock:
            return not (self.polled or self.model_calls or self.decided or self.written)

    def as_json(self) -> dict[str, Any]:
        """The object that ``run --once --json`` prints; ``cost`` is USD."""
        with self._lock:
            return {
                "polled": self.polled,
                "screened": dict(sorted(self.screened.items())),
                "decided": dict(sorted(self.decided.items())),
                "languages": dict(sorted(self.languages.items())),
                "written": dict(sorted(self.written.items())),
                "escalated": self.escalated,
                "failed": self.failed,
                "model_calls": self.model_calls,
                "cost": float(round(self.cost_usd, 6)),
            }
