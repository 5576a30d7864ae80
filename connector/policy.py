"""What a business decides, as the core understands it: the settings' rules and names become values."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Condition, Guardrail
from connector.classify.phrases import Phrases
from connector.classify.rules import Rule
from connector.classify.signals import CustomerSignals
from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.routing import QueueRule, RoutingPolicy
from connector.settings import Settings


def build_cascade(settings: Settings, routing: RoutingPolicy) -> Cascade:
    """The cascade that the settings describe."""
    return Cascade(
        taxonomy=settings.taxonomy(),
        routing=routing,
        guardrail=Guardrail(
            Phrases(settings.guardrail.words),
            tuple(
                Condition(each.name, each.labels(), each.tiers()) for each in settings.guardrail.conditions
            ),
        ),
        rules=tuple(
            Rule(each.name, Phrases(each.words, each.regex), each.labels(), each.where, each.final)
            for each in settings.rules
        ),
        thresholds=settings.thresholds.by_axis(),
        signals=CustomerSignals(
            settings.urgent(),
            settings.signals.lower_by,
            settings.signals.folded_tiers(),
            settings.signals.arr_usd,
        ),
    )


def resolve_routing(settings: Settings, groups: Sequence[Group]) -> RoutingPolicy:
    """The routing policy with the helpdesk's groups in place of their names.

    Raises SettingsError that names every group that is missing or ambiguous.
    """
    problems: list[str] = []

    def found(name: str, where: str) -> Group:
        try:
            return find_group(name, groups, where)
        except SettingsError as error:
            problems.append(str(error))
            return Group("", name)

    teams = {team: found(name, f"team {team}") for team, name in settings.groups().items()}
    human = found(settings.helpdesk.human_group, "helpdesk.human_group")
    if problems:
        raise SettingsError("\n".join(problems))
    routing = settings.routing
    return RoutingPolicy(
        groups=teams,
        human=human,
        queues=tuple(
            QueueRule(each.labels(), each.queue, each.sla_minutes, each.priority) for each in routing.queues
        ),
        default=QueueRule({}, routing.default_queue, routing.default_sla_minutes),
        priorities=settings.priorities(),
        tag_prefix=settings.tags.prefix,
        urgencies=settings.urgencies_in_order(),
    )


def resolve_inbox(settings: Settings, groups: Sequence[Group]) -> frozenset[str]:
    """The ids of the groups that count as "nobody has routed this yet".  Raises SettingsError like above."""
    return frozenset(
        find_group(name, groups, "helpdesk.inbox_groups").id for name in settings.helpdesk.inbox_groups
    )


def find_group(name: str, groups: Sequence[Group], where: str) -> Group:
    """The one group with this name or id.  Raises SettingsError when there is none, or more than one."""
    matches = (
        [group for group in groups if group.id == name]
        or [group for group in groups if group.name == name]
        or [group for group in groups if group.name.casefold() == name.casefold()]
    )
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = ", ".join(group.id for group in matches)
        raise SettingsError(f'{where}: {len(matches)} groups are called "{name}"; use one of the ids {ids}')
    close = difflib.get_close_matches(name, [group.name for group in groups], n=1)
    hint = f', did you mean "{close[0]}"?' if close else "; there are: " + ", ".join(g.name for g in groups)
    raise SettingsError(f'{where}: group "{name}" does not exist{hint}')
