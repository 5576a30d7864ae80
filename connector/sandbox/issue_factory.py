"""Fills an emulated Pylon tenant with mixed issues, of the kinds that there are at Pylon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from random import Random
from types import MappingProxyType
from typing import Any

from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.ticket_factory import (
    DEFAULT_MIX,
    ORIGINALS,
    SPAN_SECONDS,
    YOUNGEST_SECONDS,
    Kind,
    deal,
    odd_words,
)
from connector.sandbox.ticket_texts import FIRMS, FIRST_NAMES, LAST_NAMES, TEAMS, compose

# A reply opens a closed issue again, nothing is a sample, and notes lie in threads of an ordinary issue.
FOREIGN = frozenset({Kind.FOLLOW_UP, Kind.SAMPLE, Kind.SIDE_CONVERSATION, Kind.PRIVATE})

_SOURCES = ("email", "email", "email", "slack", "chat_widget", "form")


@dataclass(frozen=True, slots=True)
class _Cast:
    customers: tuple[str, ...]
    agent: str
    team: str


def populate(
    sandbox: PylonSandbox, count: int, seed: int, mix: Mapping[Kind, float] = DEFAULT_MIX
) -> dict[Kind, list[str]]:
    """Open ``count`` issues and return their ids by kind; same seed, same issues.

    Kinds that Pylon does not have are left out; originals keep their share of ``mix``.  The tenant's first
    team, or a new one, has what a person routed.
    """
    random = Random(seed)
    cast = _hire(sandbox, count, random)
    mix = _at_home(mix)
    kinds = deal(count, mix)
    random.shuffle(kinds)
    start = sandbox.world.now() - YOUNGEST_SECONDS - SPAN_SECONDS
    times = sorted(start + random.randrange(SPAN_SECONDS) for _ in kinds)
    made: dict[Kind, list[str]] = {kind: [] for kind in mix}
    for kind, at in zip(kinds, times, strict=True):
        made[kind].append(_open(sandbox, kind, at, cast, random))
    _finish(sandbox, made)
    return made


def _at_home(mix: Mapping[Kind, float]) -> dict[Kind, float]:
    """``mix`` without foreign kinds; none of them is an original, so other such kinds take their weight."""
    kept = {kind: weight for kind, weight in mix.items() if kind not in FOREIGN}
    others = sum(weight for kind, weight in kept.items() if kind not in ORIGINALS)
    more = 1 + sum(mix.get(kind, 0) for kind in FOREIGN) / others if others else 1
    return {kind: weight if kind in ORIGINALS else weight * more for kind, weight in kept.items()}


def _hire(sandbox: PylonSandbox, count: int, random: Random) -> _Cast:
    firms = []
    for number in range(1 + min(count // 50, 200)):
        tier, most = random.choice((("enterprise", 900_000), ("business", 120_000), ("starter", 9_000)))
        fields = {"tier": tier, "arr": str(random.randrange(most // 10, most, 100))}
        firms.append(
            sandbox.add_account(f"{random.choice(FIRMS)} {number + 1}", tags=[f"tier_{tier}"], fields=fields)
        )
    customers = tuple(
        sandbox.add_contact(
            f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}", account=random.choice(firms)
        )
        for _ in range(1 + min(count // 8, 2000))
    )
    team = next(iter(sandbox.world.teams), None) or sandbox.add_team("Second line")
    return _Cast(customers, sandbox.agent, team)


def _open(sandbox: PylonSandbox, kind: Kind, at: float, cast: _Cast, random: Random) -> str:
    team = kind.value if kind in TEAMS else random.choice(TEAMS)
    subject, body = odd_words(kind, compose(team, random))
    html = body if kind is Kind.HTML else _paragraphs(body)
    facts: dict[str, Any] = {"source": random.choice(_SOURCES), "requester": random.choice(cast.customers)}
    if kind in (Kind.ROUTED, Kind.SOLVED, Kind.CLOSED):
        facts |= {"team": cast.team, "assignee": cast.agent, "state": "waiting_on_you"}
    return sandbox.create_issue(subject or "", html, created_at=at, **(facts | _SHAPES.get(kind, {})))


def _finish(sandbox: PylonSandbox, made: Mapping[Kind, list[str]]) -> None:
    """What cannot be so from the beginning: issues of a group, and deleted ones."""
    merged = made.get(Kind.MERGED, [])
    parent = next((ids[0] for kind, ids in made.items() if ids and kind is not Kind.MERGED), None)
    if merged and parent:
        sandbox.group(parent, merged)
    for each in made.get(Kind.DELETED, []):
        sandbox.delete(each)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part, quote=False)}</p>" for part in text.split("\n\n") if part)


_SHAPES: Mapping[Kind, dict[str, Any]] = MappingProxyType(
    {
        Kind.MESSAGING: {"source": "chat_widget"},
        Kind.AGENT_CREATED: {"author": "agent", "source": "manual"},
        Kind.SOLVED: {"state": "closed"},
        Kind.CLOSED: {"state": "closed"},
    }
)
