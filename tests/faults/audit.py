"""What must be true when all faults are over and the connector has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from connector.sandbox.zendesk_api import Ticket
from tests.support.town import Town


def audit(town: Town, before: Mapping[int, Ticket], originals: set[int], refused: set[int]) -> list[str]:
    """Every broken promise in a sentence.

    ``before``: the tickets as they arrived.  ``refused``: a write to these was answered with a final no.
    """
    return [
        *_ends(town, originals, refused),
        *(broken for ticket_id in before for broken in _ticket(town, before[ticket_id], originals)),
        *_outcomes(town, refused),
        *_calls(town),
    ]


def _ends(town: Town, originals: set[int], refused: set[int]) -> list[str]:
    """Every original has one submission, one decision and one write, and all of them are at their end.

    What the helpdesk refused has a second of each, which leads to a person.
    """
    once, twice = {str(each) for each in originals}, {str(each) for each in refused}
    broken = []
    for table, state in (("submissions", "decided"), ("decisions", None), ("writes", "done")):
        rows = town.rows(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
        found = Counter(row["ticket_id"] for row in rows)
        if set(found) != once or any(number > 1 + (each in twice) for each, number in found.items()):
            broken.append(f"{table}: not one for each original")
        broken += [
            f"{table}: {row['ticket_id']} is {row['state']}"
            for row in rows
            if state and row["state"] != state
        ]
    return broken


def _ticket(town: Town, old: Ticket, originals: set[int]) -> list[str]:
    """A ticket is written at most once, by its own decision, and nobody's tag is lost."""
    now, writes = town.zendesk.tickets()[old.id], town.zendesk.writes(old.id)
    broken = []
    if old.id not in originals and now != old:
        broken.append(f"{old.id} was touched and is no original")
    if len(writes) > 1:
        broken.append(f"{old.id} was written {len(writes)} times")
    if len(town.zendesk.notes(old.id)) > 1:
        broken.append(f"{old.id} has {len(town.zendesk.notes(old.id))} notes")
    if not set(old.tags) <= set(now.tags):
        broken.append(f"{old.id} lost a tag")
    decided = town.rows("SELECT id FROM decisions WHERE ticket_id = ?", str(old.id))
    if not {write.custom.get("decision_id") for write in writes} <= {row["id"] for row in decided}:
        broken.append(f"{old.id} was written by something else than its decision")
    if old.id in town.taken and (writes or now.assignee_id != town.zendesk.agent):
        broken.append(f"{old.id} was taken by a person and written")
    return broken


def _outcomes(town: Town, refused: set[int]) -> list[str]:
    """The ledger says of every write what became of it, and gives up only where the helpdesk said no."""
    broken = []
    for row in town.rows("SELECT ticket_id, outcome, reason FROM writes"):
        ticket_id, told = int(row["ticket_id"]), f"{row['ticket_id']} is {row['outcome']} ({row['reason']})"
        is_written = bool(town.zendesk.writes(ticket_id))
        if (row["outcome"] == "applied") != is_written and ticket_id not in refused:
            broken.append(f"{told}, and was {'' if is_written else 'not '}written")
        elif not is_written and ticket_id not in town.taken | refused:
            broken.append(f"{told}, and nobody stood in the way")
    return broken


def _calls(town: Town) -> list[str]:
    """Every paid call is on record, and an answer that was kept was bought once."""
    rows = town.rows("SELECT submission_id, tier, state FROM model_calls")
    paid = [call for call in town.claude.calls if call.status == 200]
    broken = []
    if len(paid) > len(rows):
        broken.append(f"{len(paid)} calls were paid and {len(rows)} are on record")
    if open_calls := [row for row in rows if row["state"] in {"started", "lost"}]:
        broken.append(f"{len(open_calls)} calls never ended")
    kept = Counter((row["submission_id"], row["tier"]) for row in rows if row["state"] in {"ok", "unusable"})
    return broken + [f"{key} was bought {count} times" for key, count in kept.items() if count > 1]
