"""What a business decides, as the core understands it: the settings' rules and names become values."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Condition, Guardrail
from connector.classify.phrases import Phrases
from connector.classify.rules import Rule
from connector.classify.signals import CustomerSignals
from connector.domain.classification import Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.observe.redaction import escape_controls
from connector.ports import LocalModel
from connector.routing import QueueRule, RoutingPolicy
from connector.settings import Settings


def build_cascade(settings: Settings, routing: RoutingPolicy, local: LocalModel | None = None) -> Cascade:
    """The cascade that the settings describe; a condition on a class holds for everything below it."""
    taxonomy = settings.taxonomy()
    return Cascade(
        taxonomy=taxonomy,
        routing=routing,
        guardrail=Guardrail(
            Phrases(settings.guardrail.words),
            tuple(
                Condition(each.name, _widened(each.labels(), taxonomy), each.tiers())
                for each in settings.guardrail.conditions
            ),
        ),
        rules=tuple(
            Rule(each.name, Phrases(each.words, each.regex), each.labels(), each.where, each.final)
            for each in settings.rules
        ),
        thresholds=settings.thresholds.by_axis(),
        tiers=(Tier.CHEAP, Tier.STRONG) if settings.llm.enabled else (),
        local=local,
        local_decides=settings.local.decides,
        signals=CustomerSignals(
            settings.urgent(),
            settings.signals.lower_by,
            settings.signals.folded_tiers(),
            settings.signals.arr_usd,
        ),
    )


def resolve_routing(settings: Settings, groups: Sequence[Group]) -> RoutingPolicy:
    """The routing policy with the helpdesk's groups in place of their names.

    A queue for a class is also for everything below it, unless an earlier queue is.  Raises SettingsError
    that names every group that is missing or ambiguous.
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
    routing, taxonomy = settings.routing, settings.taxonomy()
    return RoutingPolicy(
        groups=teams,
        human=human,
        queues=tuple(
            QueueRule(_widened(each.labels(), taxonomy), each.queue, each.sla_minutes, each.priority)
            for each in routing.queues
        ),
        default=QueueRule({}, routing.default_queue, routing.default_sla_minutes),
        priorities=settings.priorities(),
        tag_prefix=settings.tags.prefix,
        urgencies=settings.urgencies_in_order(),
    )


def groups_that_tell(settings: Settings, routing: RoutingPolicy) -> dict[str, Group]:
    """The groups of the teams, without those of teams that share their group with an ancestor.

    A ticket in a shared group is the ancestor's for sure, and perhaps the child's.
    """
    taxonomy, groups = settings.taxonomy(), routing.groups
    shared = {
        team
        for team in groups
        if any(groups[above] == groups[team] for above in taxonomy.lineage(Axis.TEAM, team)[1:])
    }
    return {team: group for team, group in groups.items() if team not in shared}


def _widened(labels: Mapping[Axis, frozenset[str]], taxonomy: Taxonomy) -> dict[Axis, frozenset[str]]:
    return {axis: taxonomy.within(axis, names) for axis, names in labels.items()}


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
        told = f'{where}: {len(matches)} groups are called "{name}"; use one of the ids {ids}'
        raise SettingsError(escape_controls(told))
    close = difflib.get_close_matches(name, [group.name for group in groups], n=1)
    hint = f', did you mean "{close[0]}"?' if close else "; there are: " + ", ".join(g.name for g in groups)
    raise SettingsError(escape_controls(f'{where}: group "{name}" does not exist{hint}'))
