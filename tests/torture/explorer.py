"""Hypothesis looks for a life of the connector that the sweep did not think of."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.torture.audit import audit
from tests.torture.business import KINDS
from tests.torture.plans import DEEDS, SOUND, Deed, Delivery, Move, Weakness
from tests.torture.story import Stage
from tests.torture.sweep import UNGUARDED_AT

METHODS = (
    "take_over",
    "lease_poll",
    "store_page",
    "claim_submissions",
    "begin_call",
    "end_call",
    "decide",
    "claim_writes",
    "intend_writes",
    "end_write",
    "defer_write",
)
MOMENTS = (
    *(f"{method}.{moment}" for method in METHODS for moment in ("begun", "committing", "committed")),
    *(
        f"{call}.{side}"
        for call in ("pages", "fetch", "ask", "apply", "find_write")
        for side in ("before", "after")
    ),
    "look.after",
    "land.after",
)
MOST_TICKETS = 4
TICKETS = st.integers(1, MOST_TICKETS).map("t{}".format)


class Torture(RuleBasedStateMachine):
    """Pages arrive, people act, time passes, writes get lost, and the process dies by name."""

    def __init__(self, stage: Stage, weakness: Weakness = SOUND) -> None:
        super().__init__()
        self.ordeal = stage.ordeal(weakness=weakness)

    @precondition(lambda self: len(self.ordeal.kinds) < MOST_TICKETS)
    @rule(kind=st.sampled_from(sorted(KINDS)))
    def a_ticket_arrives(self, kind: str) -> None:
        self.ordeal.arrives(kind)

    @rule(ticket_id=TICKETS, deed=st.sampled_from(DEEDS))
    def somebody_acts(self, ticket_id: str, deed: Deed) -> None:
        if ticket_id in self.ordeal.kinds:
            self.ordeal.does(deed, ticket_id)

    @rule(moment=st.sampled_from(UNGUARDED_AT), ticket_id=TICKETS, deed=st.sampled_from(DEEDS))
    def somebody_will_act(self, moment: str, ticket_id: str, deed: Deed) -> None:
        self.ordeal.expect(Move(moment, ticket_id, deed))

    @rule(fate=st.sampled_from(Delivery))
    def a_write_will_go_astray(self, fate: Delivery) -> None:
        self.ordeal.send(fate)

    @rule(seconds=st.sampled_from([1, 60, 200]))
    def time_passes(self, seconds: int) -> None:
        self.ordeal.clock.advance(seconds)

    @rule()
    def a_pass_runs(self) -> None:
        self.ordeal.run()

    @rule(moment=st.sampled_from(MOMENTS))
    def a_new_process_dies(self, moment: str) -> None:
        self.ordeal.doom(moment)
        self.ordeal.run()

    @invariant()
    def no_promise_is_broken(self) -> None:
        self.ordeal.inspect()
        assert self.ordeal.violations == []

    def teardown(self) -> None:
        try:
            self.ordeal.settle()
            assert audit(self.ordeal) == []
        finally:
            self.ordeal.end()
            self.ordeal.home.tear_down()


def explore(stage: Stage, examples: int, weakness: Weakness = SOUND) -> None:
    """Let Hypothesis try so many lives, the same in every run.  Raises what the first broken one raises."""

    def machine() -> Torture:
        return Torture(stage, weakness)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # any callable that makes one will do, Hypothesis says
        settings=settings(
            max_examples=examples,
            stateful_step_count=14,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
