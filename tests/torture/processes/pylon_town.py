"""Pylon with people and a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

from connector.sandbox.faults import FaultPlan
from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.pylon_api.records import Issue
from connector.sandbox.server import App, Request, Response
from tests.torture.business import KINDS
from tests.torture.plans import CLAIMS, Deed
from tests.torture.processes import pylon_audit
from tests.torture.processes.finding import Excuses, Finding
from tests.torture.processes.town import GROUPS, OTHER, Town
from tests.torture.processes.windows import Act, Glimpses, Windows
from tests.torture.remains import Remains


@dataclass(kw_only=True)
class PylonTown(Town):
    """``teams`` are ids by name; ``acts`` what people did, by issue."""

    pylon: PylonSandbox
    teams: dict[str, str]
    windows: Windows
    acts: dict[str, list[Act]] = field(default_factory=dict)
    overtaken: list[str] = field(default_factory=list)  # whom and what a write overtook, found by the audit
    tags_overtaken: list[str] = field(default_factory=list)

    @property
    def faults(self) -> FaultPlan:
        return self.pylon.faults

    def login(self) -> Mapping[str, str]:
        return {
            "KIND": "pylon",
            "BASE_URL": self.pylon.url,
            "API_TOKEN": self.pylon.token,
            "INTERNAL_NOTES": "true",
        }

    def arrived(self, kind: str, request: Request) -> None:
        self.windows.arrived(request)

    def serve(self, kind: str, request: Request, app: App) -> Response:
        return self.windows.serve(kind, request, app)

    def _open(self, number: int, kind: str, *, is_routed: bool, age_seconds: float) -> str:
        return self.pylon.create_issue(
            f"case-{number} {kind}",
            f"<p>{escape(KINDS['confident' if is_routed else kind].text)}</p>",
            tags=sorted(self.tags[number]),
            team=self.teams[OTHER] if is_routed else None,
            created_at=self.pylon.world.now() - age_seconds,
        )

    def does(self, deed: Deed, number: int) -> None:
        issue_id, world = self.tickets.get(number, ""), self.pylon.world
        with world.lock:  # a person decides by what she sees
            issue = self.pylon.issues().get(issue_id)
            if issue is None or issue.state == "closed" or not self._makes_sense(deed, issue_id):
                return
            self.deeds.append(f"{deed} {number}")
            self.acts.setdefault(issue_id, []).append(Act(deed, len(world.versions[issue_id])))
            self._do(deed, number, issue)

    def _makes_sense(self, deed: Deed, issue_id: str) -> bool:
        """Only what we wrote is taken back or overwritten, and not both: that would take all of it back."""
        done = {act.deed for act in self.acts.get(issue_id, ())}
        if deed is Deed.REVERT:
            return bool(self.pylon.writes(issue_id)) and Deed.OVERWRITE not in done
        if deed is Deed.OVERWRITE:
            return bool(self.pylon.writes(issue_id)) and not done & CLAIMS.keys()
        return True

    def _do(self, deed: Deed, number: int, issue: Issue) -> None:
        pylon, other = self.pylon, self.teams[OTHER]
        facts: dict[Deed, dict[str, Any]] = {
            Deed.ROUTE: {"team": other},
            Deed.ASSIGN: {"assignee": pylon.agent},
            Deed.SOLVE: {"state": "closed"},
            Deed.CLOSE: {"state": "closed", "assignee": pylon.agent},
            Deed.REVERT: {"team": None},
            Deed.TAG: {"tags": [*issue.tags, "mine"]},
            Deed.OVERWRITE: {"tags": sorted(self.tags[number])},
        }
        match deed:
            case Deed.DELETE:
                pylon.delete(issue.id)
            case Deed.MERGE:
                pylon.group(pylon.create_issue("target", "<p>another question</p>", team=other), [issue.id])
            case Deed.REPLY:
                pylon.customer_reply(issue.id, "<p>Any news?</p>")
            case _:
                pylon.person_sets(issue.id, **facts[deed])
        if deed is Deed.TAG:
            self.tags[number].add("mine")

    def glimpses(self, stopped: Set[int]) -> Glimpses:
        """Once the audit is done; the rounds with SIGSTOP in a window would measure the signal."""
        told = [each for each in self.windows.sent if each.pid not in stopped]
        seconds = tuple(each.window_seconds for each in told if each.window_seconds is not None)
        requests = sum(each.requests or 0 for each in told)
        overtaken, tags = len(self.overtaken), len(self.tags_overtaken)
        return Glimpses(seconds, requests, overtaken, tags, self._deeds_in_the_same_second())

    def _deeds_in_the_same_second(self) -> int:
        found = 0
        for issue_id, acts in self.acts.items():
            seconds = [int(each.updated_at) for each in self.pylon.world.versions[issue_id]]
            made = [act.version for act in acts if act.version < len(seconds)]
            found += sum(seconds[at] in (*seconds[at - 1 : at], *seconds[at + 1 : at + 2]) for at in made)
        return found

    def effects(self) -> int:
        return sum(pylon_audit.changes_something(write) for write in self.pylon.writes())

    def undecided(self, request: Request, remains: Remains) -> str:
        return pylon_audit.undecided(request, remains)

    def examine(self, remains: Remains, excuses: Excuses) -> Iterator[Finding]:
        return pylon_audit.examine(self, remains, excuses)

    def checkpoint_is_ahead(self, remains: Remains) -> str:
        return pylon_audit.checkpoint_is_ahead(self, remains)

    def is_all_stored(self, remains: Remains) -> bool:
        return pylon_audit.is_all_stored(self, remains)


@contextmanager
def pylon_town() -> Iterator[PylonTown]:
    """A tenant whose notes may be written."""
    with PylonSandbox(rate_limits=False) as pylon:
        teams = {name: pylon.add_team(name) for name in GROUPS}
        yield PylonTown(pylon=pylon, teams=teams, windows=Windows(pylon.world))
