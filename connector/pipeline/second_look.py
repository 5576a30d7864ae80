"""The second look: what a requester wrote later may raise the urgency or bring in a person, once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from connector.classify.cascade import Cascade
from connector.classify.material import Finding, by_model, by_rules
from connector.classify.prompt import EARLIER, earlier_labels
from connector.classify.reading import Reader
from connector.classify.replies import own_words
from connector.domain.classification import Classification, Tier
from connector.domain.decision import Cause, Decision, Kind, OurRouting, Route, Step
from connector.domain.taxonomy import Axis
from connector.domain.ticket import Author, Message, Reply, Ticket
from connector.errors import BudgetSpent
from connector.pipeline.decided import decided
from connector.pipeline.questions import Desk, Questions
from connector.ports import Event, Helpdesk, SubmissionClaim
from connector.routing import RoutingPolicy, human_route, is_higher, route

_CHANGES = uuid.UUID("0c6d5b0a-41f7-4a63-9d0b-6a2b7c1f5e33")  # namespace of decision ids: one per ticket


@dataclass(frozen=True, slots=True)
class LookPolicy:
    """Whether a model is asked about what no word settles.

    Where it is not enabled any more, what still waits is dismissed.
    """

    ask_model: bool = False
    enabled: bool = True


class SecondLook:
    """Judges the requester's later messages: free of charge, and with one cheap call where that is wanted.

    It never lowers anything, never moves a ticket to another team, and leaves alone what people touched.
    """

    def __init__(
        self,
        helpdesk_name: str,
        helpdesk: Helpdesk,
        desk: Desk,
        cascade: Cascade,
        policy: LookPolicy | None = None,
        reader: Reader | None = None,
    ) -> None:
        self._name = helpdesk_name
        self._helpdesk = helpdesk
        self._desk = desk
        self._cascade = cascade
        self._policy = policy or LookPolicy()
        self._reader = reader or Reader()

    def take(self, claim: SubmissionClaim, reply: Reply) -> None:
        """Take one claim to its decision, or dismiss it.  Raises what helpdesk, model and ledger raise."""
        ours = claim.routing
        if not self._policy.enabled:
            self.dismiss(claim, "switched off meanwhile")
            return
        if ours is None or claim.ticket.requester is None:
            self.dismiss(claim, "a person has the ticket by now, or it was escalated before")
            return
        messages = self._helpdesk.messages(claim.ticket, ours.since)
        if any(each.author is Author.AGENT for each in messages):
            self.dismiss(claim, "an agent has answered")
            return
        text = _said(messages, reply)
        if not text:
            self.dismiss(claim, "the requester wrote nothing that can be read")
            return
        message = replace(claim.ticket, subject="", text=text)
        finding = by_rules(self._cascade, ours.decision.classification, message)
        step: tuple[Step, ...] = ()
        spent = Decimal(0)
        if finding is None and self._policy.ask_model and Tier.CHEAP in self._cascade.tiers:
            finding, step, spent = self._ask(claim, message, ours)
        if finding is None:
            self.dismiss(claim, "nothing that the requester wrote changes where it belongs")
            return
        decision = self._decision(claim, finding, ours, step, spent)
        self._desk.ledger.decide(claim, decision)
        self._desk.observer(decided(claim, decision))

    def dismiss(self, claim: SubmissionClaim, reason: str) -> None:
        """End a look that changes nothing: the ticket has a team, and people who read it."""
        self._desk.ledger.dismiss(claim, reason)
        self._desk.observer(
            Event("reply.dismissed", "debug", {"ticket_id": claim.ticket.id, "reason": reason})
        )

    def _ask(
        self, claim: SubmissionClaim, message: Ticket, ours: OurRouting
    ) -> tuple[Finding | None, tuple[Step, ...], Decimal]:
        before = ours.decision.classification
        told = self._reader.read(replace(message, subject=claim.ticket.subject)).shown
        questions = Questions(self._desk, claim, {**told, EARLIER: earlier_labels(before)})
        try:
            found = questions(Tier.CHEAP).classification
        except BudgetSpent:
            found = None  # the ticket has a team; what words and rules find is found all the same
        questions.record()
        if found is None:
            return None, (), questions.spent_usd()
        return (
            by_model(self._cascade, before, message, found),
            (Step(Tier.CHEAP, found),),
            questions.spent_usd(),
        )

    def _decision(
        self,
        claim: SubmissionClaim,
        finding: Finding,
        ours: OurRouting,
        steps: tuple[Step, ...],
        spent: Decimal,
    ) -> Decision:
        leads_to = escalated_route(finding, ours, claim.ticket, self._cascade.routing)
        return Decision(
            id=str(uuid.uuid5(_CHANGES, f"{self._name}/{claim.ticket.id}")),
            kind=Kind.ESCALATED if leads_to.team is None else Kind.ROUTED,
            cause=Cause.MATERIAL_CHANGE,
            reason=f"the requester wrote again: {finding.reason}",
            route=leads_to,
            classification=finding.labels,
            steps=steps,
            guardrail=finding.guardrail,
            thresholds={axis.value: value for axis, value in self._cascade.thresholds.items()},
            prompt_version=self._desk.classifier.prompt_version,
            decided_at=self._desk.clock.now(),
            cost_usd=spent,
        )


def escalated_route(finding: Finding, ours: OurRouting, ticket: Ticket, policy: RoutingPolicy) -> Route:
    """To the human group, or the same team with a higher urgency; the tags that no longer hold come off."""
    before = ours.decision.route
    raised = None if finding.needs_person else route(finding.labels, policy)
    if raised is None or raised.team is None:
        new = human_route(Cause.MATERIAL_CHANGE, policy)
        labels = _label_tags(ours.decision.classification, policy)  # a suggestion to the person
    else:
        priority = raised.priority if is_higher(raised.priority, ticket.priority) else None
        new = replace(raised, group=before.group, group_name=before.group_name, priority=priority)
        labels = frozenset()
    tags = (*new.tags, policy.tag("escalated"))
    gone = (tag for tag in before.tags if tag in ticket.tags and tag not in tags and tag not in labels)
    return replace(new, tags=tags, removes=tuple(tag for tag in gone if tag != policy.tag("repeat")))


def _label_tags(found: Classification | None, policy: RoutingPolicy) -> frozenset[str]:
    labels = {axis: found.on(axis) for axis in Axis} if found else {}
    return frozenset(policy.tag(axis.value, label.value) for axis, label in labels.items() if label)


def _said(messages: Sequence[Message], reply: Reply) -> str:
    """The requester's own words between two moments."""
    theirs = (
        own_words(each.text).strip()
        for each in messages
        if each.author is Author.CUSTOMER and reply.since < each.at <= reply.until
    )
    return "\n\n".join(text for text in theirs if text)
