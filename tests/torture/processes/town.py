"""A helpdesk with people and a model, emulated in this process for real connectors to talk to."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from connector.domain.classification import Tier
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.script import Scripted, refusal
from connector.sandbox.faults import FaultPlan
from connector.sandbox.server import App, Request, Response
from connector.settings import Settings
from tests.torture.plans import Deed
from tests.torture.processes.finding import Excuses, Finding
from tests.torture.processes.plan import ROUTED
from tests.torture.processes.windows import Glimpses
from tests.torture.remains import Remains

SUBJECT = re.compile(r"case-(\d+) (\w+)")
KEY = "torture-key"
_OPINION = {
    "team": "billing",
    "type": "billing_dispute",
    "urgency": "normal",
    "sentiment": "neutral",
    "secondary_team": "none",
    "reason": "asks for a refund",
} | {f"{axis}_confidence": 0.95 for axis in ("team", "type", "urgency", "sentiment")}
_DEFAULTS = Settings()
BILLING, HUMAN, OTHER = _DEFAULTS.groups()["billing"], _DEFAULTS.helpdesk.human_group, "Other"
GROUPS = tuple(dict.fromkeys([*_DEFAULTS.groups().values(), HUMAN, OTHER]))
TIERS = {_DEFAULTS.llm.cheap.model: Tier.CHEAP, _DEFAULTS.llm.strong.model: Tier.STRONG}


@dataclass
class Town(ABC):
    """``kinds`` and ``tickets`` by number, in order of arrival; ``paid`` counts answered questions."""

    claude: ClaudeSandbox = field(init=False)
    kinds: dict[int, str] = field(default_factory=dict)
    tickets: dict[int, str] = field(default_factory=dict)  # the helpdesk's ids
    tags: dict[int, set[str]] = field(default_factory=dict)  # that people put on, by number
    paid: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    deeds: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def arrives(self, kind: str, *, age_seconds: float = 0) -> int:
        """A new ticket; its number.  What is older than the last poll would never be polled."""
        with self._lock:
            number = len(self.kinds) + 1
            self.kinds[number], self.tags[number] = kind, {"vip", f"case_{number}"}
            self.tickets[number] = self._open(number, kind, is_routed=kind == ROUTED, age_seconds=age_seconds)
            return number

    def answer(self, request: MessageRequest) -> Scripted | None:
        """The model's opinion, by the kind of the ticket; from here on the call is paid."""
        found = SUBJECT.search(str(request.ticket.get("subject")))
        if found is None:
            return None
        number, kind, tier = int(found[1]), found[2], TIERS[request.model.id]
        with self._lock:
            self.paid[number, tier] += 1
        if kind == "unusable":
            return refusal()
        sure = 0.3 if (kind, tier) == ("doubtful", Tier.CHEAP) else 0.95
        return Scripted(changes=_OPINION | {"team_confidence": sure})

    def environment(self) -> dict[str, str]:
        """What leads a connector here."""
        claude = {"ANTHROPIC_BASE_URL": self.claude.url, "ANTHROPIC_API_KEY": KEY}
        return claude | {f"CONNECTOR_HELPDESK__{name}": value for name, value in self.login().items()}

    def arrived(self, kind: str, request: Request) -> None:  # noqa: B027 - most towns take no notes
        """A request is at the door, before anything happens to it."""

    def serve(self, kind: str, request: Request, app: App) -> Response:
        """The helpdesk works on a request."""
        return app(request)

    def run_jobs(self) -> None:  # noqa: B027 - most towns have no jobs
        """Do what bulk updates asked for."""

    def glimpses(self, stopped: Set[int]) -> Glimpses | None:
        """What is known of the time between last looks at tickets and their writes; None: it does not matter.

        Processes that were ``stopped`` tell nothing about it.
        """
        return None

    # --- What differs from helpdesk to helpdesk -----------------------------------------------------------

    @property
    @abstractmethod
    def faults(self) -> FaultPlan:
        """Where requests to the helpdesk suffer."""

    @abstractmethod
    def login(self) -> Mapping[str, str]:
        """The settings of ``[helpdesk]`` that lead here."""

    @abstractmethod
    def _open(self, number: int, kind: str, *, is_routed: bool, age_seconds: float) -> str: ...

    @abstractmethod
    def does(self, deed: Deed, number: int) -> None:
        """Somebody does something to a ticket; what is closed or deleted stays as it is."""

    @abstractmethod
    def effects(self) -> int:
        """How many of our writes changed something."""

    # --- Audit --------------------------------------------------------------------------------------------

    @abstractmethod
    def undecided(self, request: Request, remains: Remains) -> str:
        """What in this write is not decided and announced at this moment; empty when all is."""

    @abstractmethod
    def examine(self, remains: Remains, excuses: Excuses) -> Iterator[Finding]:
        """Every broken promise of a round that has come to rest."""

    @abstractmethod
    def checkpoint_is_ahead(self, remains: Remains) -> str:
        """Which tickets lie behind the stored checkpoint and are not stored; empty when none."""

    @abstractmethod
    def is_all_stored(self, remains: Remains) -> bool:
        """Whether the newest version of every ticket has been polled."""
