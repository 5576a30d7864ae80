"""Labelled tickets made up with a seed: real enough to be learnt, with noise where a test wants it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from connector.domain.taxonomy import Axis
from connector.quality.dataset import LabelledTicket
from connector.quality.labels_csv import write_labels as write

_TOPICS = {
    "billing": "invoice refund charge payment receipt credit card price subscription vat amount twice",
    "infrastructure": "outage timeout latency server unreachable webhook api gateway slow region restart 503",
    "security": "phishing password leaked breach suspicious login vulnerability token stolen attacker mfa",
    "onboarding": "import migrate invite training setup trial welcome csv kickoff workspace seats start",
}
_FILLERS = (
    "hello please we our the since yesterday cannot could you help me with this thanks again morning".split()
)


def labelled(
    count: int, *, teams: Sequence[str] = tuple(_TOPICS), seed: int = 3, noise: float = 0.0, start: int = 0
) -> list[LabelledTicket]:
    """``count`` tickets, the teams in turn; a share of ``noise`` of them has the label of another team."""
    chance = random.Random(seed)
    tickets = []
    for at in range(count):
        team = teams[at % len(teams)]
        words = chance.sample(_TOPICS[team].split(), 3) + chance.sample(_FILLERS, 6)
        chance.shuffle(words)
        said = chance.choice([each for each in teams if each != team]) if chance.random() < noise else team
        tickets.append(ticket(f"t{start + at}", words[0], " ".join(words[1:]), said))
    return tickets


def ticket(ticket_id: str, subject: str, text: str, team: str) -> LabelledTicket:
    """One ticket labelled with its team."""
    return LabelledTicket(text, {Axis.TEAM: team}, ticket_id, subject)


def about_something_else(count: int, seed: int = 5) -> list[str]:
    """Texts that share the small words with the labelled ones and nothing else."""
    chance = random.Random(seed)
    rare = "giraffe volcano sonata harvest glacier tractor perfume chess marathon lighthouse orchid".split()
    return [" ".join(chance.sample(rare, 4) + chance.sample(_FILLERS, 4)) for _ in range(count)]


def write_labels(path: Path, tickets: Iterable[LabelledTicket]) -> Path:
    """A labels.csv of these tickets."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write(tickets, file)
    return path
