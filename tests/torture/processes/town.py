"""A helpdesk with people and a model, emulated in this process for real connectors to talk to."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.domain.classification import Tier
from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.claude_api.message_request import MessageRequest
from connector.sandbox.claude_api.script import Scripted, refusal
from connector.sandbox.faults import Fault
from connector.sandbox.zendesk_api import ZendeskSandbox
from connector.sandbox.zendesk_api.records import Ticket
from connector.settings import Settings
from tests.torture.business import KINDS
from tests.torture.plans import Deed
from tests.torture.processes.gate import Gate
from tests.torture.processes.plan import ROUTED

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
BILLING, HUMAN = _DEFAULTS.groups()["billing"], _DEFAULTS.helpdesk.human_group
TIERS = {_DEFAULTS.llm.cheap.model: Tier.CHEAP, _DEFAULTS.llm.strong.model: Tier.STRONG}


@dataclass
class Town:
    """``kinds`` and ``tickets`` by number, in order of arrival; ``paid`` counts answered questions."""

    zendesk: ZendeskSandbox
    groups: dict[str, int]
    claude: ClaudeSandbox = field(init=False)
    kinds: dict[int, str] = field(default_factory=dict)
    tickets: dict[int, int] = field(default_factory=dict)
    tags: dict[int, set[str]] = field(default_factory=dict)  # that people put on, by number
    paid: Counter[tuple[int, Tier]] = field(default_factory=Counter)
    deeds: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def arrives(self, kind: str, *, age_seconds: float = 0) -> int:
        """A new ticket; its number.  What is older than the last poll would never be polled."""
        with self._lock:
            number = len(self.kinds) + 1
            self.kinds[number], self.tags[number] = kind, {"vip", f"case_{number}"}
            text = KINDS["confident" if kind == ROUTED else kind].text
            self.tickets[number] = self.zendesk.create_ticket(
                f"case-{number} {kind}",
                text,
                tags=sorted(self.tags[number]),
                group=self.groups["Other"] if kind == ROUTED else None,
                created_at=self.zendesk.world.now() - age_seconds,
            )
            return number

    def does(self, deed: Deed, number: int) -> None:
        """Somebody does something to a ticket; what is closed or deleted stays as it is."""
        zendesk, ticket_id = self.zendesk, self.tickets.get(number, 0)
        with zendesk.world.lock:  # a person decides by what she sees
            ticket = zendesk.tickets().get(ticket_id)
            if ticket is None or ticket.status in {"closed", "deleted"}:
                return
            if deed is Deed.REVERT and not zendesk.writes(ticket_id):
                return
            self.deeds.append(f"{deed} {number}")
            self._do(deed, number, ticket)

    def _do(self, deed: Deed, number: int, ticket: Ticket) -> None:
        zendesk, other = self.zendesk, self.groups["Other"]
        facts: dict[Deed, dict[str, Any]] = {
            Deed.ROUTE: {"group": other},
            Deed.ASSIGN: {"assignee": zendesk.agent},
            Deed.SOLVE: {"status": "solved", "assignee": zendesk.agent},
            Deed.CLOSE: {"status": "closed", "assignee": zendesk.agent},
            Deed.REVERT: {"group": None},
            Deed.TAG: {"tags": [*ticket.tags, "mine"]},
        }
        match deed:
            case Deed.DELETE:
                zendesk.delete(ticket.id)
            case Deed.MERGE:
                zendesk.merge(ticket.id, zendesk.create_ticket("target", "another question", group=other))
            case Deed.REPLY:
                zendesk.customer_reply(ticket.id, "Any news?")
            case _:
                zendesk.person_sets(ticket.id, **facts[deed])
        if deed is Deed.TAG:
            self.tags[number].add("mine")

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
        login = self.zendesk.credentials
        return {
            "CONNECTOR_HELPDESK__KIND": "zendesk",
            "CONNECTOR_HELPDESK__BASE_URL": self.zendesk.url,
            "CONNECTOR_HELPDESK__CLIENT_ID": str(login.client_id),
            "CONNECTOR_HELPDESK__CLIENT_SECRET": str(login.client_secret),
            "ANTHROPIC_BASE_URL": self.claude.url,
            "ANTHROPIC_API_KEY": KEY,
        }


@contextmanager
def town(gate: Gate) -> Iterator[Town]:
    """A town whose every request passes ``gate``."""
    with ExitStack() as opened:
        zendesk = opened.enter_context(ZendeskSandbox(rate_limits=False, blind_seconds=1))
        zendesk.jobs.held = True
        names = dict.fromkeys([*_DEFAULTS.groups().values(), HUMAN, "Other"])
        here = Town(zendesk, {name: zendesk.add_group(name) for name in names})
        claude = ClaudeSandbox(api_key=KEY, latency_seconds=0.03, author=here.answer)
        here.claude = opened.enter_context(claude)
        for emulator in (zendesk, claude):
            emulator.faults.add(Fault(gate, times=None))
        yield here
