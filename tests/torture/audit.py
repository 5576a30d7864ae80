"""What became of every ticket, once a scenario has come to rest."""

from __future__ import annotations

from connector.domain.classification import Tier
from connector.domain.ticket import Status
from tests.torture.business import KINDS
from tests.torture.ordeal import Ordeal


def audit(ordeal: Ordeal) -> list[str]:
    """Every broken promise; empty when all were kept."""
    ordeal.inspect()
    found = list(ordeal.violations)
    for ticket_id in ordeal.kinds:
        found += [f"{what}: {ticket_id}" for what in _of_ticket(ordeal, ticket_id)]
    if ordeal.remains.calls() < ordeal.paid.total():
        found.append("a paid call is not on record")
    return found


def _of_ticket(ordeal: Ordeal, ticket_id: str) -> list[str]:
    return [*_unfinished(ordeal, ticket_id), *_overpaid(ordeal, ticket_id), *_spoiled(ordeal, ticket_id)]


def _left_to_people(ordeal: Ordeal, ticket_id: str) -> bool:
    """Whether a ticket may stay unwritten: people took it."""
    return ticket_id in ordeal.chosen


def _unfinished(ordeal: Ordeal, ticket_id: str) -> list[str]:
    """Nothing is lost, everything ends once, and the ledger says what really happened."""
    rows = ordeal.remains.submissions(ticket_id)
    if not rows:
        return [] if ticket_id in ordeal.chosen else ["lost"]
    if len(rows) > 1:
        return ["submitted twice"]
    state, decision_id, write_state, outcome = rows[0]
    if (state, decision_id is not None, write_state) != ("decided", True, "done"):
        return [f"stuck ({state}, write {write_state})"]
    problems = []
    # Of a ticket that is gone nobody can read back whether an unclear write had reached it.
    is_gone = outcome == "gone" and ordeal.helpdesk.tickets[ticket_id].status is Status.DELETED
    is_true = (outcome == "applied") == (ordeal.effects[ticket_id] > 0)
    if not (is_true or is_gone or ticket_id in ordeal.overtaken):
        problems.append(f"the ledger says {outcome} of {ordeal.effects[ticket_id]} effective writes")
    if outcome != "applied" and not _left_to_people(ordeal, ticket_id):
        problems.append(f"not written ({outcome}) though nobody else took it")
    return problems


def _overpaid(ordeal: Ordeal, ticket_id: str) -> list[str]:
    """Each tier that was needed is paid once, and once more for each call in flight at a kill."""
    problems = []
    for tier in (Tier.CHEAP, Tier.STRONG):
        needed = tier in KINDS[ordeal.kinds[ticket_id]].calls
        paid, allowed = ordeal.paid[ticket_id, tier], needed + ordeal.excused[ticket_id, tier]
        if paid > allowed:
            problems.append(f"{tier} paid {paid} times for {allowed}")
    return problems


def _spoiled(ordeal: Ordeal, ticket_id: str) -> list[str]:
    """What people chose stands, their tags are there, there is one note where one belongs, and the group."""
    ticket, expected = ordeal.helpdesk.tickets[ticket_id], KINDS[ordeal.kinds[ticket_id]]
    problems = []
    chosen = {} if ticket_id in ordeal.overtaken else ordeal.chosen.get(ticket_id, {})
    if any(getattr(ticket, name) != value for name, value in chosen.items()):
        problems.append("a person's choice does not stand")
    if not ordeal.tags[ticket_id] <= set(ticket.tags) | ordeal.tags_overtaken.get(ticket_id, set()):
        problems.append("a person's tag is gone")
    if _has_lost_our_tags(ordeal, ticket_id):
        problems.append("our tags are gone")
    notes = len(ordeal.helpdesk.notes.get(ticket_id, ()))
    if notes > expected.notes:
        problems.append(f"{notes} notes")
    is_noted = notes == expected.notes or not ordeal.helpdesk.capabilities.conditional_write
    if not _left_to_people(ordeal, ticket_id) and not (ticket.group == expected.group.id and is_noted):
        problems.append(f"in group {ticket.group} with {notes} notes")
    return problems


def _has_lost_our_tags(ordeal: Ordeal, ticket_id: str) -> bool:
    """Whether the tags of an effective write are gone; a list that came when nobody looked may have them."""
    tags = ordeal.helpdesk.tickets[ticket_id].tags
    is_whole = ordeal.effects[ticket_id] > 0 and ticket_id not in ordeal.overwritten
    return is_whole and not any(tag.startswith("ai_") for tag in tags)
