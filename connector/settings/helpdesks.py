"""Several helpdesks in one process: each with its own account, groups and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic.fields import FieldInfo

from connector.settings.business import TeamSettings
from connector.settings.connections import HelpdeskSettings
from connector.settings.nudge import signing_secret
from connector.settings.references import repeated
from connector.settings.shape import keys_of
from connector.settings.suggestion import suggest
from connector.settings.values import Loc, Name, Secret, Text

HELPDESKS = "helpdesks"
_AMBIGUOUS = re.compile(r"__|_$")


def _addressable(value: str) -> str:
    """A name that can stand between double underscores, as in CONNECTOR_HELPDESKS__ACME__API_TOKEN."""
    if _AMBIGUOUS.search(value):
        raise ValueError(
            "should not end in an underscore or have two in a row: variables hold it between two"
        )
    return value


class NamedHelpdesk(HelpdeskSettings):
    """Several helpdesks in one process, with one database and one Claude, instead of [helpdesk]: each table
    has the keys of [helpdesk], a name, and the groups of teams that differ here from [[teams]]. One account
    is one helpdesk, whatever brands it has. Secrets: secrets/helpdesks__acme__api_token, or
    CONNECTOR_HELPDESKS__ACME__API_TOKEN.
    """

    kind: Literal["zendesk", "pylon"] = Field(description="Which helpdesk: zendesk or pylon.")
    name: Annotated[Name, AfterValidator(_addressable)] = Field(
        description="What the ledger and the log call it, and --helpdesk. "
        "Changing it later makes every ticket new again."
    )
    groups: dict[Name, Text] = Field(
        default={},
        description='The groups of teams at this helpdesk, such as { billing = "Billing EU" }; for the other '
        "teams that of [[teams]].",
    )
    daily_usd: Decimal | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="USD per day for this helpdesk's model calls, within [budget].",
        examples=[2],
    )
    webhook_secret: Secret | None = Field(
        default=None,
        description="The signing secret of this helpdesk's webhook; without one that of [nudge]. Better: "
        "secrets/helpdesks__acme__webhook_secret, mode 0600.",
    )

    @field_validator("webhook_secret")
    @classmethod
    def _webhook_secret_is_one(cls, secret: SecretStr | None) -> SecretStr | None:
        return signing_secret(secret)


def key_by_name(loc: Loc) -> FieldInfo | None:
    """The field that ``("helpdesks", "acme", "api_token")`` sets, or None."""
    if len(loc) != 3 or loc[0] != HELPDESKS or loc[2] == "name":
        return None
    return keys_of(NamedHelpdesk).get(str(loc[2]))


def misfits(helpdesks: Sequence[NamedHelpdesk], validated: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """A problem for everything that does not fit together, or to the rest of the settings."""
    single = validated.get("helpdesk")
    if helpdesks and single is not None and single.model_fields_set:
        given = ", ".join(
            f"helpdesk.{key}" for key in keys_of(type(single)) if key in single.model_fields_set
        )
        yield (), f"and [helpdesk] exclude each other: {given} belong into the [[helpdesks]] tables"
    yield from repeated(helpdesks)
    yield from _shared_accounts(helpdesks)
    teams: Sequence[TeamSettings] | None = validated.get("teams")
    if teams is not None:
        known = [team.name for team in teams]
        for at, each in enumerate(helpdesks):
            for team in each.groups:
                if team not in known:
                    yield (at, "groups", team), f'unknown team "{team}"{suggest(team, known)}'


def _shared_accounts(helpdesks: Sequence[NamedHelpdesk]) -> Iterator[tuple[Loc, str]]:
    """Two connectors in one account would route every ticket twice, each against the other."""
    seen: dict[object, str] = {}
    for at, each in enumerate(helpdesks):
        is_pylon = each.kind == "pylon"
        account = (each.region, each.base_url, each.api_token) if is_pylon else each.base_url
        if account in seen:
            key = "api_token" if is_pylon else "base_url"
            yield (at, key), f'is that of "{seen[account]}" too; one account is one helpdesk'
        seen.setdefault(account, each.name)


def groups_at(helpdesk: HelpdeskSettings, teams: Sequence[TeamSettings]) -> dict[str, str]:
    """The group of every team at a helpdesk; a team that shares its parent's group shares it here too."""
    own = helpdesk.groups if isinstance(helpdesk, NamedHelpdesk) else {}
    by_name = {team.name: team for team in teams}

    def found(team: TeamSettings) -> str:
        parent = by_name.get(team.parent or "")
        if team.name not in own and parent is not None and parent.group == team.group:
            return found(parent)
        return own.get(team.name, team.group)

    return {team.name: found(team) for team in teams}
