"""The outside world on one page: what the core needs, and nothing about who provides it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from connector.domain.classification import Answer, Tier
from connector.domain.decision import Applied, Change, Decision, OurRouting, Outcome
from connector.domain.taxonomy import Axis
from connector.domain.ticket import (
    Arrival,
    Disposition,
    Group,
    History,
    Message,
    Page,
    Reply,
    Standing,
    Ticket,
    Unreadable,
)

# --- Time -----------------------------------------------------------------------------------------------


class Clock(Protocol):
    """The only owner of time.  Tests bring their own."""

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    def sleep(self, seconds: float) -> bool:
        """Wait; True when the connector was asked to stop meanwhile (the wait then ends at once)."""
        ...


# --- Helpdesk -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a helpdesk can promise; the pipeline adapts, the adapter never pretends."""

    sorted_feed: bool  # changes arrive in order, so every page carries a checkpoint
    conditional_write: bool  # a write can be refused when the ticket moved
    atomic_write: bool  # group and tags change in one request
    bulk_size: int  # how many changes one `apply` may carry; 1 where there is no bulk
    bulk_from: int  # from how many changes on bulk is worth its latency
    notes: bool  # private notes exist
    newest: bool = False  # new tickets can be listed sooner than the feed shows them


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are at the helpdesk, for `check`."""

    name: str
    role: str
    detail: str = ""


class Helpdesk(Protocol):
    """A helpdesk.  There is no reply, solve or close here on purpose.

    Every method may raise AuthRefused or Unavailable (RateLimited); nothing else leaves an adapter.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def check(self) -> Account:
        """Prove that the credentials work and the role suffices, or raise AuthRefused."""
        ...

    def groups(self) -> Sequence[Group]:
        """All groups that tickets can be in."""
        ...

    def pages(self, checkpoint: str | None, start_at: datetime) -> Iterator[Page]:
        """The changes after ``checkpoint`` (None: since ``start_at``) until nothing is left at the moment."""
        ...

    def newest(self, seen: Collection[str]) -> Sequence[Ticket | Unreadable]:
        """The tickets opened last whose ids are not in ``seen``, the newest first, as they are now.

        Looks back one page, or a few while nothing on them was in ``seen``.  What it misses the feed brings.
        Raises RateLimited at once, instead of waiting, when other requests need the helpdesk's limits.
        Without the capability there are none.
        """
        ...

    def fetch(self, ticket_ids: Sequence[str]) -> Mapping[str, Ticket | Unreadable]:
        """The tickets as they are now, with their text; ids that are missing are gone.

        One that cannot be parsed is there as Unreadable: it must neither count as gone nor hold up the rest.
        """
        ...

    def messages(self, ticket: Ticket, since: datetime) -> Sequence[Message]:
        """What was written on the ticket after a moment for all to see, the oldest first."""
        ...

    def apply(self, changes: Sequence[Change]) -> Iterator[Applied]:
        """Write each change, yielding its outcome as soon as it is known.

        An exception means that the changes not yet yielded were never sent.
        """
        ...

    def find_write(self, seen: Ticket, change_id: str) -> bool | None:
        """Whether our write ``change_id`` reached this ticket; None when the helpdesk cannot tell.

        What shows of the write on the ticket decides then (pipeline/traces.py).
        """
        ...


# --- Classifier -----------------------------------------------------------------------------------------


class Classifier(Protocol):
    """A language model behind the schema of the taxonomy."""

    @property
    def prompt_version(self) -> str:
        """Changes with every change of prompt, schema or taxonomy; stored with each decision."""
        ...

    def model(self, tier: Tier) -> str: ...

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        """The most one call can cost; what a call counts as when its answer was lost."""
        ...

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        """Exactly one call, bounded in time; never retried inside.

        ``ticket`` is the object that the model sees; ``examples`` in it are labelled tickets to go with it.

        Raises Unavailable/RateLimited (same call later), AuthRefused (stop), RequestRejected (this ticket).
        """
        ...


# --- Local model ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LocalLabel:
    """What the local model thinks of a ticket on one axis; all numbers are 0 to 1.

    ``why_not`` says why it must not decide this alone; empty: it may.  ``similarity`` is that of the nearest
    labelled ticket.
    """

    value: str
    confidence: float
    similarity: float
    probabilities: Mapping[str, float]
    why_not: str = ""


class LocalModel(Protocol):
    """A model of the business's own labels; free of charge, never waits, safe to share between threads."""

    @property
    def version(self) -> str:
        """Changes with every training on other labels or settings; stored with each decision."""
        ...

    def predict(self, text: str) -> Mapping[Axis, LocalLabel]:
        """A label for every axis that it was trained on; none at all while there is no usable model."""
        ...

    def nearest(self, text: str, count: int) -> Sequence[tuple[str, float]]:
        """The ids of the most similar labelled tickets with their similarity, the nearest first."""
        ...

    def top_classes(self, text: str, axis: Axis, count: int) -> Sequence[tuple[str, float]]:
        """The likeliest classes of ``axis`` with their probabilities, the likeliest first."""
        ...


# --- Ledger ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PollLease:
    """The right to poll one helpdesk, fenced by ``epoch``; tickets created before ``horizon`` are too old."""

    helpdesk: str
    epoch: int
    checkpoint: str | None
    horizon: datetime


@dataclass(frozen=True, slots=True)
class Screened:
    """A revision with the verdict of intake, and the requester's reply that it brings, if we should look."""

    ticket: Ticket
    disposition: Disposition
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class PastCall:
    """A model call of an earlier attempt: its answer, or None when it was lost."""

    tier: Tier
    answer: Answer | None
    error: str | None = None  # why there is none, as far as that is known


@dataclass(frozen=True, slots=True)
class PaidAnswer:
    """What came back of the call that is on record under this id."""

    call_id: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class SubmissionClaim:
    """A submission leased to this worker; ``lease_epoch`` fences every later statement about it.

    With a ``reply`` it is a second look at a ticket that we routed: ``routing`` is how, None when that no
    longer counts.
    """

    id: int
    lease_epoch: int
    ticket: Ticket
    generation: int
    attempts: int  # this one included; of those that killed their worker only the ticket's own
    waiting_since: datetime | None  # when the first deferral that did not count happened
    calls: tuple[PastCall, ...] = ()
    reply: Reply | None = None
    routing: OurRouting | None = None
    earlier: int = 0  # other originals that the requester opened shortly before; at most 20 are counted

    @property
    def ticket_id(self) -> str:
        return self.ticket.id


@dataclass(frozen=True, slots=True)
class WriteClaim:
    """A committed decision leased to this worker for writing back."""

    id: int
    lease_epoch: int
    ticket: Ticket  # as it was classified
    decision: Decision
    attempts: int  # this one included; of those that killed their worker only the write's own
    sent_to: Standing | None  # the ticket when an earlier attempt may have been sent; None: none ever was

    @property
    def ticket_id(self) -> str:
        return self.ticket.id


@dataclass(frozen=True, slots=True)
class Due:
    """What waits for this worker, or is worked on by it; ``next_in_seconds`` is None when nothing is.

    ``elsewhere``: tickets that other workers hold at the moment.  They are theirs until a lease runs out.
    """

    submissions: int
    writes: int
    next_in_seconds: float | None
    elsewhere: int = 0

    @property
    def left(self) -> int:
        """How many tickets wait, one way or the other."""
        return self.submissions + self.writes


NOTHING_DUE = Due(0, 0, None)


class Ledger(Protocol):
    """The durable queue between the stages and the memory of everything decided.

    Each method is one transaction; none spans a request to an upstream.  Every method that takes a lease or
    a claim raises LeaseLost when somebody else owns the work by now.
    """

    # intake
    def lease_poll(self, horizon: datetime) -> PollLease | None:
        """Take or renew the right to poll; None while another process holds it.

        ``horizon`` is stored by the first poll ever and ignored afterwards.
        """
        ...

    def may_poll(self) -> bool:
        """Whether this worker has the right to poll at the moment; takes and renews nothing."""
        ...

    def history(self, ticket_ids: Sequence[str]) -> Mapping[str, History]: ...

    def routings(self, ticket_ids: Sequence[str]) -> Mapping[str, OurRouting]:
        """Our routings of these tickets that still count, and were never changed by a second look."""
        ...

    def store_page(
        self,
        lease: PollLease,
        checkpoint: str | None,
        revisions: Sequence[Screened],
        unreadable: Sequence[Unreadable],
    ) -> Mapping[Disposition, int]:
        """Store revisions, submissions, replies, corrections and the checkpoint together; count what was new.

        A revision stored before counts as DUPLICATE and brings at most a reply.  A ticket that somebody else
        has stored since it was screened keeps the verdict it got there; this revision is an UPDATE of it.
        """
        ...

    def horizon(self) -> datetime | None:
        """The horizon that the first poll ever stored; None before it."""
        ...

    def store_arrivals(
        self, revisions: Sequence[Screened], unreadable: Sequence[Unreadable], arrival: Arrival
    ) -> Mapping[Disposition, int]:
        """Store tickets that came by another way than the feed, and count them as `store_page` does.

        Needs no right to poll and moves no checkpoint.  Safe beside a poll and beside itself, in any process:
        a ticket is ORIGINAL once, and what comes later, or late, is a DUPLICATE, an ECHO or an UPDATE.
        """
        ...

    # triage
    def claim_submissions(
        self, limit: int, repeat_within: timedelta = timedelta(0)
    ) -> Sequence[SubmissionClaim]:
        """Lease what is due; what outlived several workers comes alone, when nothing else is in hand.

        ``repeat_within`` is how long a requester's earlier tickets count; 0: not at all.
        """
        ...

    def begin_call(self, claim: SubmissionClaim, tier: Tier, model: str, reserve_usd: Decimal) -> int:
        """Commit the intent of a paid call before it starts, with most of the lease left for it.

        Raises BudgetSpent, with nothing committed, when the day's budget cannot bear ``reserve_usd``.
        """
        ...

    def end_call(self, call_id: int, answer: Answer | None, error: str | None = None) -> None:
        """Commit what came back; what is on record already stays as it is."""
        ...

    def decide(self, claim: SubmissionClaim, decision: Decision, paid: PaidAnswer | None = None) -> None:
        """Commit the decision, its pending write and the submission's end together.

        ``paid`` is an answer behind it that `end_call` has not put on record: that is done with it.
        """
        ...

    def dismiss(self, claim: SubmissionClaim, reason: str) -> None:
        """End a second look that changes nothing; ``reason`` holds no words of a customer."""
        ...

    def defer_submission(self, claim: SubmissionClaim, seconds: float, reason: str, *, counts: bool) -> None:
        """Put the submission back; ``counts=False`` gives the attempt back (an outage is not its fault).

        The first such deferral is remembered as ``waiting_since``.
        """
        ...

    def return_submission(self, claim: SubmissionClaim) -> None:
        """Put an untouched submission back as if it had never been claimed."""
        ...

    # write-back
    def claim_writes(self, limit: int) -> Sequence[WriteClaim]: ...

    def intend_writes(self, sends: Sequence[tuple[WriteClaim, Ticket]]) -> None:
        """Commit, right before sending, that these writes may reach the helpdesk, with what was seen."""
        ...

    def end_write(
        self,
        claim: WriteClaim,
        outcome: Outcome,
        applied: Applied | None,
        reason: str,
        instead: Decision | None = None,
    ) -> None:
        """End a write for good.

        ``instead`` is what is decided in place of a refused decision; it is committed with its own pending
        write, as a new generation of the submission.
        """
        ...

    def end_writes(self, ended: Sequence[tuple[WriteClaim, Applied]]) -> None:
        """End writes that were done: all of them, or none where any is not ours any more (LeaseLost)."""
        ...

    def defer_write(
        self, claim: WriteClaim, seconds: float, reason: str, *, counts: bool, sent: bool = False
    ) -> None:
        """Put the write back; ``sent``: this attempt may have reached the helpdesk, as earlier ones may."""
        ...

    # both
    def due(self) -> Due: ...

    def release(self) -> None:
        """Give back every lease of this worker (on an orderly stop); attempts do not count."""
        ...

    def start_pass(self, mode: str) -> str:
        """Open a pass and return its id; decisions made until `end_pass` belong to it."""
        ...

    def note_pass(self, pass_id: str, summary: Mapping[str, Any]) -> None:
        """Store how a pass stands that goes on, and that its process is alive."""
        ...

    def end_pass(self, pass_id: str, summary: Mapping[str, Any]) -> None: ...


# --- Eraser ---------------------------------------------------------------------------------------------


class Eraser(Protocol):
    """Takes customers' words out of the ledger; errors as for the ledger."""

    def erase_older(self, before: datetime | None, limit: int) -> int:
        """Erase the words of at most ``limit`` submissions that were written back before a moment.

        Returns how many; None as the moment erases only what earlier erasures had to leave.
        """
        ...

    def settle(self) -> bool:
        """Leave no copy of what was erased in the database's journal; False when that must wait."""
        ...


# --- Observer -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, named ``noun.verb``; ``facts``: ids, counts, states and money, never text."""

    name: str
    level: str = "info"
    facts: Mapping[str, Any] = field(default_factory=dict)


class Observer(Protocol):
    """A sink for events: logs, metrics, a progress bar.  Must not raise and must not block."""

    def __call__(self, event: Event, /) -> None: ...


def broadcast(observers: Iterable[Observer]) -> Observer:
    """One observer that hands every event to all of ``observers``."""
    sinks = tuple(observers)

    def tell(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return tell
