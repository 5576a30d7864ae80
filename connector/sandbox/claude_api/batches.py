"""Message batches: many requests handed in at once, answered later at half the price."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from connector.sandbox.claude_api.rejection import Rejected, invalid
from connector.sandbox.claude_api.rfc3339 import moment

Json = dict[str, Any]
Ask = Callable[[Mapping[str, Any]], Json]
"""Answers one ``params`` object; raises Rejected."""
Fate = Callable[[str, Mapping[str, Any]], str | Rejected | None]
"""What becomes of a request, by its ``custom_id`` and ``params``: "expired", an error, or None: an answer."""

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MAX_REQUESTS = 100_000
_DAY_SECONDS = 86_400
_MAX_PAGE = 1_000
_RESULTS_SECONDS = 29 * _DAY_SECONDS  # after the creation of their batch
_OUTCOMES = ("succeeded", "errored", "canceled", "expired")
_NOT_IN_BATCHES = ("stream", "speed")


@dataclass(slots=True)
class _Batch:
    id: str
    created_at: float
    requests: Sequence[Mapping[str, Any]]
    canceled_at: float | None = None
    ended_at: float | None = None
    results: list[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Received:
    """A request that was handed in as part of a batch that was accepted."""

    batch_id: str
    custom_id: str
    params: Mapping[str, Any]


class Batches:
    """Batches end ``seconds`` after their creation; their requests are checked and answered only then.

    One with a request whose ``fate`` is to expire ends after 24 hours; results can be had for 29 days.
    Source: the vendor's page "Batch processing".
    """

    def __init__(
        self,
        ask: Ask,
        now: Callable[[], float],
        seconds: float,
        new_id: Callable[[str], str],
        fate: Fate | None = None,
    ) -> None:
        self._fate = fate or (lambda _custom_id, _params: None)
        self._ask = ask
        self._now = now
        self._seconds = seconds
        self._new_id = new_id
        self._batches: dict[str, _Batch] = {}
        self._lock = Lock()

    @property
    def received(self) -> tuple[Received, ...]:
        """Every request of every batch that was accepted, in order of arrival, without deleted batches."""
        with self._lock:
            return tuple(
                Received(batch.id, request["custom_id"], request.get("params") or {})
                for batch in self._batches.values()
                for request in batch.requests
            )

    def create(self, body: Mapping[str, Any], url: str) -> Json:
        """Accept a batch; only the envelope is checked now."""
        requests = body.get("requests")
        if not isinstance(requests, list) or not requests:
            raise invalid("requests: at least one request is required")
        if len(requests) > _MAX_REQUESTS:
            raise invalid(f"requests: at most {_MAX_REQUESTS} requests are allowed")
        _check_ids(requests)
        batch = _Batch(self._new_id("msgbatch_"), self._now(), requests)
        with self._lock:
            self._batches[batch.id] = batch
        return _describe(batch, url, self._now())

    def retrieve(self, batch_id: str, url: str) -> Json:
        """The batch as it is now."""
        return _describe(self._find(batch_id), url, self._now())

    def page(self, query: Mapping[str, str], url: str) -> Json:
        """Newest first; ``limit``, ``after_id`` and ``before_id`` as everywhere in this API."""
        with self._lock:
            newest = list(reversed(self._batches))
        return page_of([_describe(self._find(each), url, self._now()) for each in newest], query)

    def cancel(self, batch_id: str, url: str) -> Json:
        """Ask for the end; what has not been answered by then never will be."""
        batch = self._find(batch_id)
        if batch.ended_at is not None:
            raise invalid(f"Batch {batch_id} cannot be canceled because it has ended.")
        batch.canceled_at = batch.canceled_at or self._now()
        return _describe(batch, url, self._now())

    def delete(self, batch_id: str) -> Json:
        """Forget a batch that has ended."""
        if self._find(batch_id).ended_at is None:
            raise invalid(f"Batch {batch_id} cannot be deleted because it has not ended.")
        with self._lock:
            del self._batches[batch_id]
        return {"id": batch_id, "type": "message_batch_deleted"}

    def results(self, batch_id: str) -> bytes:
        """One JSON object per line, in no particular order."""
        batch = self._find(batch_id)
        if batch.ended_at is None:
            raise Rejected(404, f"Batch {batch_id} has no results yet.")
        if _is_archived(batch, self._now()):
            raise Rejected(404, f"The results of batch {batch_id} are not available any more.")
        return "".join(json.dumps(result) + "\n" for result in reversed(batch.results)).encode()

    def _find(self, batch_id: str) -> _Batch:
        with self._lock:
            batch = self._batches.get(batch_id)
            if batch is None:
                raise Rejected(404, f"Message batch {batch_id} not found.")
            self._work(batch)
            return batch

    def _work(self, batch: _Batch) -> None:
        now = self._now()
        due = batch.created_at + (_DAY_SECONDS if self._expires(batch) else min(self._seconds, _DAY_SECONDS))
        if batch.ended_at is not None or (batch.canceled_at is None and now < due):
            return
        batch.ended_at = now
        for request in batch.requests:
            batch.results.append({"custom_id": request["custom_id"], "result": self._result(batch, request)})

    def _expires(self, batch: _Batch) -> bool:
        fates = (self._fate(each["custom_id"], each.get("params") or {}) for each in batch.requests)
        return any(fate == "expired" for fate in fates)

    def _result(self, batch: _Batch, request: Mapping[str, Any]) -> Json:
        if batch.canceled_at is not None:
            return {"type": "canceled"}
        if self._seconds > _DAY_SECONDS:
            return {"type": "expired"}
        params = request.get("params")
        fate = self._fate(request["custom_id"], params or {})
        if fate == "expired":
            return {"type": "expired"}
        try:
            if isinstance(fate, Rejected):
                raise fate
            if not isinstance(params, dict):
                raise invalid("params: Field required")
            for name in _NOT_IN_BATCHES:
                if params.get(name):
                    raise invalid(f"{name}: not supported in message batches")
            return {"type": "succeeded", "message": self._ask(params)}
        except Rejected as rejected:
            return {"type": "errored", "error": rejected.body(self._new_id("req_"))}


def page_of(items: Sequence[Json], query: Mapping[str, str]) -> Json:
    """One page of a list, in the shape of all lists of this API."""
    ids = [item["id"] for item in items]
    start = ids.index(query["after_id"]) + 1 if query.get("after_id") in ids else 0
    end = ids.index(query["before_id"]) if query.get("before_id") in ids else len(items)
    asked = query.get("limit", "20")
    if not asked.isdecimal() or not 1 <= int(asked) <= _MAX_PAGE:
        raise invalid(f"limit: Input should be between 1 and {_MAX_PAGE}")
    limit = int(asked)
    shown = list(items[start:end][:limit])
    return {
        "data": shown,
        "has_more": end - start > limit,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _check_ids(requests: Sequence[Any]) -> None:
    seen: set[str] = set()
    for at, request in enumerate(requests):
        custom_id = request.get("custom_id") if isinstance(request, dict) else None
        if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
            raise invalid(f"requests.{at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if custom_id in seen:
            raise invalid(f"requests.{at}.custom_id: Duplicate custom_id '{custom_id}'")
        seen.add(custom_id)


def _is_archived(batch: _Batch, now: float) -> bool:
    return now >= batch.created_at + _RESULTS_SECONDS


def _describe(batch: _Batch, url: str, now: float) -> Json:
    ended = batch.ended_at is not None
    archived = _is_archived(batch, now)
    status = "ended" if ended else "canceling" if batch.canceled_at is not None else "in_progress"
    counted = Counter(result["result"]["type"] for result in batch.results)
    counts = {name: counted[name] for name in _OUTCOMES}
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": counts | {"processing": 0 if ended else len(batch.requests)},
        "created_at": moment(batch.created_at),
        "expires_at": moment(batch.created_at + _DAY_SECONDS),
        "ended_at": None if batch.ended_at is None else moment(batch.ended_at),
        "cancel_initiated_at": None if batch.canceled_at is None else moment(batch.canceled_at),
        "archived_at": moment(batch.created_at + _RESULTS_SECONDS) if archived else None,
        "results_url": f"{url}/v1/messages/batches/{batch.id}/results" if ended and not archived else None,
    }
