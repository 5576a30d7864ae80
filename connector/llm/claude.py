"""The classifier: asks Claude once about a ticket and says what came back and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.classify.answer import read_answer
from connector.classify.prompt import Prompt
from connector.domain.classification import Answer, Classification, Tier
from connector.domain.taxonomy import Taxonomy
from connector.errors import AnswerUnusable, SettingsError
from connector.llm.explanation import EXPLAINER, stream_explanation
from connector.llm.model_status import ModelStatus, read_status
from connector.llm.pricing import Price, cost, dearest, most
from connector.llm.request import ModelSettings, build_explanation, build_request, check_model, encode
from connector.llm.response import Message, check_whole, read_message

if TYPE_CHECKING:
    import httpx2

_HIDDEN_TOKENS = 1_000  # more than the vendor adds to a prompt for the output format


class ClaudeClassifier:
    """Claude behind the schema of the taxonomy; one object serves any number of threads."""

    def __init__(
        self,
        *,
        api_key: str,
        models: Mapping[Tier, ModelSettings],
        prompt: Prompt,
        taxonomy: Taxonomy,
        prices: Iterable[Price],
        base_url: str | None = None,
        call_seconds: float = 60.0,
        connections: int = 64,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Open the line; nothing is sent.  Raises SettingsError for what cannot work.

        ``call_seconds`` bounds a call from its first byte to the last of its answer; ``connections`` is the
        number of threads that may call at once.  Nothing is read from the environment: ``base_url`` None is
        the vendor's own, ``proxy`` None is none.  The key is kept by the vendor's client only.
        ``transport`` replaces the network, for tests.
        """
        from connector.llm.wire import Line, open_client

        for model in models.values():
            check_model(model)
        self._models = dict(models)
        self._prompt = prompt
        self._taxonomy = taxonomy
        self._prices = {price.model: price for price in prices}
        if not self._prices:
            raise SettingsError("no model has a price, so no call can be accounted for")
        self._static_bytes = len(prompt.system.encode()) + len(encode(prompt.schema).encode())
        line = Line(base_url, call_seconds, connections, proxy, ca_bundle)
        self._client = open_client(api_key, line, transport)

    def __repr__(self) -> str:
        names = ", ".join(f"{tier}={model.name}" for tier, model in self._models.items())
        return f"ClaudeClassifier({names})"

    @property
    def prompt_version(self) -> str:
        return self._prompt.version

    def model(self, tier: Tier) -> str:
        """The model's name.  Raises SettingsError for a tier that has none."""
        return self._settings(tier).name

    def price(self, tier: Tier) -> Price | None:
        """The tier's price, or None when nobody configured it."""
        return self._prices.get(self.model(tier))

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        """The most one call can cost: a token has at least one byte, and ``max_tokens`` bounds the answer.

        A model of unknown price counts as the dearest one known.
        """
        model = self._settings(tier)
        price = self._prices.get(model.name) or dearest(self._prices.values())
        prompt_tokens = self._static_bytes + len(encode(ticket).encode()) + _HIDDEN_TOKENS
        return most(price, prompt_tokens, model.max_tokens)

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        """Exactly one call about one ticket, bounded in time; never retried inside.

        An answer that cannot be used (refusal, cut off, unknown labels) is an Answer all the same, with its
        bill.  Raises Unavailable/RateLimited, AuthRefused, SettingsError or RequestRejected, nothing else.
        """
        from connector.llm.failures import explain_failure

        model = self._settings(tier)
        try:
            request = build_request(model, self._prompt, ticket)
            response = self._client.messages.with_raw_response.create(**request)
            body, request_id = response.http_response.content, response.headers.get("request-id")
        except Exception as error:  # noqa: BLE001 - whatever the vendor raises leaves as one of ours
            raise explain_failure(error, model.name) from None
        return self._understand(read_message(body), tier, request_id)

    def describe(self, tier: Tier) -> ModelStatus:
        """What the Models API says about the tier's model; free.  Raises the errors of `ask`."""
        from connector.llm.failures import explain_failure

        model = self._settings(tier)
        try:
            response = self._client.models.with_raw_response.retrieve(model.name)
            body = response.http_response.content
        except Exception as error:  # noqa: BLE001 - whatever the vendor raises leaves as one of ours
            raise explain_failure(error, model.name) from None
        return read_status(body, model)

    def explain(self, decision: Mapping[str, Any], ticket: Mapping[str, Any]) -> Iterator[str]:
        """Plain words about a recorded decision, piece by piece, from the strong model (else the cheap one).

        Raises the errors of `ask`, and AnswerUnusable at the end of a text that must be taken back.
        """
        tier = Tier.STRONG if Tier.STRONG in self._models else Tier.CHEAP
        model = self._settings(tier)
        model = replace(model, max_tokens=max(model.max_tokens, 1_000))
        request = build_explanation(model, EXPLAINER, {"decision": decision, "ticket": ticket})
        return stream_explanation(self._client, request, model.name)

    def close(self) -> None:
        """Close every connection; a call made afterwards is Unavailable."""
        self._client.close()

    def _settings(self, tier: Tier) -> ModelSettings:
        try:
            return self._models[tier]
        except KeyError:
            raise SettingsError(f"no model is configured for the {tier} tier") from None

    def request(self, tier: Tier, ticket: Mapping[str, Any]) -> dict[str, Any]:
        """What `ask` sends, for whoever sends it in another way.  Raises SettingsError."""
        return build_request(self._settings(tier), self._prompt, ticket)

    def understand(self, message: Message, tier: Tier, price: Decimal) -> Answer:
        """The answer in a message, at so many times the listed price."""
        answer = self._understand(message, tier, None)
        listed = answer.usage.cost_usd
        if listed is None:
            return answer
        return replace(answer, usage=replace(answer.usage, cost_usd=listed * price))

    def _understand(self, message: Message, tier: Tier, request_id: str | None) -> Answer:
        model = self._models[tier].name
        price = self._prices.get(model) if message.is_metered else None
        classification: Classification | None = None
        unusable: str | None = None
        try:
            check_whole(message)
            classification = read_answer(message.text, self._taxonomy, tier, message.model or model)
        except AnswerUnusable as error:
            unusable = error.code
        return Answer(
            classification=classification,
            usage=replace(message.usage, cost_usd=cost(price, message.usage)),
            model=message.model or model,
            stop_reason=message.stop_reason,
            request_id=request_id,
            unusable=unusable,
        )
