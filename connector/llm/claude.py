"""The classifier: asks Claude once about a ticket and says what came back and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from connector.classify.answer import read_answer
from connector.classify.prompt import Prompt
from connector.domain.classification import Answer, Classification, Tier
from connector.domain.taxonomy import Taxonomy
from connector.errors import AnswerUnusable, SettingsError
from connector.llm.answer_tool import TOOL, spoken_by_tool, version_by_tool
from connector.llm.cautions import cautions
from connector.llm.explanation import EXPLAINER, stream_explanation
from connector.llm.model_status import UNLISTED, ModelStatus, read_status
from connector.llm.pricing import Price, cost, dearest, most
from connector.llm.provider import Provider
from connector.llm.request import ModelSettings, build_explanation, build_request, check_model, encode
from connector.llm.response import Message, check_whole, read_message
from connector.llm.schema_limits import check_schema

if TYPE_CHECKING:
    import anthropic
    import httpx2

Output = Literal["auto", "schema", "tool"]

_HIDDEN_TOKENS = 1_000  # more than the vendor adds to a prompt for the output format


class ClaudeClassifier:
    """Claude behind the schema of the taxonomy; one object serves any number of threads."""

    def __init__(
        self,
        *,
        provider: Provider,
        models: Mapping[Tier, ModelSettings],
        prompt: Prompt,
        taxonomy: Taxonomy,
        prices: Iterable[Price],
        base_url: str | None = None,
        call_seconds: float = 60.0,
        connections: int = 64,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        output: Output = "auto",
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Open the line; nothing is sent.  Raises SettingsError for what cannot work.

        ``call_seconds`` bounds a call from its first byte to the last of its answer; ``connections`` is the
        number of threads that may call at once.  Nothing is read from the environment: ``base_url`` None is
        the provider's own, ``proxy`` None is none.  Credentials are kept by the vendor's client only.
        ``output`` is how models answer: "schema" (structured outputs), "tool", or "auto", which is whatever
        the provider has for a model.  ``transport`` replaces the network, for tests.
        """
        from connector.llm.wire import Line

        for model in models.values():
            check_model(model)
        check_schema(prompt.schema)
        self._models = dict(models)
        self._prompt = prompt
        self._taxonomy = taxonomy
        self._prices = {price.model: price for price in prices}
        if not self._prices:
            raise SettingsError("no model has a price, so no call can be accounted for")
        self._provider = provider
        self._by_tool = frozenset(
            tier
            for tier, model in models.items()
            if output == "tool" or (output == "auto" and not provider.takes_schema(model.name))
        )
        spoken = spoken_by_tool(prompt).system if self._by_tool else prompt.system
        self._static_bytes = len(spoken.encode()) + len(encode(prompt.schema).encode())
        line = Line(base_url, call_seconds, connections, proxy, ca_bundle)
        self._client = provider.open(line, transport)

    def __repr__(self) -> str:
        names = ", ".join(f"{tier}={model.name}" for tier, model in self._models.items())
        return f"ClaudeClassifier({names})"

    @property
    def prompt_version(self) -> str:
        return version_by_tool(self._prompt.version, self._by_tool)

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
        message, request_id = self._call(tier, ticket, {})
        return self._understand(message, tier, request_id)

    def describe(self, tier: Tier) -> ModelStatus:
        """What is known about the tier's model.  Raises the errors of `ask`.

        The vendor's Models API says it for free.  Other homes have none: there one real question without a
        ticket, cut after the first token, proves credentials, address, model and request, and is paid.
        """
        from connector.llm.failures import explain_failure

        model = self._settings(tier)
        if not self._provider.abilities.models_api:
            self._call(tier, {}, {"max_tokens": 1})
            return ModelStatus(name=model.name, lifecycle=UNLISTED)
        try:
            client = cast("anthropic.Anthropic", self._client)
            response = client.models.with_raw_response.retrieve(model.name)
            body = response.http_response.content
        except Exception as error:  # noqa: BLE001 - whatever the vendor raises leaves as one of ours
            raise explain_failure(error, model.name, self._provider.wording) from None
        return read_status(body, model, by_tool=tier in self._by_tool)

    def measure(self, tier: Tier) -> int:
        """The tokens of a question without a ticket, as the vendor's own API counts them; free.

        Raises the errors of `ask`: SettingsError for classes that the API cannot make an answer format of.
        """
        from connector.llm.failures import explain_failure

        model = self._settings(tier)
        request = build_request(model, self._prompt, {}, by_tool=tier in self._by_tool)
        del request["max_tokens"]
        try:
            return self._client.messages.count_tokens(**request).input_tokens
        except Exception as error:  # noqa: BLE001 - whatever the vendor raises leaves as one of ours
            raise explain_failure(error, model.name, self._provider.wording) from None

    def cautions(self, tier: Tier, today: date) -> tuple[str, ...]:
        """What will cost money or stop working soon with the tier's model; nothing is sent."""
        return cautions(self.model(tier), self._static_bytes, self.price(tier), today)

    def explain(self, decision: Mapping[str, Any], ticket: Mapping[str, Any]) -> Iterator[str]:
        """Plain words about a recorded decision, piece by piece, from the strong model (else the cheap one).

        Raises the errors of `ask`, and AnswerUnusable at the end of a text that must be taken back.
        """
        tier = Tier.STRONG if Tier.STRONG in self._models else Tier.CHEAP
        model = self._settings(tier)
        model = replace(model, max_tokens=max(model.max_tokens, 1_000))
        request = build_explanation(model, EXPLAINER, {"decision": decision, "ticket": ticket})
        request |= self._provider.extras(model.name)
        return stream_explanation(self._client, request, model.name, self._provider.wording)

    def close(self) -> None:
        """Close every connection; a call made afterwards is Unavailable."""
        self._client.close()

    def _settings(self, tier: Tier) -> ModelSettings:
        try:
            return self._models[tier]
        except KeyError:
            raise SettingsError(f"no model is configured for the {tier} tier") from None

    def _call(
        self, tier: Tier, ticket: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> tuple[Message, str | None]:
        """One request, and what came back with the id by which the provider's support finds it."""
        from connector.llm.failures import explain_failure, request_id_in

        model = self._settings(tier)
        try:
            request = {**self.request(tier, ticket), **changes}
            response = self._client.messages.with_raw_response.create(**request)
            body, headers = response.http_response.content, response.headers
        except Exception as error:  # noqa: BLE001 - whatever the vendor raises leaves as one of ours
            raise explain_failure(error, model.name, self._provider.wording) from None
        message = read_message(body, self.tool(tier))
        return message, request_id_in(headers) or message.id

    def request(self, tier: Tier, ticket: Mapping[str, Any]) -> dict[str, Any]:
        """What `ask` sends, for whoever sends it in another way.  Raises SettingsError."""
        model = self._settings(tier)
        request = build_request(model, self._prompt, ticket, by_tool=tier in self._by_tool)
        return {**request, **self._provider.extras(model.name)}

    def tool(self, tier: Tier) -> str | None:
        """The name of the tool whose call is the tier's answer; None where it answers in words."""
        return TOOL if tier in self._by_tool else None

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
