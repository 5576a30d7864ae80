"""A storm: faults of both upstreams, which of them have struck, and passes until it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from connector.sandbox.faults import Behaviour, Fault
from connector.sandbox.server import App, Request, Response
from tests.faults.menu import CLAUDE, JOBS, ZENDESK, Dish
from tests.support.town import Ended, Town

_MOST_PASSES = 80
_ALWAYS = {0, 75}  # well, and "some tickets wait"


@dataclass
class Storm:
    """``random`` draws everything, so that a seed is a storm."""

    town: Town
    random: Random
    struck: list[tuple[str, Dish, Request]] = field(default_factory=list)

    def brew(self, *, backlog: bool) -> None:
        """Six to twelve faults, each after some good requests and for some requests; jobs need a backlog."""
        menu = {f"claude: {name}": dish for name, dish in CLAUDE.items()}
        menu |= {f"zendesk: {name}": dish for name, dish in ZENDESK.items() if name not in JOBS}
        names = self.random.choices(sorted(menu), k=self.random.randint(6, 12))
        if backlog:
            menu |= {f"zendesk: {name}": ZENDESK[name] for name in JOBS}
            names += [f"zendesk: {self.random.choice(sorted(JOBS))}"]
        for name in names:
            times = self.random.randint(1, menu[name].most_times)
            self.plan(name, menu[name], after=self.random.choice((0, 0, 1, 3, 8)), times=times)

    def plan(self, name: str, dish: Dish, *, after: int, times: int) -> None:
        """Schedule a fault at the upstream that its name begins with."""
        upstream = self.town.claude if name.startswith("claude") else self.town.zendesk
        behave = self._noted(name, dish, dish.make(self.town, self.random))
        upstream.faults.add(Fault(behave, method=dish.method, path=dish.path, after=after, times=times))

    def _noted(self, name: str, dish: Dish, behave: Behaviour) -> Behaviour:
        def strike(request: Request, app: App) -> Response:
            self.struck.append((name, dish, request))
            return behave(request, app)

        return strike

    @property
    def refused(self) -> set[int]:
        """Tickets whose write was answered with a final no."""
        return {int(request.path.rpartition("/")[2]) for _, dish, request in self.struck if dish.refuses}

    def run(self) -> Ended:
        """One pass; AssertionError when its exit code is none that what struck can explain."""
        before = len(self.struck)
        ended = self.town.run()
        struck = self.struck[before:]
        explained = _ALWAYS | {dish.code for _, dish, _ in struck if dish.code is not None}
        assert ended.code in explained, (ended, [name for name, *_ in struck])
        return ended

    def run_in_bad_weather(self) -> Ended:
        """The same, and now and then one upstream does not listen at all."""
        chance = self.random.random()
        if chance < 0.06:
            with self.town.claude.server.absence():
                return self.run()
        if chance < 0.12:
            with self.town.zendesk.server.absence():
                ended = self.town.run()
            assert ended.code == 69, ended
            return ended
        return self.run()

    def ride_out(self) -> None:
        """Pass after pass until two in a row end well, and then in fair weather until nothing is left."""
        well = 0
        for _ in range(_MOST_PASSES):
            well = well + 1 if self.run_in_bad_weather().code == 0 else 0
            if well == 2:
                break
            self.town.clock.advance(self.random.choice((20, 60, 60, 300, 900)))
            if self.random.random() < 0.3:
                self.town.zendesk.run_jobs()
        self.calm()

    def calm(self) -> None:
        """No more faults; jobs that were held are done, late; passes until one ends well."""
        self.town.zendesk.faults.clear()
        self.town.claude.faults.clear()
        self.town.zendesk.run_jobs()
        self.town.run_until_rest()
