"""A connector and the world around it, as the pipeline's tests see them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.clock import ManualClock
from connector.domain.classification import Answer, Classification, Tier, Usage
from connector.domain.decision import Change
from connector.domain.ticket import Ticket
from connector.helpdesk.memory import MemoryHelpdesk
from connector.pipeline.summary import Summary
from connector.pipeline.sync import Stages, run_pass
from connector.ports import Event, Ledger

MakeTicket = Callable[..., Ticket]
Reply = Classification | str | Exception


@dataclass
class ScriptedModel:
    """A classifier that answers what ``reply`` returns and remembers what it was asked."""

    reply: Callable[[Tier, Mapping[str, Any]], Reply]
    asked: list[tuple[Tier, str]] = field(default_factory=list)
    prompt_version: str = "p1"

    def model(self, tier: Tier) -> str:
        return f"{tier}-model"

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        return Decimal("0.01")

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        self.asked.append((tier, ticket["subject"]))
        reply = self.reply(tier, ticket)
        if isinstance(reply, Exception):
            raise reply
        usage = Usage(100, 20, cost_usd=Decimal("0.0001"))
        if isinstance(reply, str):
            return Answer(None, usage, self.model(tier), unusable=reply)
        return Answer(reply, usage, self.model(tier))


@dataclass
class World:
    """One connector and the world around it; the tests change the world and run passes."""

    clock: ManualClock
    helpdesk: MemoryHelpdesk
    model: ScriptedModel
    ledger: Ledger
    stages: Stages
    make_ticket: MakeTicket
    events: list[Event]
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def arrives(self, **facts: Any) -> str:
        """A new ticket at the helpdesk."""
        facts = {"id": f"t{next(self.ids)}", "created_at": self.clock.now()} | facts
        return self.helpdesk.put(self.make_ticket(**facts)).id

    def run(self) -> Summary:
        summary = Summary()
        before = len(self.events)
        run_pass(self.stages)
        for event in self.events[before:]:
            summary(event)
        return summary

    def before_the_first_write(self, happens: Callable[[], object]) -> None:
        """Something happens in the world between our reading of a ticket and our writing to it, once."""
        first = iter([happens])

        def move(_: Change) -> None:
            next(first, lambda: None)()

        self.helpdesk.on_apply = move

    def told(self, name: str) -> list[Mapping[str, Any]]:
        return [event.facts for event in self.events if event.name == name]
