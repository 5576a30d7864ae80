"""The helpdesk and the model that the settings name."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from connector.bootstrap.examples import NO_EXAMPLES, Examples
from connector.breaker import Breaker
from connector.classify.prompt import build_prompt
from connector.domain.classification import Tier
from connector.errors import SettingsError
from connector.ports import Clock, Helpdesk, Observer
from connector.settings import Settings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from connector.helpdesk.pylon import PylonHelpdesk
    from connector.helpdesk.quota import Quota
    from connector.helpdesk.remark import Remark
    from connector.llm.batches import ClaudeBatches
    from connector.llm.claude import ClaudeClassifier
    from connector.llm.provider import Provider
    from connector.settings.connections import LlmSettings
    from connector.store import Store


class KnowsPeople(Helpdesk, Protocol):
    """A helpdesk that can tell who has an e-mail address, which only `find_requesters` asks."""

    def requesters(self, email: str) -> tuple[str, ...]:
        """The ids of the people with this address, whatever its case; empty when there is none."""
        ...


def helpdesk_on(
    store: Store, settings: Settings, clock: Clock, observer: Observer, *, dry_run: bool
) -> Helpdesk:
    """The helpdesk, its credentials proven; what it limits is shared with whoever shares the database."""
    helpdesk = open_helpdesk(
        settings,
        clock,
        dry_run=dry_run,
        breaker=Breaker(settings.one_of_several or settings.helpdesk.kind, clock, observer),
        # Alone on a file there is nobody to share with; a dry run must not even leave a count.
        quota=store.quota(settings.helpdesk.ledger_name) if store.is_shared and not dry_run else None,
    )
    helpdesk.check()
    return helpdesk


def open_helpdesk(
    settings: Settings,
    clock: Clock,
    *,
    dry_run: bool = False,
    breaker: Breaker | None = None,
    quota: Quota | None = None,
) -> Helpdesk:
    """The configured helpdesk; in a dry run twice guarded against writing."""
    from connector.helpdesk.dry_run import DryRunHelpdesk

    helpdesk = _connect_helpdesk(settings, clock, read_only=dry_run, breaker=breaker, quota=quota)
    return DryRunHelpdesk(helpdesk) if dry_run else helpdesk


def find_requesters(settings: Settings, clock: Clock, email: str) -> tuple[str, ...]:
    """The helpdesk's ids of whoever has this e-mail address; nothing is written.

    Raises SettingsError, AuthRefused or Unavailable.
    """
    return _connect_helpdesk(settings, clock, read_only=True).requesters(email)


def readiness_of_helpdesk(settings: Settings, clock: Clock) -> tuple[Remark, ...]:
    """What an operator should know of the helpdesk before going live, as far as it can be asked.

    Raises SettingsError, AuthRefused or Unavailable.
    """
    chosen = settings.helpdesk
    if chosen.kind != "pylon":
        return ()
    from connector.helpdesk.pylon import Needs

    needs = Needs(
        frozenset(settings.priorities().values()) if settings.write.priority else frozenset(),
        settings.tags.prefix,
        tuple(filter(None, (chosen.tier_field, chosen.arr_field))),
    )
    pylon = _connect_pylon(settings, clock, read_only=False, breaker=None, quota=None)
    with closing(pylon):
        return tuple(pylon.readiness(needs))


def _connect_helpdesk(
    settings: Settings,
    clock: Clock,
    *,
    read_only: bool,
    breaker: Breaker | None = None,
    quota: Quota | None = None,
) -> KnowsPeople:
    chosen = settings.helpdesk
    if chosen.kind == "pylon":
        return _connect_pylon(settings, clock, read_only=read_only, breaker=breaker, quota=quota)
    if chosen.kind != "zendesk":
        raise SettingsError(f'helpdesk.kind = "{chosen.kind}" is not available in this version')
    from connector.helpdesk.zendesk import connect_zendesk

    return connect_zendesk(
        name=chosen.ledger_name,
        base_url=str(chosen.base_url),
        clock=clock,
        client_id=chosen.client_id,
        client_secret=_reveal(chosen.client_secret),
        email=chosen.email,
        api_token=_reveal(chosen.api_token),
        read_only=read_only,
        support_type_scope=chosen.support_type_scope,
        tier_field=chosen.tier_field,
        arr_field=chosen.arr_field,
        tier_tags=chosen.tier_tags,
        hears_replies=settings.material_change.enabled,
        ca_bundle=str(chosen.ca_bundle) if chosen.ca_bundle else None,
        proxy=_reveal(chosen.proxy),
        rate_share=chosen.rate_share,
        spare_share=settings.poll.fast_share,
        breaker=breaker,
        quota=quota,
    )


def _connect_pylon(
    settings: Settings, clock: Clock, *, read_only: bool, breaker: Breaker | None, quota: Quota | None
) -> PylonHelpdesk:
    from connector.helpdesk.pylon import connect_pylon

    chosen = settings.helpdesk
    return connect_pylon(
        name=chosen.ledger_name,
        clock=clock,
        api_token=_reveal(chosen.api_token),
        region=chosen.region,
        has_notes=chosen.internal_notes,
        inbox_groups=chosen.inbox_groups,
        confirms_openers=chosen.confirm_openers,
        requests_per_minute={str(name): count for name, count in chosen.requests_per_minute.items()},
        base_url=chosen.base_url,
        read_only=read_only,
        tier_field=chosen.tier_field,
        arr_field=chosen.arr_field,
        tier_tags=chosen.tier_tags,
        hears_replies=settings.material_change.enabled,
        ca_bundle=str(chosen.ca_bundle) if chosen.ca_bundle else None,
        proxy=_reveal(chosen.proxy),
        rate_share=chosen.rate_share,
        breaker=breaker,
        quota=quota,
    )


def open_classifier(settings: Settings, examples: Examples = NO_EXAMPLES) -> ClaudeClassifier:
    """Claude behind the configured taxonomy.  Raises SettingsError without a key or packages it needs."""
    from connector.llm.claude import ClaudeClassifier
    from connector.llm.pricing import Price
    from connector.llm.request import ModelSettings

    chosen = settings.llm
    provider = _open_provider(chosen)
    taxonomy = settings.taxonomy()
    tiers = {Tier.CHEAP: chosen.cheap, Tier.STRONG: chosen.strong}
    return ClaudeClassifier(
        provider=provider,
        base_url=chosen.base_url,
        output=chosen.output,
        models={
            tier: ModelSettings(each.model, each.max_tokens, each.effort, each.thinking)
            for tier, each in tiers.items()
        },
        prompt=build_prompt(
            taxonomy,
            business=chosen.business,
            instructions=chosen.instructions,
            several_issues=settings.triage.several_issues,
            examples=examples.fixed,
            bank=examples.digest,
        ),
        taxonomy=taxonomy,
        prices=[
            Price(each.model, each.input, each.output, each.cache_write, each.cache_read, each.as_of)
            for each in chosen.prices
        ],
        call_seconds=chosen.call_seconds,
        connections=chosen.workers,
    )


def _open_provider(chosen: LlmSettings) -> Provider:
    """Who runs the model; the others' packages are not even imported."""
    if chosen.provider == "bedrock":
        from connector.llm.bedrock import Bedrock

        return Bedrock(region=str(chosen.region))
    if chosen.provider == "vertex":
        from connector.llm.vertex import Vertex

        return Vertex(project=str(chosen.project), region=str(chosen.region))
    from connector.llm.anthropic_api import AnthropicApi

    key = _reveal(chosen.api_key)
    if key is None:
        raise SettingsError(
            "no key for Claude: set ANTHROPIC_API_KEY or write it to secrets/llm__api_key; or set "
            "[llm] enabled = false to run on rules and the local tier alone and leave the rest to people"
        )
    return AnthropicApi(key)


def open_batches(settings: Settings, classifier: ClaudeClassifier) -> ClaudeBatches:
    """Claude's batches for the questions of ``classifier``.  Raises SettingsError where there are none."""
    from connector.llm.batches import ClaudeBatches

    return ClaudeBatches(classifier, _open_provider(settings.llm), base_url=settings.llm.base_url)


def _reveal(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
