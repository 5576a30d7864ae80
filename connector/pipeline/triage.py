"""Triage: waiting submissions become decisions, committed before anything is written."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from connector.classify.cascade import Cascade, Verdict
from connector.classify.examples import Chosen
from connector.classify.reading import Reader, Reading
from connector.domain.decision import Cause, Decision, Kind, Signal
from connector.domain.ticket import Ticket
from connector.errors import (
    AuthRefused,
    ConnectorError,
    LeaseLost,
    OutOfMoney,
    RequestRejected,
    SettingsError,
    StoreUnusable,
    Unavailable,
)
from connector.pipeline.decided import decided
from connector.pipeline.questions import Desk, Postponed, Questions
from connector.pipeline.second_look import SecondLook
from connector.ports import Event, Helpdesk, SubmissionClaim
from connector.routing import human_route, route

ChooseExamples = Callable[[Ticket], Chosen]
"""The labelled tickets that the model sees beside a ticket."""

_DECISIONS = uuid.UUID("6f1d3c52-6e3a-4f6e-9a55-0f5a1a1c7f10")  # namespace of decision ids
_LONGEST_BACKOFF_SECONDS = 300.0
_LONGEST_LOOK_SECONDS = 86_400.0  # a ticket that has a team can wait longer for a second look
_LOOK_SECONDS = 0.5  # how long idle threads wait beside busy ones before they look for new work


Put = Callable[[Desk, SubmissionClaim, Mapping[str, Any], Callable[[], Chosen]], Questions]
"""How questions about a submission are put to the models: what they read of it, and its examples."""


@dataclass(frozen=True, slots=True)
class TriageLimits:
    """How hard triage tries: threads, claims per submission, longest wait before it fails open."""

    workers: int = 16
    max_attempts: int = 5
    max_wait_seconds: float = 900.0
    repeat_within: timedelta = timedelta(0)  # how long a requester's earlier tickets count; 0: not at all


@dataclass(slots=True)
class _Asked:
    """What is known of a claim so far, for whatever decision it ends in."""

    reading: Reading | None = None
    questions: Questions | None = None


class Triage:
    """Claims submissions, asks the cascade, commits decisions.  Fail-open: every claim ends somewhere."""

    def __init__(
        self,
        helpdesk_name: str,
        helpdesk: Helpdesk,
        desk: Desk,
        cascade: Cascade,
        limits: TriageLimits,
        reader: Reader | None = None,
        examples: ChooseExamples | None = None,
        put: Put = Questions,
        second_look: SecondLook | None = None,
    ) -> None:
        self._name = helpdesk_name
        self._helpdesk = helpdesk
        self._desk = desk
        self._cascade = cascade
        self._limits = limits
        self._reader = reader or Reader()
        self._examples = examples
        self._put = put
        self._second_look = second_look or SecondLook(helpdesk_name, helpdesk, desk, cascade)

    def run(self) -> None:
        """Decide until nothing is due or a stop is asked for; calls in flight are finished.

        Raises AuthRefused, SettingsError, OutOfMoney or StoreUnusable when going on would be pointless;
        what was claimed by then is back in the queue.
        """
        workers = self._limits.workers
        fatal: BaseException | None = None
        running: dict[Future[None], SubmissionClaim] = {}
        ended: SimpleQueue[Future[None]] = SimpleQueue()  # `wait` would touch every future for each that ends
        with ThreadPoolExecutor(workers, thread_name_prefix="triage") as pool:
            while True:
                if fatal is not None or self._desk.clock.sleep(0):
                    self._return([running.pop(future) for future in list(running) if future.cancel()])
                elif len(running) <= workers:
                    # One batch ahead, so that no worker waits for a claim.
                    claims = self._desk.ledger.claim_submissions(
                        2 * workers - len(running), self._limits.repeat_within
                    )
                    for claim in claims:
                        running[future := pool.submit(self._triage, claim)] = claim
                        future.add_done_callback(ended.put)
                if not running:
                    break
                patience = _LOOK_SECONDS if len(running) < workers else None
                for future in _taken(ended, patience):
                    if running.pop(future, None) is not None:  # else it was called off
                        fatal = future.exception() or fatal
        if fatal is not None:
            raise fatal

    def _return(self, claims: Sequence[SubmissionClaim]) -> None:
        for claim in claims:
            with suppress(LeaseLost):
                self._desk.ledger.return_submission(claim)

    def _triage(self, claim: SubmissionClaim) -> None:
        """One claim, to its decision or back into the queue; raises only what must stop the stage."""
        asked = _Asked()
        try:
            try:
                self._settle(claim, asked)
            except Exception:
                if asked.questions:
                    asked.questions.record()  # without a decision that brings it along
                raise
        except Unavailable as error:
            self._put_off(claim, error)
        except Postponed:
            return
        except LeaseLost:
            self._desk.observer(Event("lease.lost", "warning", {"ticket_id": claim.ticket.id}))
        except (AuthRefused, SettingsError, OutOfMoney):
            self._return([claim])
            raise

    def _settle(self, claim: SubmissionClaim, asked: _Asked) -> None:
        if claim.attempts > self._limits.max_attempts:
            reason = f"gave up after {self._limits.max_attempts} attempts"
            self._commit(claim, Verdict(Kind.FAILED_OPEN, Cause.TOO_MANY_ATTEMPTS, reason), asked)
            return
        ticket = claim.ticket
        try:
            if claim.reply is not None:
                self._second_look.take(claim, claim.reply)
                return
            whole = self._with_text(claim)
            asked.reading = self._reader.read(whole, claim.earlier)
            ticket, shown = asked.reading.ticket, asked.reading.shown
            asked.questions = self._put(self._desk, claim, shown, partial(self._examples_for, ticket))
            verdict = self._cascade.judge(whole, asked.questions, asked.reading)
        except RequestRejected as error:
            verdict = self._cascade.unasked(ticket, Kind.FAILED_OPEN, Cause.REQUEST_REJECTED, str(error))
        except Unavailable as error:
            waited = self._waited_seconds(claim)
            if waited < self._longest_wait_seconds(claim):
                raise
            reason = f"waited {waited / 60:.0f} minutes: {error}"
            verdict = self._cascade.unasked(ticket, Kind.FAILED_OPEN, Cause.WAITED_TOO_LONG, reason)
        except (ConnectorError, StoreUnusable, Postponed):
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours must not keep a ticket from a person
            name = type(error).__name__
            facts = {"ticket_id": claim.ticket.id, "error": name}
            self._desk.observer(Event("triage.failed", "error", facts))
            verdict = Verdict(Kind.FAILED_OPEN, Cause.INTERNAL_ERROR, f"internal error ({name})")
        self._commit(claim, verdict, asked)

    def _examples_for(self, ticket: Ticket) -> Chosen:
        return self._examples(ticket) if self._examples else Chosen()

    def _with_text(self, claim: SubmissionClaim) -> Ticket:
        """The ticket as it arrived; text that the feed did not carry is fetched, the rest stays as it was."""
        if claim.ticket.text is not None:
            return claim.ticket
        fresh = self._helpdesk.fetch([claim.ticket.id]).get(claim.ticket.id)
        if not isinstance(fresh, Ticket):
            return claim.ticket
        return replace(claim.ticket, text=fresh.text, attachments=fresh.attachments)

    def _commit(self, claim: SubmissionClaim, verdict: Verdict, asked: _Asked) -> None:
        if claim.reply is not None:  # the ticket has a team, and people who read it
            self._second_look.dismiss(claim, verdict.reason)
            return
        decision = self._decision(claim, verdict, asked)
        if claim.earlier:
            decision = self._marked(decision, claim.earlier)
        if asked.questions:
            asked.questions.decide(decision)
        else:
            self._desk.ledger.decide(claim, decision)
        self._desk.observer(decided(claim, decision))

    def _decision(self, claim: SubmissionClaim, verdict: Verdict, asked: _Asked) -> Decision:
        reading, questions = asked.reading, asked.questions
        policy = self._cascade.routing
        routed = verdict.kind is Kind.ROUTED and verdict.classification is not None
        return Decision(
            id=str(uuid.uuid5(_DECISIONS, f"{self._name}/{claim.ticket.id}/{claim.generation}")),
            kind=verdict.kind,
            cause=verdict.cause,
            reason=verdict.reason,
            route=route(verdict.classification, policy)
            if routed and verdict.classification
            else human_route(verdict.cause, policy),
            classification=verdict.classification,
            steps=verdict.steps,
            guardrail=verdict.guardrail,
            thresholds={axis.value: value for axis, value in self._cascade.thresholds.items()},
            prompt_version=self._desk.classifier.prompt_version,
            decided_at=self._desk.clock.now(),
            cost_usd=questions.spent_usd() if questions else Decimal(0),
            reading=reading.facts if reading else None,
            examples=questions.examples if questions else (),
            signals=self._cascade.signals_in(verdict, claim.ticket),
        )

    def _marked(self, decision: Decision, earlier: int) -> Decision:
        """The decision, marked as one about somebody who has written just before."""
        hours = self._limits.repeat_within.total_seconds() / 3600
        signal = Signal("repeat", f"{earlier} earlier in the last {hours:g} hours: tagged")
        tagged = replace(decision.route, tags=(*decision.route.tags, self._cascade.routing.tag("repeat")))
        return replace(decision, route=tagged, signals=(*decision.signals, signal))

    def _waited_seconds(self, claim: SubmissionClaim) -> float:
        now = self._desk.clock.now()
        return (now - (claim.waiting_since or now)).total_seconds()

    def _longest_wait_seconds(self, claim: SubmissionClaim) -> float:
        return self._limits.max_wait_seconds if claim.reply is None else _LONGEST_LOOK_SECONDS

    def _put_off(self, claim: SubmissionClaim, error: Unavailable) -> None:
        """An outage is not the ticket's fault: it waits, but not for ever; then a person gets it."""
        left = self._longest_wait_seconds(claim) - self._waited_seconds(claim)
        try:
            backoff = self._desk.random.uniform(0.5, 1.0) * min(
                2.0 ** (claim.attempts + 3), _LONGEST_BACKOFF_SECONDS
            )
            # At least a second: a rest below the ledger's millisecond would be due again at once, and again.
            seconds = max(min(error.retry_after_seconds or backoff, left), 1.0)
            self._desk.ledger.defer_submission(claim, seconds, str(error), counts=False)
        except LeaseLost:
            return
        facts = {
            "ticket_id": claim.ticket.id,
            "stage": "triage",
            "reason": str(error),
            "wait_s": round(seconds, 1),
        }
        self._desk.observer(Event("ticket.deferred", "debug", facts))


def _taken(ended: SimpleQueue[Future[None]], patience: float | None) -> list[Future[None]]:
    """What has ended: waits for the first for so many seconds, and takes what else is there."""
    taken = []
    with suppress(Empty):
        taken.append(ended.get(timeout=patience))
        while True:
            taken.append(ended.get_nowait())
    return taken
