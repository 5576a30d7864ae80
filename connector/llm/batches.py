"""Message batches at Claude: many questions handed in at once, answered within a day at half the price.

What the vendor promises and does not is on its page "Batch processing": no idempotency, results in any order,
24 hours until what is left expires, 29 days until results are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from connector.domain.classification import Answer, Tier
from connector.errors import AnswerUnusable, ConnectorError, SettingsError, Unavailable
from connector.llm.claude import ClaudeClassifier
from connector.llm.pricing import BATCH_PRICE
from connector.llm.provider import Provider
from connector.llm.response import message_in
from connector.pipeline.batching import Handed, Item

if TYPE_CHECKING:
    import httpx2

_CALL_SECONDS = 300.0  # tens of megabytes go up, and come down
_MOST_BYTES = 256 * 1024 * 1024
_PATH = "/v1/messages/batches"
_PAGE = 100


class ClaudeBatches:
    """A `BatchLine` of the pipeline; raises the errors of `ClaudeClassifier.ask`."""

    def __init__(
        self,
        classifier: ClaudeClassifier,
        provider: Provider,
        *,
        base_url: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Open a line of its own; nothing is sent.  ``transport`` replaces the network, for tests.

        Raises SettingsError for a provider that takes no batches.
        """
        from connector.llm.wire import Line

        if not provider.abilities.batches:
            raise SettingsError(f"{provider.wording.service} takes no message batches; leave --batch out")
        self._provider = provider
        self._classifier = classifier
        line = Line(base_url, _CALL_SECONDS, connections=2, most_bytes=_MOST_BYTES)
        self._client = provider.open(line, transport)

    def model(self, tier: Tier) -> str:
        return self._classifier.model(tier)

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        return self._classifier.reserve_usd(tier, ticket) * BATCH_PRICE

    def submit(self, items: Sequence[Item]) -> str:
        requests = [
            {"custom_id": item.custom_id, "params": self._classifier.request(item.tier, item.ticket)}
            for item in items
        ]
        made = self._json(lambda: self._client.post(_PATH, body={"requests": requests}, cast_to=_response()))
        if not isinstance(made, dict) or not isinstance(made.get("id"), str):
            raise Unavailable("Claude's answer is not a batch; is a proxy answering in its place?")
        return str(made["id"])

    def handed_since(self, moment: datetime) -> Iterator[Handed]:
        after: dict[str, str] = {}
        while True:
            query = {"limit": str(_PAGE)} | after
            page = self._json(
                lambda query=query: self._client.get(  # type: ignore[misc]  # bound at once
                    _PATH, cast_to=_response(), options={"params": query}
                )
            )
            found = [_handed(each) for each in _list(page)]
            for each in found:  # the newest first
                if each.created_at < moment:
                    return
                yield each
            if not found or page.get("has_more") is not True:
                return
            after = {"after_id": found[-1].id}

    def look(self, batch_id: str) -> Handed | None:
        said = self._json(lambda: self._client.get(f"{_PATH}/{batch_id}", cast_to=_response()), may_lack=True)
        return None if said is None else _handed(said)

    def results(self, batch_id: str, tiers: Mapping[str, Tier]) -> Mapping[str, Answer | str] | None:
        body = self._fetch(
            lambda: self._client.get(f"{_PATH}/{batch_id}/results", cast_to=_response()), may_lack=True
        )
        return None if body is None else dict(self._read(body, tiers))

    def close(self) -> None:
        self._client.close()

    def _read(self, body: bytes, tiers: Mapping[str, Tier]) -> Iterator[tuple[str, Answer | str]]:
        """One result per line; a line that nobody can read is left out, and its question stays unanswered."""
        for line in body.splitlines():
            try:
                said = msgspec.json.decode(line)
            except (ValueError, RecursionError):
                continue
            custom_id = said.get("custom_id") if isinstance(said, dict) else None
            tier = tiers.get(custom_id) if isinstance(custom_id, str) else None
            if isinstance(said, dict) and isinstance(custom_id, str) and tier is not None:
                yield custom_id, self._understand(said.get("result"), tier)

    def _understand(self, result: object, tier: Tier) -> Answer | str:
        kind = result.get("type") if isinstance(result, dict) else None
        if not isinstance(result, dict) or kind not in ("succeeded", "errored", "canceled", "expired"):
            return "unreadable"
        if kind != "succeeded":
            return str(kind)
        try:
            return self._classifier.understand(
                message_in(result.get("message"), self._classifier.tool(tier)), tier, BATCH_PRICE
            )
        except (Unavailable, AnswerUnusable):
            return "unreadable"

    def _json(self, send: Callable[[], httpx2.Response], *, may_lack: bool = False) -> Any:  # noqa: ANN401 - JSON is anything
        body = self._fetch(send, may_lack=may_lack)
        if body is None:
            return None
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError):
            raise Unavailable("Claude's answer is not JSON; is a proxy answering in its place?") from None

    def _fetch(self, send: Callable[[], httpx2.Response], *, may_lack: bool = False) -> bytes | None:
        """The body of the answer; None for what the vendor does not have, where that ``may_lack``."""
        from anthropic import NotFoundError

        from connector.llm.failures import explain_failure

        try:
            return send().content
        except NotFoundError as error:
            if may_lack:
                return None
            raise explain_failure(error, "batches", self._provider.wording) from None
        except ConnectorError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the vendor raises leaves as one of ours
            raise explain_failure(error, "batches", self._provider.wording) from None


def _response() -> type[httpx2.Response]:
    import httpx2

    return httpx2.Response


def _list(page: object) -> Sequence[object]:
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise Unavailable("Claude's answer is not a list of batches; is a proxy answering in its place?")
    return list(page["data"])


def _handed(said: object) -> Handed:
    """A batch as the vendor describes it; its counts add up to what was handed in, at every moment."""
    try:
        described = msgspec.convert(said, _Batch)
    except msgspec.ValidationError:
        raise Unavailable("Claude's answer is not a batch; is a proxy answering in its place?") from None
    return Handed(
        id=described.id,
        created_at=described.created_at.astimezone(UTC),
        questions=sum(described.request_counts.values()),
        has_ended=described.processing_status == "ended",
    )


class _Batch(msgspec.Struct):
    id: str
    created_at: datetime
    processing_status: str
    request_counts: dict[str, int]
