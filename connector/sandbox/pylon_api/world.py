"""The tenant: its people, its issues, every version of them, and what was said."""

from __future__ import annotations

import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from connector.sandbox.pylon_api.records import (
    BASE_STATES,
    Account,
    Contact,
    CustomField,
    Issue,
    Json,
    Message,
    Served,
    Status,
    Tag,
    Team,
    Thread,
    User,
    Write,
)

# Given the issue before and after a change: the further change that the rule makes, or None.
Rule = Callable[[Issue, Issue], Json | None]


@dataclass(slots=True)
class World:
    """Everything the tenant knows.  Whoever reads or changes it holds ``lock``."""

    now: Callable[[], float]
    organization: str = "Sandbox Inc."
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    fields: dict[tuple[str, str], CustomField] = field(default_factory=dict)  # by object type and slug
    statuses: dict[str, Status] = field(default_factory=dict)
    tags: dict[tuple[str, str], Tag] = field(default_factory=dict)  # by object type and name
    issues: dict[str, Issue] = field(default_factory=dict)
    versions: defaultdict[str, list[Issue]] = field(default_factory=lambda: defaultdict(list))
    messages: defaultdict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    threads: defaultdict[str, list[Thread]] = field(default_factory=lambda: defaultdict(list))
    rules: list[Rule] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    api_notes: list[Message] = field(default_factory=list)
    requests: list[Served] = field(default_factory=list)
    _chance: random.Random = field(default_factory=lambda: random.Random(20_261_121))
    _numbers: dict[int, str] = field(default_factory=dict)

    def new_id(self) -> str:
        """A UUID; the same ones in every run."""
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    # --- issues ---

    def new_number(self) -> int:
        return len(self._numbers) + 1

    def add(self, issue: Issue) -> None:
        """A new issue, as old as it says."""
        self.issues[issue.id] = issue
        self._numbers[issue.number] = issue.id
        self.versions[issue.id].append(issue)
        self.know_tags(issue)

    def put(self, issue: Issue) -> Issue:
        """Store a changed issue: it was updated now."""
        stored = replace(issue, updated_at=self.now())
        self.issues[issue.id] = stored
        self.versions[issue.id].append(stored)
        self.know_tags(stored)
        return stored

    def remove(self, issue_id: str) -> None:
        """Gone for good, without a tombstone; its number is not given out again."""
        del self.issues[issue_id]

    def find(self, name: str) -> Issue | None:
        """An issue by its id or its number."""
        if name.isascii() and name.isdigit():
            return self.issues.get(self._numbers.get(int(name), ""))
        return self.issues.get(name)

    def searchable(self, lag_seconds: float) -> list[Issue]:
        """The issues that still exist, as they were so long ago; younger ones are left out."""
        if lag_seconds <= 0:
            return list(self.issues.values())
        moment = self.now() - lag_seconds
        seen: list[Issue] = []
        for issue_id in self.issues:
            known = [version for version in self.versions[issue_id] if version.updated_at <= moment]
            seen += known[-1:]
        return seen

    # --- names ---

    def know_tags(self, issue: Issue) -> None:
        for value in issue.tags:
            self.add_tag(value)

    def add_tag(self, value: str) -> None:
        if ("issue", value) not in self.tags:
            self.tags["issue", value] = Tag(self.new_id(), value)

    def is_state(self, name: object) -> bool:
        return name in BASE_STATES or name in self.statuses

    def is_closed(self, state: str) -> bool:
        status = self.statuses.get(state)
        return (status.category if status else state) == "closed"
