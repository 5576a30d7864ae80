"""One round: processes that end as planned and begin again, until nothing is left to do; then the audit."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from connector.sandbox.server import Request
from tests.torture.processes import audit
from tests.torture.processes.agenda import Agenda
from tests.torture.processes.databases import Database
from tests.torture.processes.finding import Broken, Excuses
from tests.torture.processes.gate import CALL_SECONDS, Gate
from tests.torture.processes.nursery import Command, News, Nursery
from tests.torture.processes.outcome import Outcome
from tests.torture.processes.plan import Death, End, Moment, RoundPlan
from tests.torture.processes.steps import NO_FATE
from tests.torture.processes.town import TIERS
from tests.torture.processes.towns import open_town
from tests.torture.processes.weaken import Weaken
from tests.torture.remains import Remains

_OLD_SECONDS = 300
_PATIENCE_SECONDS = 4.0  # a planned end that has not come by then: killed from outside
_REST_SECONDS = 90.0
_PROMPT_SECONDS = 20.0  # what a process may take to end in good order
_TICK_SECONDS = 0.2
# A process that is asked to end while it still connects ends by that signal.  70 would be a stuck service,
# 1 a bug, 77 and 78 a misjudged answer of the emulators.
_ORDERLY = frozenset({os.EX_OK, os.EX_TEMPFAIL, os.EX_UNAVAILABLE, -signal.SIGTERM})


@dataclass
class Replica:
    """One place for a process, and how the processes there will end."""

    number: int
    deaths: deque[Death]
    pid: int | None = None
    death: Death | None = None
    lives: int = 0


class Round:
    """A round under way."""

    def __init__(
        self,
        plan: RoundPlan,
        nursery: Nursery,
        database: Database,
        folder: Path,
        *,
        weaken: Weaken | None = None,
        record: Path | None = None,
    ) -> None:
        """``weaken`` takes a precaution away from the helpdesk; ``record`` gets the steps passed."""
        self._plan = plan
        self._nursery = nursery
        self._database = database
        self._folder = folder
        self._record = record
        self._moves = list(plan.moves)
        self._replicas = [Replica(at, deque(deaths)) for at, deaths in enumerate(plan.deaths)]
        self._arrivals = deque(plan.arrivals)
        self._agenda = Agenda()
        self._interrupted: set[int] = set()  # killed or stopped, by process id
        self._stopped: set[int] = set()
        self._verdicts: dict[str, tuple[str, str, str]] = {}
        self._rests = False
        self.outcome = Outcome(plan)
        self._gate = Gate(
            plan.mishaps,
            people=self._people,
            execute=self._execute,
            look=self._look,
            run_jobs=lambda: self._town.run_jobs(),
            arrived=lambda kind, request: self._town.arrived(kind, request),
            serve=lambda kind, request, app: self._town.serve(kind, request, app),
            job_seconds=plan.job_seconds,
            weaken=weaken,
        )

    def play(self) -> Outcome:
        """Play it to its end."""
        began = time.monotonic()
        with open_town(self._plan.setting.helpdesk, self._gate) as self._town:
            for kind in self._plan.tickets:
                self._arrive(kind, age_seconds=_OLD_SECONDS)
            try:
                self._torture()
                self._rest()
            finally:
                self._gate.close()
                self._end_all()
            self._judge()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    # --- The world ----------------------------------------------------------------------------------------

    def _arrive(self, kind: str, age_seconds: float = 0) -> None:
        number = self._town.arrives(kind, age_seconds=age_seconds)
        self._act(Moment.ARRIVED, [number])

    def _people(self, moment: Moment, about: Iterable[int | str]) -> None:
        """People act on these tickets, given by number or by the helpdesk's id, if that is planned."""
        numbers = self._numbers_of
        self._act(moment, [numbers.get(str(each), each) for each in about])

    def _act(self, moment: Moment, numbers: Sequence[int | str]) -> None:
        for move in [each for each in self._moves if each.moment is moment and each.number in numbers]:
            try:
                self._moves.remove(move)
            except ValueError:
                continue  # another request was quicker
            self._town.does(move.deed, move.number)

    def _look(self, request: Request) -> None:
        if undecided := self._town.undecided(request, self._database.remains):
            self._find(Broken.UNDECIDED, undecided)

    def _find(self, broken: Broken, what: str) -> None:
        self.outcome.found.append((broken, what))

    # --- Lives --------------------------------------------------------------------------------------------

    def _torture(self) -> None:
        """Every replica ends as often as planned."""
        for replica in self._replicas:
            if replica.deaths:
                self._begin(replica)
        while any(replica.pid is not None for replica in self._replicas):
            self._agenda.wait(_PATIENCE_SECONDS)

    def _begin(self, replica: Replica) -> None:
        """A new process, with the next planned end, if there is one."""
        if self._arrivals and not self._rests:
            self._arrive(self._arrivals.popleft())
        self._act(Moment.DOWN, list(self._town.tickets))
        replica.death = death = replica.deaths.popleft() if replica.deaths else None
        replica.lives += 1
        self.outcome.lives += 1
        at_step = death is not None and death.fate.name != ""
        command = Command(
            ("run",) if self._plan.setting.service else ("run", "--once", "--json"),
            self._folder,
            self._environment(),
            self._log(replica),
            death.fate if death is not None and at_step else NO_FATE,
            self._record,
        )
        replica.pid = pid = self._nursery.start(
            command, lambda news: self._agenda.tell(partial(self._told, replica, news))
        )
        if death is not None:
            self._plan_end(pid, death)

    def _plan_end(self, pid: int, death: Death) -> None:
        match death.end:
            case End.IN_FLIGHT:
                self._gate.doom(pid, death)
            case End.AT_RANDOM:
                self._agenda.later(death.seconds, partial(self._nursery.kill, pid))
            case End.DRAINED:
                self._agenda.later(death.seconds, partial(self._nursery.kill, pid, signal.SIGTERM))
            case End.STOPPED if not death.fate.name:
                self._agenda.later(death.seconds, partial(self._nursery.kill, pid, signal.SIGSTOP))
        self._agenda.later(_PATIENCE_SECONDS + self._database.lease_seconds, partial(self._nursery.kill, pid))

    def _told(self, replica: Replica, news: News) -> None:
        if news.became == "stopped":
            self._interrupted.add(news.pid)
            self._stopped.add(news.pid)
            self.outcome.ends[End.STOPPED] += 1
            self._agenda.later(
                1.25 * self._database.lease_seconds, partial(self._nursery.kill, news.pid, signal.SIGCONT)
            )
        elif news.became == "ended":
            self.outcome.cpu_s += news.cpu_s
            self._ended(replica, news)

    def _ended(self, replica: Replica, news: News) -> None:
        planned, replica.pid, replica.death = replica.death, None, None
        if news.code == -signal.SIGKILL:
            end = planned.end if planned and planned.end in {End.AT_STEP, End.IN_FLIGHT} else End.AT_RANDOM
            self.outcome.ends[end] += 1
            self._interrupted.add(news.pid)
            self._inspect()
        elif news.code not in _ORDERLY:
            self._find(Broken.PROGRAM_FAILED, f"code {news.code}: {self._last_words(replica)}")
        elif planned is not None and planned.end is End.DRAINED:
            self.outcome.ends[End.DRAINED] += 1
        if replica.deaths and not self._rests:
            self._begin(replica)

    def _inspect(self) -> None:
        """What must hold in what a killed process leaves behind."""
        remains = self._database.left_behind()
        if remains.is_empty:
            return
        if ahead := self._town.checkpoint_is_ahead(remains):
            self._find(Broken.CHECKPOINT_AHEAD, ahead)
        now = remains.decisions()
        if any(now.get(each) != verdict for each, verdict in self._verdicts.items()):
            self._find(Broken.VERDICT_CHANGED, "after a kill")
        self._verdicts = now

    @property
    def _numbers_of(self) -> dict[str, int]:
        """Our numbers by the helpdesk's ids."""
        return {ticket_id: number for number, ticket_id in dict(self._town.tickets).items()}

    def _execute(self, pid: int) -> None:
        self._nursery.kill(pid)
        self._nursery.wait_until_gone(pid)

    # --- Rest ---------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Undisturbed processes, until nothing is due and everything is stored."""
        self._rests = True
        self._gate.calm()
        self._agenda.clear()
        until = time.monotonic() + _REST_SECONDS
        for replica in self._replicas:
            replica.deaths.clear()
        while not self._is_quiet():
            if time.monotonic() > until:
                self._find(Broken.STUCK, "never comes to rest")
                break
            for replica in self._replicas:
                if replica.pid is None:
                    self._begin(replica)
            self._await_progress()
        self._drain()

    def _await_progress(self) -> None:
        """Until a pass has ended and something more is due; or, of services, for a moment."""
        if self._plan.setting.service:
            self._agenda.wait(_TICK_SECONDS)
            return
        while any(replica.pid is not None for replica in self._replicas):
            self._agenda.wait(_PROMPT_SECONDS)
        if not self._is_quiet():
            wait = self._database.seconds_until_due()
            until = time.monotonic() + min(max(wait, _TICK_SECONDS), _PROMPT_SECONDS)
            while (left := until - time.monotonic()) > 0:
                self._agenda.wait(left)

    def _is_quiet(self) -> bool:
        remains = self._database.remains
        if remains.is_empty or not self._gate.is_quiet or not self._town.is_all_stored(remains):
            return False  # what is stored after this look is work, and seen by the next
        waiting = "SELECT 1 FROM {} WHERE state IN ('pending', 'leased') LIMIT 1"
        return not any(remains.rows(waiting.format(table)) for table in ("submissions", "writes"))

    def _drain(self) -> None:
        """End services in good order: they have nothing to do, so they must end at once, and well."""
        running = [replica for replica in self._replicas if replica.pid is not None]
        for replica in running:
            assert replica.pid is not None
            self._nursery.kill(replica.pid, signal.SIGTERM)
        until = time.monotonic() + _PROMPT_SECONDS
        while any(replica.pid is not None for replica in running) and time.monotonic() < until:
            self._agenda.wait(_TICK_SECONDS)
        for replica in running:
            if replica.pid is not None:
                self._find(Broken.PROGRAM_FAILED, "did not end when asked to")

    def _end_all(self) -> None:
        for replica in self._replicas:
            if replica.pid is not None:
                self._execute(replica.pid)

    # --- The end ------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        remains, outcome = self._database.remains, self.outcome
        excuses = self._excuses(remains)
        outcome.found += self._town.examine(remains, excuses)
        if ahead := self._town.checkpoint_is_ahead(remains):
            self._find(Broken.CHECKPOINT_AHEAD, ahead)
        ends = [end for ends in audit.submissions(remains).values() for end in ends]
        outcome.given_up = sum(end.is_given_up for end in ends)
        outcome.failed_open = sum(end.cause == "too_many_attempts" for end in ends)
        outcome.moves = len(self._town.deeds)
        outcome.faults = self._gate.fired
        outcome.tickets = len(self._town.tickets)
        outcome.effects = self._town.effects()
        outcome.glimpses = self._town.glimpses(self._stopped)
        outcome.paid, outcome.needed = self._town.paid.total(), len(self._town.paid)
        outcome.excused = (excuses.questions + excuses.wire + excuses.late).total()

    def _excuses(self, remains: Remains) -> Excuses:
        """Of the questions that the ledger calls lost, those whose process was killed or stopped.

        On a machine that stalls, a lease may run out that nobody meant to run out; the log says so.
        """
        excuses = Excuses(
            wire=Counter({(n, TIERS[m]): c for (n, m), c in self._gate.lost.items()}),
            interrupted=frozenset(self._interrupted),
        )
        asked = Counter(
            (number, TIERS[model]) for pid, number, model in self._gate.asked if pid in self._interrupted
        )
        for ticket_id, tier, lost in audit.lost_questions(remains):
            key = (self._numbers_of[ticket_id], tier)
            excuses.questions[key] = min(lost, asked[key])
        for ticket_id, tier, late in audit.late_answers(remains, CALL_SECONDS):
            excuses.late[self._numbers_of[ticket_id], tier] = late
        numbers = self._numbers_of
        for replica in self._replicas:
            if not self._log(replica).exists():
                continue
            for line in self._log(replica).read_text().splitlines():
                if '"lease.lost"' in line:
                    excuses.leases[numbers[str(json.loads(line)["ticket_id"])]] += 1
        return excuses

    def _last_words(self, replica: Replica) -> str:
        """The end of the log; of a crash, all that the fault handler told."""
        told = self._log(replica).read_text()
        crashed = told.rfind("Fatal Python error")
        return told[crashed:] if crashed >= 0 else told[-2000:]

    def _log(self, replica: Replica) -> Path:
        return self._folder / f"replica-{replica.number}.log"

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "PYTHONWARNINGS": "error",
            "CONNECTOR_STORE__URL": self._database.url,
            "CONNECTOR_POLL__INTERVAL_SECONDS": "1",
            "CONNECTOR_LLM__WORKERS": "4",
            "CONNECTOR_LLM__CALL_SECONDS": str(CALL_SECONDS),
            "CONNECTOR_LOG__FORMAT": "json",
            "CONNECTOR_SERVICE__SHUTDOWN_SECONDS": "5",
        } | self._town.environment()
