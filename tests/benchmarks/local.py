"""The local tier on labelled sets with known figures: accuracy, what it decides alone, and what that costs.

``python -m tests.benchmarks.local DIRECTORY [SET ...]`` where DIRECTORY holds the sets as JSON lines with
``body`` and ``label``.  "known" is what TF-IDF with logistic regression reached elsewhere with so many
labels, drawn and tested in another way; "recipe" is the same in scikit-learn's own words on this very cut.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from connector.domain.taxonomy import Axis
from connector.local.training import TrainingPolicy, train
from connector.ports import LocalLabel
from connector.quality.dataset import LabelledTicket

_OUT_OF_SCOPE = {"oos", "out_of_scope"}
_MOST_ASKED = 2_000
_MOST_FOR_THE_RECIPE = 2_500

Sets = tuple[list[LabelledTicket], list[LabelledTicket]]


@dataclass(frozen=True, slots=True)
class Case:
    """A set, how it is cut into training and test, and the accuracy known for that (None: none known)."""

    name: str
    sets: Callable[[Path], Sets]
    known: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("sets", nargs="*", help="only these")
    chosen = parser.parse_args()
    print(
        f"{'set':<20} labels classes  accuracy recipe known   alone precision  of out of scope  fit CPU   ms"
    )
    for case in CASES:
        if not chosen.sets or case.name in chosen.sets:
            report(case, *case.sets(chosen.directory))


def report(case: Case, learn: list[LabelledTicket], ask: list[LabelledTicket]) -> None:
    """Train, ask, print a line; out-of-scope tickets count as mistakes if they are decided."""
    started = time.process_time()
    model = train(learn, TrainingPolicy(thresholds={Axis.TEAM: 0.75})).model
    fitted = time.process_time() - started
    answers, took = [], []
    for ticket in ask:
        started = time.process_time()
        answers.append((ticket, model.predict(ticket.submission)[Axis.TEAM]))
        took.append(1000 * (time.process_time() - started))
    inside = [pair for pair in answers if pair[0].on(Axis.TEAM) not in _OUT_OF_SCOPE]
    outside = [pair for pair in answers if pair[0].on(Axis.TEAM) in _OUT_OF_SCOPE]
    alone = [pair for pair in answers if not pair[1].why_not]
    accuracy = _share([_right(pair) for pair in inside])
    alone_inside = _share([not label.why_not for _, label in inside])
    print(
        f"{case.name:<20} {len(learn):>6} {len({each.on(Axis.TEAM) for each in learn}):>7}  {accuracy:>8} "
        f"{_recipe(learn, [ticket for ticket, _ in inside]):>6} "
        f"{'' if case.known is None else f'{case.known:.3f}':>5}   "
        f"{alone_inside:>5} {_share([_right(pair) for pair in alone]):>9}  "
        f"{_share([not label.why_not for _, label in outside]):>15}  {fitted:>5.1f} s {median(took):>5.1f}",
        flush=True,
    )


def _recipe(learn: Sequence[LabelledTicket], ask: Sequence[LabelledTicket]) -> str:
    """The accuracy of the plain recipe; left out where it would take minutes."""
    if len(learn) > _MOST_FOR_THE_RECIPE:
        return "–"
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    recipe = make_pipeline(make_union(words, characters), LogisticRegression(C=10))
    recipe.fit([each.submission for each in learn], [each.on(Axis.TEAM) for each in learn])
    said = recipe.predict([each.submission for each in ask])
    return _share([each.on(Axis.TEAM) == label for each, label in zip(ask, said, strict=True)])


def _right(pair: tuple[LabelledTicket, LocalLabel]) -> bool:
    return pair[0].on(Axis.TEAM) == pair[1].value


def _share(hits: Sequence[bool]) -> str:
    return f"{sum(hits) / len(hits):.3f}" if hits else "–"


def _read(path: Path) -> list[LabelledTicket]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [
        LabelledTicket(row["body"], {Axis.TEAM: row["label"]}, row["id"], row.get("subject") or "")
        for row in rows
    ]


def _files(learn: str, ask: str) -> Callable[[Path], Sets]:
    return lambda folder: (_read(folder / learn), _read(folder / ask))


def _drawn(file: str, count: int) -> Callable[[Path], Sets]:
    """``count`` at random to learn from, the rest to ask."""

    def draw(folder: Path) -> Sets:
        rows = _shuffled(_read(folder / file))
        return rows[:count], rows[count:][:_MOST_ASKED]

    return draw


def _ten_each(learn: str, ask: str | None = None) -> Callable[[Path], Sets]:
    """Ten of every class to learn from; the rest, or the file ``ask``, to ask."""

    def draw(folder: Path) -> Sets:
        groups = defaultdict(list)
        for each in _shuffled(_read(folder / learn)):
            if each.on(Axis.TEAM) not in _OUT_OF_SCOPE:
                groups[each.on(Axis.TEAM)].append(each)
        few = [each for group in groups.values() for each in group[:10]]
        rest = _shuffled([each for group in groups.values() for each in group[10:]])
        return few, (_read(folder / ask) if ask else rest)[: 2 * _MOST_ASKED]

    return draw


def _shuffled(rows: list[LabelledTicket]) -> list[LabelledTicket]:
    return random.Random(7).sample(rows, len(rows))  # noqa: S311 - the same draw every time


CASES = (
    Case("insurance", _files("insurance_train.jsonl", "insurance_test.jsonl"), 0.956),
    Case("sofmattress", _files("hint3_sofmattress_train.jsonl", "hint3_sofmattress_test.jsonl"), None),
    Case("powerplay11", _files("hint3_powerplay11_train.jsonl", "hint3_powerplay11_test.jsonl"), None),
    Case("dstc11", _drawn("dstc11_insurance.jsonl", 600), None),
    Case("banking77-770", _ten_each("banking77_train.jsonl"), 0.751),
    Case("banking77-8003", _drawn("banking77_train.jsonl", 8_003), 0.914),
    Case("clinc150-1500", _ten_each("clinc150_train_small.jsonl", "clinc150_val.jsonl"), 0.825),
    Case("endava-2000", _drawn("endava_it.jsonl", 2_000), 0.801),
    Case("endava-6000", _drawn("endava_it.jsonl", 6_000), None),
)

if __name__ == "__main__":
    main()
