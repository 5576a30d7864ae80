"""A small business, and submissions whose right ends are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connector.classify.cascade import Cascade
from connector.classify.guardrail import Guardrail
from connector.classify.phrases import Phrases
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.domain.ticket import Author, Group, Nature, Status, Ticket
from connector.routing import QueueRule, RoutingPolicy

BILLING, SECURITY, HUMAN, INBOX = (
    Group("11", "Billing"),
    Group("12", "Security"),
    Group("19", "Support"),
    Group("77", "Inbox"),
)
GROUPS = (BILLING, SECURITY, HUMAN, INBOX)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a submission needs and where it must end if nobody interferes."""

    text: str
    calls: frozenset[Tier]
    group: Group
    notes: int


KINDS: Mapping[str, Expected] = {
    "confident": Expected("You charged my card twice.", frozenset({Tier.CHEAP}), BILLING, 0),
    "doubtful": Expected("Something about my account.", frozenset({Tier.CHEAP, Tier.STRONG}), BILLING, 0),
    "guardrail": Expected("My lawsuit is ready.", frozenset(), HUMAN, 1),
    "unusable": Expected("%$&!", frozenset({Tier.CHEAP, Tier.STRONG}), HUMAN, 1),
}


def cascade() -> Cascade:
    names = {
        Axis.TEAM: ("billing", "security"),
        Axis.TYPE: ("bug_report", "general_inquiry"),
        Axis.URGENCY: ("high", "normal"),
        Axis.SENTIMENT: ("angry", "neutral"),
    }
    categories = {axis: tuple(Category(name) for name in each) for axis, each in names.items()}
    routing = RoutingPolicy(
        groups={"billing": BILLING, "security": SECURITY},
        human=HUMAN,
        queues=(),
        default=QueueRule({}, "{team}-{urgency}"),
        priorities={"high": "high", "normal": "normal"},
    )
    guardrail = Guardrail(Phrases(("lawsuit",)))
    return Cascade(Taxonomy(categories), routing, guardrail, thresholds=dict.fromkeys(Axis, 0.7))


def opinion(kind: str, tier: Tier) -> Classification | None:
    """What the model says about a submission of this kind; None: nothing that can be used."""
    if kind == "unusable":
        return None
    sure = 0.3 if (kind, tier) == ("doubtful", Tier.CHEAP) else 0.95
    return Classification(
        tier,
        Label("billing", sure),
        Label("bug_report", 0.95),
        Label("normal", 0.95),
        Label("neutral", 0.95),
        reason="asks for a refund",
        model=f"{tier}-model",
    )


def submission(ticket_id: str, kind: str, at: datetime, **facts: Any) -> Ticket:
    """A first contact of a customer that nobody has routed yet; the subject names the ticket and its kind."""
    defaults: dict[str, Any] = {
        "id": ticket_id,
        "version": "",
        "fingerprint": "",
        "created_at": at,
        "updated_at": datetime(2026, 11, 2, tzinfo=UTC),
        "status": Status.NEW,
        "nature": Nature.ORDINARY,
        "author": Author.CUSTOMER,
        "is_public": True,
        "subject": f"{ticket_id} {kind}",
        "text": KINDS[kind].text,
        "channel": "email",
        "group": None,
        "assignee": None,
        "priority": None,
        "tags": ("vip",),
        "requester": "901",
    }
    return Ticket(**(defaults | facts))
