"""The labels that travel with the demo: most of them to learn from, the rest to be held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.output import say
from connector.domain.classification import Tier
from connector.domain.decision import Decision, Kind
from connector.domain.taxonomy import Axis
from connector.quality.agreement import local_opinion
from connector.quality.calibrate import wilson
from connector.quality.dataset import LabelledTicket
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.store.reports import DecisionRow

# A few hundred labels cannot prove the default of 95%: with it the local tier would keep quiet.
_TARGET_PRECISION = 0.75
_LEAST_SIMILARITY = 0.1  # two tweets have few words in common


@dataclass(frozen=True, slots=True)
class Share:
    """So many right ones, and the interval (Wilson, 95 %) in which the truth lies."""

    right: int
    total: int

    def __str__(self) -> str:
        low, high = wilson(self.right, self.total)
        share = f"{self.right / self.total:.0%}, " if self.total else ""
        return f"{self.right} of {self.total} right ({share}95% interval {low:.0%}–{high:.0%})"

    def as_json(self) -> dict[str, Any]:
        low, high = wilson(self.right, self.total)
        accuracy = self.right / self.total if self.total else None
        return {
            "right": self.right,
            "total": self.total,
            "accuracy": accuracy,
            "accuracy_low": low,
            "accuracy_high": high,
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """How good the local tier was on the demo's tickets, of which it had seen none."""

    trained_on: int
    tickets: int
    axes: Mapping[Axis, Share]
    alone: Share  # tickets that it routed, and in how many of them the team was right

    def as_json(self) -> dict[str, Any]:
        return {
            "trained_on": self.trained_on,
            "target_precision": _TARGET_PRECISION,
            "axes": {axis.value: share.as_json() for axis, share in self.axes.items()},
            "decided_alone": self.alone.as_json() | {"coverage": self.alone.total / self.tickets},
        }

    def show(self) -> None:
        say(f"\nHow good was the local tier? It learnt from {self.trained_on} other threads, and of these:")
        for axis, share in self.axes.items():
            say(f"  {axis:<10} {share}")
        if self.alone.total:
            say(f"  decided alone {self.alone.total} of {self.tickets}; of these the team: {self.alone}")
        else:
            say(f"  decided alone 0 of {self.tickets}")
        say(
            f"Here it may decide from {_TARGET_PRECISION:.0%} expected precision on; the default is 95%, "
            "which takes\nmore labels. Who labelled these, and how well: connector/sandbox/data/NOTICE.md."
        )


@dataclass(frozen=True, slots=True)
class DemoLabels:
    """The labels of threads that the demo does not play (``learn``), and by thread those that it plays."""

    learn: tuple[LabelledTicket, ...]
    truth: Mapping[str, LabelledTicket]

    def train(self, settings: Settings, folder: Path) -> Settings:
        """The settings with a model of these labels in ``folder``, and no other model.

        Raises SettingsError without the extra ``local``.
        """
        from connector.bootstrap import train_local

        chosen = {"target_precision": _TARGET_PRECISION, "least_similarity": _LEAST_SIMILARITY}
        local = settings.local.model_copy(update={"model": folder / "model.npz", **chosen})
        llm = settings.llm.model_copy(update={"enabled": False})
        settings = settings.model_copy(update={"local": local, "llm": llm})
        train_local(settings, self.learn)
        return settings

    def findings(self, rows: Iterable[DecisionRow], threads: Mapping[str, str]) -> Findings:
        """The decisions held against the labels; ``threads`` maps a ticket's id to its thread's."""
        pairs = [(row.decision, self.truth[threads[row.ticket_id]]) for row in rows]
        alone = [
            (decision, truth)
            for decision, truth in pairs
            if decision.tier is Tier.LOCAL and decision.kind is Kind.ROUTED
        ]
        axes = {axis: _share(_judged(pairs, axis)) for axis in Axis}
        return Findings(len(self.learn), len(pairs), axes, _share(_judged(alone, Axis.TEAM)))


def read_demo_labels(settings: Settings) -> DemoLabels:
    """Split by thread: nothing that says the same as a thread of the demo is learnt from."""
    from connector.quality.labels_csv import read_labels
    from connector.sandbox.tickets import labels_csv, threads

    labels = read_labels(labels_csv(), "labels.csv", settings.taxonomy())
    played = {thread.id for thread in threads()}
    truth = {each.ticket_id: each for each in labels if each.ticket_id in played}
    told = {each.digest for each in truth.values()}
    learn = [each for each in labels if each.ticket_id not in played and each.digest not in told]
    return DemoLabels(tuple(learn), truth)


def _judged(pairs: Sequence[tuple[Decision, LabelledTicket]], axis: Axis) -> list[bool]:
    """Whether the local label was right, for every ticket on which there was one."""
    return [
        label.value == truth.on(axis)
        for decision, truth in pairs
        if (found := local_opinion(decision)) and (label := found.on(axis))
    ]


def _share(right: Sequence[bool]) -> Share:
    return Share(sum(right), len(right))
