"""Where a round is played: one of the emulated helpdesks, the emulated model, and a gate before both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager

from connector.sandbox.claude_api import ClaudeSandbox
from connector.sandbox.faults import Fault
from tests.torture.processes.gate import Gate
from tests.torture.processes.pylon_town import pylon_town
from tests.torture.processes.town import KEY, Town
from tests.torture.processes.zendesk_town import zendesk_town

_TOWNS: Mapping[str, Callable[[], AbstractContextManager[Town]]] = {
    "zendesk": zendesk_town,
    "pylon": pylon_town,
}


@contextmanager
def open_town(helpdesk: str, gate: Gate) -> Iterator[Town]:
    """A town whose every request passes ``gate``."""
    with ExitStack() as opened:
        here = opened.enter_context(_TOWNS[helpdesk]())
        claude = ClaudeSandbox(api_key=KEY, latency_seconds=0.03, author=here.answer)
        here.claude = opened.enter_context(claude)
        for faults in (here.faults, claude.faults):
            faults.add(Fault(gate, times=None))
        yield here
