"""``connector explain``: the whole story of one ticket, from the ledger alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.chosen import some, which
from connector.cli.decisions import decision_facts
from connector.cli.output import emit_json, say, usd
from connector.clock import SystemClock
from connector.domain.decision import Outcome
from connector.domain.ticket import Arrival, Disposition
from connector.errors import AnswerUnusable
from connector.settings import Settings, load_settings

if TYPE_CHECKING:
    from connector.domain.decision import Decision, ReadingFacts
    from connector.store.story import CallRow, Story, SubmissionRow

Line = tuple[datetime, str]

_ERASED = {
    "retention": "its words were erased by retention ([privacy] retention_days); the decision stays",
    "request": "its words were erased on request (connector forget); the decision stays",
    "deleted": "its words were erased because the helpdesk deleted the ticket; the decision stays",
}


def explain(
    ticket: str, *, ask: bool, helpdesk: str | None = None, as_json: bool, config: Path | None
) -> int:
    """Exit code 0, or 1 when the ledger has never seen the ticket."""
    from connector.bootstrap import open_reports

    settings = load_settings(config).settings
    with open_reports(settings, SystemClock()) as reports:
        known_to = reports.helpdesks_of(ticket)
        if helpdesk not in known_to:
            some(settings, helpdesk)  # it has to be one of those that are configured
        if helpdesk is None and len(known_to) > 1:
            raise which(known_to)
        story = reports.story(ticket, helpdesk)
    if story.is_empty:
        say(f"Ticket {ticket} is not in the ledger: never polled, or the settings name another database.")
        return 1
    if as_json:
        emit_json([{"at": at, "what": what} for at, what in _lines(story)])
    else:
        print(f"Ticket {ticket}")
        for at, what in _lines(story):
            print(f"  {at:%Y-%m-%d %H:%M:%S}  {what}")
        print(f"  cost of all calls: {usd(story.cost_usd)}")
    return _ask(settings, story) if ask else os.EX_OK


def _lines(story: Story) -> list[Line]:
    """Everything that happened, in the order of time."""
    told = [
        *_arrivals(story),
        *((call.started_at, _call(call)) for call in story.calls),
        *(line for each in story.decisions for line in _decision(each.decision)),
        *_writes(story),
        *_undos(story),
        *_corrections(story),
    ]
    return sorted(told, key=lambda line: line[0])


_CAME = {
    Arrival.POLL: "polled",
    Arrival.FAST: "found by the fast lane",
    Arrival.NUDGE: "brought by a nudge",
}


def _arrivals(story: Story) -> Iterator[Line]:
    for revision in story.revisions:
        why = f" ({revision.reason})" if revision.reason else ""
        how = _CAME[story.arrival] if revision.disposition is Disposition.ORIGINAL else "seen"
        yield revision.seen_at, f"revision {revision.version} {how}: {revision.disposition}{why}"
    for submission in story.submissions:
        if submission.reply is not None:
            yield submission.seen_at, _second_look(submission, story)
        elif submission.generation > 1:
            yield submission.seen_at, f"put back: generation {submission.generation} begins"
        if submission.erased_at and submission.erased_because:
            yield submission.erased_at, _ERASED[submission.erased_because]
        if submission.state != "decided":
            waits = f": {submission.reason}" if submission.reason else ""
            yield submission.seen_at, f"waits for triage, {submission.attempts} attempts{waits}"


def _second_look(submission: SubmissionRow, story: Story) -> str:
    """What became of a look at the requester's later words."""
    if submission.state != "decided":
        became = "they wait for a second look"
    elif any(each.submission_id == submission.id for each in story.decisions):
        became = f"they change it: generation {submission.generation} begins"
    else:
        became = f"no change: {submission.reason or 'it was escalated before'}"
    return f"the requester wrote again; {became}"


def _corrections(story: Story) -> Iterator[Line]:
    for each in story.corrections:
        yield each.seen_at, f"a person moved it: group {each.from_group} → {each.to_group}"


def _call(call: CallRow) -> str:
    cost = "price unknown" if call.cost_usd is None else usd(call.cost_usd)
    usage = call.answer.usage if call.answer else None
    tokens = f", {usage.input_tokens + usage.cache_read_tokens} tokens in" if usage else ""
    trouble = f" ({call.error})" if call.error else ""
    return f"{call.tier} model {call.model}, try {call.try_no}: {call.state}{trouble}{tokens}, {cost}"


def _decision(decision: Decision) -> Iterator[Line]:
    at = decision.decided_at
    if decision.reading and (read := _reading(decision.reading, decision)):
        yield at, f"read: {read}"
    for step in decision.steps:
        labels = decision_labels(step.classification) if step.classification else "no usable answer"
        went_on = f" → went on: {step.went_on}" if step.went_on else ""
        yield at, f"{step.tier} said {labels}{went_on}"
    for signal in decision.signals:
        yield at, f"signal {signal.name}: {signal.effect}"
    route = decision.route
    sla = f", SLA {route.sla_minutes} min" if route.sla_minutes else ""
    yield at, f"decided: {decision.kind} ({decision.cause}) because: {decision.reason or 'no reason given'}"
    yield at, f"route: queue {route.queue}, group {route.group_name}, priority {route.priority}{sla}"
    if decision.examples:
        yield at, f"shown as examples: tickets {', '.join(decision.examples)}"
    gone = f"; takes off {' '.join(route.removes)}" if route.removes else ""
    yield at, f"tags: {' '.join(route.tags)}{gone}; prompt {decision.prompt_version}"


def _reading(read: ReadingFacts, decision: Decision) -> str:
    """What was done to the words before a model saw them; empty when nothing was."""
    told: list[str] = []
    if read.language:
        first = (
            ", so the strong model was asked first"
            if decision.steps and decision.steps[0].tier == "strong" and read.is_foreign
            else ""
        )
        told.append(f"language {read.language}{' (not a primary one)' if read.is_foreign else ''}{first}")
    if read.redacted:
        told.append("hidden " + ", ".join(f"{kind} {count}" for kind, count in read.redacted.items()))
    if read.cut_chars:
        told.append(f"{read.cut_chars} characters of quotations, signatures and footers left out")
    if read.left_out_tokens:
        told.append(f"about {read.left_out_tokens} tokens left out of its middle")
    return "; ".join(told)


def decision_labels(found: Any) -> str:  # noqa: ANN401 - a Classification; kept light for --help
    """The labels of a classification in one line."""
    axes = ("team", "type", "urgency", "sentiment")
    labels = ((axis, getattr(found, axis)) for axis in axes)
    said = ", ".join(
        f"{axis} {label.value} {label.confidence:.2f}{_shadow(found.shadow.get(axis))}"
        for axis, label in labels
        if label
    )
    return said + (f", another issue for {found.secondary_team}" if found.secondary_team else "")


def _shadow(said: str | None) -> str:
    return f" (shadow {said})" if said else ""


def _writes(story: Story) -> Iterator[Line]:
    for write in story.writes:
        if write.ended_at is not None:
            why = f": {write.reason}" if write.reason else ""
            yield write.ended_at, f"written back: {write.outcome} after {write.attempts} attempts{why}"
        else:
            decided = story.decisions[-1].decision.decided_at
            yield decided, f"write waits, {write.attempts} attempts: {write.reason or 'not tried yet'}"


def _undos(story: Story) -> Iterator[Line]:
    for undo in story.undos:
        why = f": {undo.reason}" if undo.reason else ""
        if undo.ended_at is None:
            written = max(write.ended_at for write in story.writes if write.ended_at)
            yield written, f"undo was asked for and is not done, {undo.attempts} attempts{why}"
        elif undo.outcome is Outcome.APPLIED:
            yield undo.ended_at, f"undone: back in group {undo.after_group or 'none'}{why}"
        else:
            yield undo.ended_at, f"not undone ({undo.outcome}){why}"


def _ask(settings: Settings, story: Story) -> int:
    """Stream the strong model's rationale; a text that must be taken back is said to be void."""
    from connector.bootstrap import open_classifier, open_reader

    ticket = next((each.ticket for each in story.submissions if each.ticket and not each.erased_at), None)
    if not story.decisions or ticket is None:
        say("Nothing has been decided about it yet, or its text was erased.")
        return 1
    shown = open_reader(settings).read(ticket).shown
    classifier = open_classifier(settings)
    try:
        print()
        for piece in classifier.explain(decision_facts(story.decisions[-1].decision), shown):
            print(piece, end="", flush=True)
        print()
    except AnswerUnusable as error:
        say(f"\nPlease disregard the text above: {error}.")
        return os.EX_UNAVAILABLE
    finally:
        classifier.close()
    return os.EX_OK
