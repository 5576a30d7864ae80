"""``connector replay``: past solved tickets through triage, without a write, beside what people decided."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from connector.cli.commands.options import UpTo
from connector.cli.decisions import ago
from connector.cli.demo_labels import read_demo_labels
from connector.cli.new_file import NewFile
from connector.cli.output import emit_json, progress, say
from connector.cli.session import Session, session
from connector.domain.classification import Tier
from connector.domain.taxonomy import Axis
from connector.errors import LabelsRejected, SettingsError, Unavailable
from connector.ports import Event
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.bootstrap.replay import Replaying
    from connector.quality.harvest import Gathered, Solved
    from connector.quality.replay import ReplayReport

_DAY_SECONDS = 86_400
_MODELS = {UpTo.LOCAL: (), UpTo.CHEAP: (Tier.CHEAP,), UpTo.CASCADE: (Tier.CHEAP, Tier.STRONG)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to replay and how to tell it."""

    since: str
    limit: int | None
    up_to: UpTo
    max_cost: Decimal | None
    minutes_per_ticket: float | None
    answers: Path
    html: Path | None
    as_json: bool


def replay(wanted: Wanted, *, helpdesk: str | None = None, config: Path | None) -> int:
    """Exit code 0; 75 when tickets were left for another run."""
    from connector.service import stop_on_signals

    ago(wanted.since)  # before anything is opened
    page = NewFile(wanted.html) if wanted.html else None
    try:
        with session(config, level="warning", past=True, helpdesk=helpdesk) as at_work:
            stop_on_signals(at_work.clock)
            report = _replayed(at_work, wanted)
        if page is not None:
            from connector.cli.replay_page import page_of

            page.fill(page_of(report, at_work.clock.now()))
    finally:
        if page is not None:
            page.close()
    if wanted.as_json:
        from connector.cli.replay_tables import facts

        emit_json(facts(report))
    else:
        from connector.cli.replay_tables import show

        show(report)
    if wanted.html:
        say(f"Report: {wanted.html}")
    if report.about.undecided:
        say(f"{report.about.undecided} tickets were left ({report.about.left_because}); run again to go on.")
        return os.EX_TEMPFAIL
    return os.EX_OK


def _replayed(at_work: Session, wanted: Wanted) -> ReplayReport:
    from connector.bootstrap.replay import ReplayPlan, open_replay
    from connector.quality.harvest import gather

    since = ago(wanted.since)
    # Emulated answers must never be taken for Claude's.
    kept = None if at_work.emulated else wanted.answers
    models = _MODELS[wanted.up_to] if at_work.settings.llm.enabled else ()
    plan = ReplayPlan(models, kept, wanted.max_cost, at_work.clock.stop)
    reasons = LastDeferral()
    at_work.hub.sinks.append(reasons)
    with (
        _local_tier_taught(at_work, wanted) as settings,
        open_replay(settings, at_work.clock, at_work.hub, plan) as opened,
    ):
        gathered = gather(opened.helpdesk, opened.memory, opened.where, since)
        fresh = [each for each in gathered.solved if not opened.learnt(each.label)]
        chosen = fresh[: wanted.limit]
        with progress("replay", at_work.hub.sinks, total=len(chosen), writes=False):
            left = opened.replay.run([each.ticket for each in chosen])
        if left == len(chosen) and left and reasons.upstream and not opened.answers.out_of_money:
            raise Unavailable(f"no ticket could be replayed: {reasons.upstream}")
        why = "--max-cost is reached" if opened.answers.out_of_money else reasons.upstream or "interrupted"
        return _report(at_work, wanted, opened, gathered, (fresh, chosen), why if left else "")


@contextmanager
def _local_tier_taught(at_work: Session, wanted: Wanted) -> Iterator[Settings]:
    """The settings; in the sandbox, asked for the local tier alone, with one that learnt from part of it."""
    settings = at_work.settings
    if not at_work.emulated or wanted.up_to is not UpTo.LOCAL or settings.local.model.exists():
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="connector-replay-") as folder:
        try:
            labels = read_demo_labels(settings)
            say(f"Training the local tier on {len(labels.learn)} of the tickets; the others are replayed …")
            settings = labels.train(settings, Path(folder))
        except (SettingsError, LabelsRejected) as error:
            say(f"It cannot be trained: {error}")
        yield settings


def _report(
    at_work: Session,
    wanted: Wanted,
    opened: Replaying,
    gathered: Gathered,
    tickets: tuple[list[Solved], list[Solved]],
    left_because: str,
) -> ReplayReport:
    from connector.quality.replay import Circumstances, Replayed, ReplayReport, compare

    fresh, chosen = tickets
    people = {each.ticket.id: each.team for each in chosen}
    replayed = [Replayed(ticket, people[ticket], decision) for ticket, decision in opened.decisions()]
    skipped = Counter(reason.value for reason in gathered.skipped.values())
    if learnt := len(gathered.solved) - len(fresh):
        skipped["learnt"] = learnt
    elsewhere: dict[str, list[str]] = {}
    for ticket, group in gathered.elsewhere.items():
        name = "no group" if group is None else opened.groups.get(group, f"group {group}, which is gone")
        elsewhere.setdefault(name, []).append(ticket)
    days = (at_work.clock.now() - ago(wanted.since)).total_seconds() / _DAY_SECONDS
    about = Circumstances(
        since=wanted.since,
        days=days,
        tier=wanted.up_to.value,
        emulated=at_work.emulated,
        prompt_version=opened.answers.prompt_version,
        skipped=dict(skipped.most_common()),
        elsewhere={name: tuple(ids) for name, ids in sorted(elsewhere.items())},
        beyond_limit=len(fresh) - len(chosen),
        undecided=len(chosen) - len(replayed),
        left_because=left_because,
        arrivals=gathered.arrivals,
        paid_usd=opened.answers.spent_usd,
        remembered=opened.answers.remembered,
        unpriced=opened.answers.unpriced,
        minutes_per_ticket=wanted.minutes_per_ticket,
    )
    return ReplayReport(compare(replayed, at_work.settings.taxonomy().names(Axis.TEAM)), about)


class LastDeferral:
    """An observer that knows why a ticket was put off."""

    def __init__(self) -> None:
        self.upstream = ""

    def __call__(self, event: Event) -> None:
        if event.name == "ticket.deferred":
            self.upstream = str(event.facts["reason"])
