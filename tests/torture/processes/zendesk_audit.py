"""What became of every ticket of a round: Zendesk's own record against the database, from outside."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connector.sandbox.server import Request
from connector.sandbox.zendesk_api.records import Audit, Ticket
from tests.torture.business import KINDS
from tests.torture.processes.audit import EXHAUSTED, OURS, Written, of_payments, submissions
from tests.torture.processes.finding import Broken, Excuses, Finding
from tests.torture.processes.plan import ROUTED
from tests.torture.processes.town import BILLING, HUMAN
from tests.torture.remains import Remains

if TYPE_CHECKING:
    from tests.torture.processes.zendesk_town import ZendeskTown

CLAIMS = frozenset({"group_id", "assignee_id", "status"})


def examine(town: ZendeskTown, remains: Remains, excuses: Excuses) -> Iterator[Finding]:
    """Every broken promise of a round that has come to rest."""
    ends = submissions(remains)
    for number, ticket_id in town.tickets.items():
        ticket = town.zendesk.tickets()[int(ticket_id)]
        told = [
            *_of_history(town, number, ticket),
            *_of_ledger(town, number, ticket, ends.get(ticket_id, [])),
            *of_payments(town, number, excuses, remains),
        ]
        for broken, what in told:
            yield broken, f"case {number} ({town.kinds[number]}): {what}"


def _of_history(town: ZendeskTown, number: int, ticket: Ticket) -> Iterator[Finding]:
    """The helpdesk's own audits in order: our writes, and what people did before them."""
    ours = [write for write in town.zendesk.writes(ticket.id) if "decision_id" in write.custom]
    if len(ours) > 1:
        yield Broken.DOUBLED, f"{len(ours)} effective writes"
    if len(notes := town.zendesk.notes(ticket.id)) > 1:
        yield Broken.SECOND_NOTE, f"{len(notes)} notes"
    claimed = ""
    for audit in town.zendesk.audits(ticket.id):
        if "decision_id" in audit.custom:
            if claimed:
                yield Broken.OVERRULED, f"written although a person had changed the {claimed}"
        else:
            claimed = claimed or claim_of(town, audit)
    missing = town.tags[number] - set(ticket.tags)
    removed = {tag for write in ours for tag in write.tags_removed if not tag.startswith(OURS)}
    if missing | removed:
        yield Broken.TAGS_LOST, f"{sorted(missing | removed)}"


def claim_of(town: ZendeskTown, audit: Audit) -> str:
    """What an agent changed that makes the ticket theirs; empty if nothing."""
    if audit.author_id != town.zendesk.agent:
        return ""
    fields = [str(event.get("field_name")) for event in audit.events if event.get("type") == "Change"]
    return next((name for name in fields if name in CLAIMS), "")


def _of_ledger(town: ZendeskTown, number: int, ticket: Ticket, ends: list[Written]) -> Iterator[Finding]:
    """Each original ends once, the ledger knows how, and it ends where it belongs unless people took it."""
    taken = any(claim_of(town, audit) for audit in town.zendesk.audits(ticket.id))
    effects = len([write for write in town.zendesk.writes(ticket.id) if "decision_id" in write.custom])
    kind = town.kinds[number]
    if kind == ROUTED:
        if ends or effects:
            yield Broken.WRONG_END, "was routed already, and was worked on"
        return
    if not ends:
        if not taken:
            yield Broken.LOST, "no submission"
        return
    if len(ends) > 1:
        yield Broken.DOUBLED, f"{len(ends)} submissions"
    end = ends[0]
    if (end.state, end.write) != ("decided", "done"):
        yield Broken.STUCK, f"submission {end.state}, write {end.write}"
        return
    is_gone = end.outcome == "gone" and ticket.status == "deleted"  # an unclear write is not read back there
    if (end.outcome == "applied") != (effects > 0) and not is_gone:
        yield Broken.LEDGER_LIES, f"says {end.outcome} ({end.reason}) of {effects} effective writes"
    if not taken and not end.is_given_up:
        yield from _where_it_belongs(town, kind, ticket, end)


def _where_it_belongs(town: ZendeskTown, kind: str, ticket: Ticket, end: Written) -> Iterator[Finding]:
    expected = KINDS[kind]
    to_people = expected.notes > 0 or end.cause in EXHAUSTED
    group, notes = (HUMAN, 1) if to_people else (BILLING, 0)
    if end.outcome != "applied":
        yield Broken.LOST, f"not written ({end.outcome}: {end.reason}) though nobody took it"
    elif (ticket.group_id, len(town.zendesk.notes(ticket.id))) != (town.groups[group], notes):
        yield Broken.WRONG_END, f"in group {ticket.group_id} with {len(town.zendesk.notes(ticket.id))} notes"


# --- At any moment ----------------------------------------------------------------------------------------


def checkpoint_is_ahead(town: ZendeskTown, remains: Remains) -> str:
    """Which tickets lie behind the stored checkpoint and are not stored; empty when none.

    Both are read in this order: a ticket that changes in between moves to a place after the checkpoint.
    """
    rows = remains.rows("SELECT checkpoint FROM checkpoints")
    cursor = json.loads(rows[0][0] or "{}").get("cursor") if rows else None
    if cursor is None:
        return ""
    place = re.fullmatch(r"(\d+)\.0\|\|(\d+)\|", base64.b64decode(cursor).decode())
    assert place is not None
    stored = set(remains.rows("SELECT ticket_id, version FROM revisions"))
    return ", ".join(
        str(ticket.id)
        for ticket in town.zendesk.tickets().values()
        if (ticket.generated_at, ticket.id) <= (int(place[1]), int(place[2]))
        and (str(ticket.id), version_of(ticket)) not in stored
    )


def version_of(ticket: Ticket) -> str:
    """``updated_at`` as the helpdesk writes it."""
    return f"{datetime.fromtimestamp(ticket.updated_at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_all_stored(town: ZendeskTown, remains: Remains) -> bool:
    """Whether the newest version of every ticket has been polled."""
    stored = set(remains.rows("SELECT ticket_id, version FROM revisions"))
    return all((str(each.id), version_of(each)) in stored for each in town.zendesk.tickets().values())


def undecided(request: Request, remains: Remains) -> str:
    """Which decisions of a write are not committed, with their writes announced, at this moment."""
    body: Any = request.json()
    tickets = body.get("tickets") or [body.get("ticket") or {}]
    decision_ids = [str((ticket.get("metadata") or {}).get("decision_id")) for ticket in tickets]
    marks = ", ".join("?" * len(decision_ids))
    known: set[Any] = {
        row[0]
        for row in remains.rows(
            "SELECT d.id FROM decisions d JOIN writes w ON w.decision_id = d.id"  # noqa: S608 - only marks
            f" WHERE w.maybe_sent AND d.id IN ({marks})",
            *decision_ids,
        )
    }
    return ", ".join(each for each in decision_ids if each not in known)
