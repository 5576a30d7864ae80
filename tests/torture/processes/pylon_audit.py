"""What became of every issue of a round: Pylon's own record against the database, from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.sandbox.pylon_api.records import Issue, Write
from connector.sandbox.server import Request
from tests.torture.business import KINDS
from tests.torture.plans import CLAIMS, Deed
from tests.torture.processes.audit import EXHAUSTED, OURS, Written, of_payments, submissions
from tests.torture.processes.finding import Broken, Excuses, Finding
from tests.torture.processes.plan import ROUTED
from tests.torture.processes.town import BILLING, HUMAN
from tests.torture.processes.windows import Act, Sent, issue_of
from tests.torture.remains import Remains

if TYPE_CHECKING:
    from tests.torture.processes.pylon_town import PylonTown


def examine(town: PylonTown, remains: Remains, excuses: Excuses) -> Iterator[Finding]:
    """Every broken promise of a round that has come to rest."""
    ends = submissions(remains)
    for number, issue_id in town.tickets.items():
        told = [
            *_of_history(town, number, issue_id),
            *_of_our_tags(town, issue_id, excuses),
            *_of_ledger(town, number, issue_id, ends.get(issue_id, [])),
            *of_payments(town, number, excuses, remains),
        ]
        for broken, what in told:
            yield broken, f"case {number} ({town.kinds[number]}): {what}"


# --- What happened at Pylon -------------------------------------------------------------------------------


def changes_something(write: Write) -> bool:
    """Whether a write had an effect; one with what was there already has none."""
    before, after = write.before, write.after
    facts = [(each.team_id, frozenset(each.tags), dict(each.values)) for each in (before, after)]
    return facts[0] != facts[1]


def effective(town: PylonTown, issue_id: str) -> list[tuple[Sent, Write]]:
    """Our writes to an issue that changed something, in order."""
    writes = town.pylon.writes()
    ours = [(sent, writes[sent.write]) for sent in town.windows.sent if sent.issue == issue_id]
    return [each for each in ours if changes_something(each[1])]


def _of_history(town: PylonTown, number: int, issue_id: str) -> Iterator[Finding]:
    """Our writes in order, against what people did before the sender's last look, and after it."""
    acts, whole = town.acts.get(issue_id, []), 0
    lost_in_windows: set[str] = set()
    for sent, write in effective(town, issue_id):
        earlier = [act for act in acts if act.version < sent.version]
        in_window = [act for act in earlier if act.version >= sent.looked]
        yield from _of_claims(town, sent, earlier)
        if not (whole and set(write.patch) == {"tags"}):  # else it mends what another list took off
            whole += 1
            if whole > 1 and not in_window:
                yield Broken.DOUBLED, f"{whole} effective writes"
        removed = {tag for tag in write.tags_removed if not tag.startswith(OURS)}
        known = set(town.pylon.world.versions[issue_id][sent.looked - 1].tags) if sent.looked else removed
        if removed & known or (removed and not in_window):
            yield Broken.TAGS_LOST, f"{sorted(removed)} taken off"
        lost_in_windows |= removed - known
    if len(notes := town.pylon.notes(issue_id)) > 1:
        yield Broken.SECOND_NOTE, f"{len(notes)} notes"
    town.tags_overtaken += [f"{issue_id} {tag}" for tag in lost_in_windows]
    issue = town.pylon.issues().get(issue_id)
    if issue is not None and (missing := town.tags[number] - set(issue.tags) - lost_in_windows):
        yield Broken.TAGS_LOST, f"{sorted(missing)}"


def _of_claims(town: PylonTown, sent: Sent, earlier: Sequence[Act]) -> Iterator[Finding]:
    claims = [act for act in earlier if act.deed in CLAIMS]
    before_look = [act.deed.value for act in claims if act.version < sent.looked]
    if before_look or (claims and not sent.looked):
        yield Broken.OVERRULED, f"written although people had done this before the last look: {before_look}"
    elif claims:
        town.overtaken.append(sent.issue)


def _of_our_tags(town: PylonTown, issue_id: str, excuses: Excuses) -> Iterator[Finding]:
    """A list that replaced ours right after our write is mended by whoever looked afterwards and lived on."""
    issue, ours = town.pylon.issues().get(issue_id), effective(town, issue_id)
    lists = [act.version for act in town.acts.get(issue_id, ()) if act.deed is Deed.OVERWRITE]
    if issue is None or not ours or not lists or any(tag.startswith(OURS) for tag in issue.tags):
        return
    first, _ = ours[0]
    has_looked = any(
        (pid, seen) == (first.pid, issue_id) and versions > lists[0]
        for pid, seen, versions in town.windows.looks
    )
    if has_looked and first.pid not in excuses.interrupted and not is_claimed(town, issue_id):
        yield Broken.TAGS_LOST, "ours, to a list from before our write"


def is_claimed(town: PylonTown, issue_id: str) -> bool:
    """Whether people made the issue theirs, at any time."""
    return any(act.deed in CLAIMS for act in town.acts.get(issue_id, ()))


# --- What the ledger says ---------------------------------------------------------------------------------


def _of_ledger(town: PylonTown, number: int, issue_id: str, ends: list[Written]) -> Iterator[Finding]:
    """Each original ends once, the ledger knows how, and it ends where it belongs unless people took it."""
    taken, kind = is_claimed(town, issue_id), town.kinds[number]
    effects = len(effective(town, issue_id))
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
    is_gone = end.outcome == "gone" and issue_id not in town.pylon.issues()  # nothing is read back there
    is_true = (end.outcome == "applied") == (effects > 0)
    if not (is_true or is_gone or issue_id in town.overtaken):
        yield Broken.LEDGER_LIES, f"says {end.outcome} ({end.reason}) of {effects} effective writes"
    if not taken and not end.is_given_up:
        yield from _where_it_belongs(town, kind, town.pylon.issues()[issue_id], end)


def _where_it_belongs(town: PylonTown, kind: str, issue: Issue, end: Written) -> Iterator[Finding]:
    to_people = KINDS[kind].notes > 0 or end.cause in EXHAUSTED
    team, most_notes = (HUMAN, 1) if to_people else (BILLING, 0)
    notes = len(town.pylon.notes(issue.id))  # a note that is cut off from its write is never repeated
    if end.outcome != "applied":
        yield Broken.LOST, f"not written ({end.outcome}: {end.reason}) though nobody took it"
    elif issue.team_id != town.teams[team] or notes > most_notes:
        yield Broken.WRONG_END, f"in team {issue.team_id} with {notes} notes"


# --- At any moment ----------------------------------------------------------------------------------------


def undecided(request: Request, remains: Remains) -> str:
    """Why this write is not the one that is decided and announced at this moment; empty when it is."""
    issue_id, body = issue_of(request), request.json()
    rows = remains.rows(
        "SELECT d.plan FROM decisions d JOIN writes w ON w.decision_id = d.id"
        " WHERE w.maybe_sent AND d.ticket_id = ?",
        issue_id,
    )
    groups = {json.loads(row[0])["group"] for row in rows}
    is_decided = body["team_id"] in groups if "team_id" in body else bool(groups)
    return "" if is_decided else f"of issue {issue_id}"


def checkpoint_is_ahead(town: PylonTown, remains: Remains) -> str:
    """Which issues lie behind the stored checkpoint and are not stored; empty when none.

    Both are read in this order: an issue that changes in between moves to a time after the checkpoint.
    """
    rows = remains.rows("SELECT checkpoint FROM checkpoints")
    since = json.loads(rows[0][0] or "{}").get("since") if rows else None
    if since is None:
        return ""
    until = datetime.fromisoformat(since).timestamp()
    stored = set(remains.rows("SELECT ticket_id, version FROM revisions"))
    return ", ".join(
        issue.id
        for issue in town.pylon.issues().values()
        if issue.updated_at <= until and (issue.id, version_of(issue)) not in stored
    )


def version_of(issue: Issue) -> str:
    """``updated_at`` as Pylon writes it."""
    return f"{datetime.fromtimestamp(int(issue.updated_at), UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_all_stored(town: PylonTown, remains: Remains) -> bool:
    """Whether the newest version of every issue has been polled."""
    stored = set(remains.rows("SELECT ticket_id, version FROM revisions"))
    return all((each.id, version_of(each)) in stored for each in town.pylon.issues().values())
