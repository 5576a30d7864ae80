"""Which of the helpdesk's groups is probably which team's; a person has the last word."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from connector.domain.ticket import Group
from connector.settings.business import TeamSettings

_NAMED, _CALLED, _MENTIONED = 3, 2, 1  # how strongly a word of a group's name speaks for a team
_TYPING_ERROR = 0.87  # "biling" is billing; "offboarding" (0.86) is not onboarding
_SHORTEST = 4  # letters of a word in a description that can tell anything
_LEVEL = re.compile(r"\b(?:tier|level|line|lvl|t|l)[\s_-]*([1-4])\b")
_WORD = re.compile(r"[^\W_]+")
_HUMAN = "support"

# What helpdesks call the groups of such teams, in the singular and without accents.
_ALSO_CALLED = {
    "billing": "payment invoice invoicing finance financial accounting receivable revenue subscription "
    "refund buchhaltung rechnung abrechnung facturation paiement comptabilite facturacion pago cobro",
    "infrastructure": "infra engineering engineer devops sre ops operation platform reliability hosting "
    "network noc outage incident backend tier2 tier3 technik infraestructura",
    "product": "bug feature technical integration app qa developer development tier2 engineering produkt "
    "produit producto",
    "security": "infosec secop abuse fraud trust vulnerability phishing compliance soc csirt sicherheit "
    "securite seguridad",
    "onboarding": "implementation activation setup training migration adoption einrichtung einfuhrung",
    "general": "enquiry inquiry frontline misc miscellaneous other tier1 allgemein divers otro",
    _HUMAN: "help service care helpdesk servicedesk triage frontline general tier1 agent inbox kundendienst "
    "kundenservice soporte assistance",
}
# Words that say nothing about which team it is, unless they are among its own.
_NOISE = frozenset(
    _WORD.findall(
        "team group department dept queue desk ticket customer client user service support help the and for "
        "of new from with other another first global emea apac amer"
    )
)
# Groups of that kind are no team's, unless a team is called so.
_NOT_FOR_TICKETS = frozenset(
    _WORD.findall(
        "sale marketing recruiting recruitment hr spam suspended test archive archived old deprecated "
        "inactive"
    )
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The group that fits; several when they have one name, so that only a person can tell; or none."""

    groups: tuple[Group, ...] = ()

    @property
    def group(self) -> Group | None:
        """The one that fits, None when there is none or more than one."""
        return self.groups[0] if len(self.groups) == 1 else None


def propose(teams: Sequence[TeamSettings], groups: Sequence[Group]) -> dict[str, Proposal]:
    """The group that fits each team best, by names and descriptions; one group may suit several teams."""
    mentions = [_mentioned(team) for team in teams]
    often = Counter(word for words in mentions for word in words)
    return {
        team.name: _best(
            _Clues(_words(team.name), _also(team.name), {word for word in words if often[word] == 1}), groups
        )
        for team, words in zip(teams, mentions, strict=True)
    }


def propose_human(groups: Sequence[Group]) -> Proposal:
    """The group for what a person must decide: the one for support as such, or the only one there is."""
    if len(groups) == 1:
        return Proposal(tuple(groups))
    return _best(_Clues({_HUMAN}, _also(_HUMAN), set()), groups)


@dataclass(frozen=True, slots=True)
class _Clues:
    """The words of a team: its name's, what such teams are also called, those only its description has."""

    name: set[str]
    called: set[str]
    mentioned: set[str]

    def strength(self, word: str) -> int:
        if word in self.name or difflib.get_close_matches(word, self.name, n=1, cutoff=_TYPING_ERROR):
            return _NAMED
        return _CALLED if word in self.called else _MENTIONED if word in self.mentioned else 0

    def fit(self, group: Group) -> tuple[int, float, float]:
        """The strongest word, how much of the name speaks for the team, how alike the names are; or zeros."""
        words = _words(group.name)
        if not words or (words & _NOT_FOR_TICKETS) - self.name:
            return (0, 0.0, 0.0)
        strengths = [self.strength(word) for word in words - (_NOISE - self.name - self.called) or words]
        best, share = max(strengths), sum(strengths) / len(strengths)
        if best == 0 or (best == _MENTIONED and share < _MENTIONED / 2):
            return (0, 0.0, 0.0)
        likeness = difflib.SequenceMatcher(None, " ".join(sorted(words)), " ".join(sorted(self.name))).ratio()
        return (best, share, likeness)


def _best(clues: _Clues, groups: Sequence[Group]) -> Proposal:
    fits = [(clues.fit(group), group) for group in groups]
    top = max((fit for fit, _ in fits), default=(0, 0.0, 0.0))
    if not top[0]:
        return Proposal()
    first = next(group for fit, group in fits if fit == top)
    return Proposal(tuple(group for group in groups if _same_name(group, first)))


def _same_name(one: Group, other: Group) -> bool:
    return one.name.strip().casefold() == other.name.strip().casefold()


def _also(name: str) -> set[str]:
    return _words(_ALSO_CALLED.get(name, ""))


def _mentioned(team: TeamSettings) -> set[str]:
    """The words of its description that tell something, without what does not belong to the team."""
    words = _words(team.description.partition("Not:")[0])
    return {word for word in words if len(word) >= _SHORTEST} - _NOISE


def _words(text: str) -> set[str]:
    """The words in the singular, without case and accents; "Tier 2", "L2" and "t-2" are one word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    return {_singular(word) for word in _WORD.findall(_LEVEL.sub(r" tier\1 ", plain))}


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
