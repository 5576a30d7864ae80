"""What observers hear of a decision."""

from __future__ import annotations

from connector.domain.decision import Decision
from connector.ports import Event, SubmissionClaim


def decided(claim: SubmissionClaim, decision: Decision) -> Event:
    found = decision.classification
    facts = {
        "ticket_id": claim.ticket.id,
        "decision_id": decision.id,
        "kind": decision.kind.value,
        "cause": decision.cause.value,
        "tier": decision.tier.value if decision.tier else None,
        "language": decision.reading.language if decision.reading else None,
        "team": decision.route.team,
        "queue": decision.route.queue,
        "group": decision.route.group_name,
        "urgency": found.urgency.value if found and found.urgency else None,
        "confidence": found.team.confidence if found and found.team else None,
        "priority": decision.route.priority,
        "cost_usd": decision.cost_usd,
        "prompt_version": decision.prompt_version,
    }
    return Event("ticket.decided", "info", facts)
