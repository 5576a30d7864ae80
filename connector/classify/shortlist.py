"""The shortlist: of a long list of classes the likeliest ones of a ticket, found free of charge."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.classify.word_match import WordMatch
from connector.domain.classification import Answer, Tier
from connector.domain.taxonomy import Axis, Taxonomy
from connector.ports import Classifier, LocalModel

LENGTH = 10
_UNLEARNT = 3  # of classes that the local model has never seen, beside those it knows


class Shortlist:
    """Names the likeliest classes of every crowded axis, by the local model where there is one.

    Classes that it was not trained on (new ones, shadows) are found by their words; so is everything where
    there is no local model.  A hint only: the schema of the answer stays complete.
    """

    def __init__(self, taxonomy: Taxonomy, local: LocalModel | None = None) -> None:
        self._taxonomy = taxonomy
        self._local = local
        self._words = {
            axis: WordMatch(taxonomy.categories[axis]) for axis in Axis if taxonomy.is_crowded(axis)
        }

    def hints(self, ticket: Mapping[str, Any]) -> dict[str, list[str]]:
        """The classes per crowded axis, the likeliest first, for a ticket as a model sees it."""
        text = f"{ticket.get('subject') or ''}\n{ticket.get('text') or ''}".strip()
        found = {axis.value: self._likeliest(axis, text) for axis in self._words}
        return {axis: names for axis, names in found.items() if names}

    def _likeliest(self, axis: Axis, text: str) -> list[str]:
        names = self._taxonomy.names(axis)
        ranked = self._local.top_classes(text, axis, len(names)) if self._local else ()
        learnt = [name for name, _ in ranked]
        unlearnt = [name for name in self._words[axis].rank(text) if name not in learnt]
        if not learnt:
            return unlearnt[:LENGTH]
        return [name for name in learnt if name in names][:LENGTH] + unlearnt[:_UNLEARNT]


class ShortlistingClassifier:
    """Satisfies `ports.Classifier`: the inner one, told the shortlist with each ticket."""

    def __init__(self, inner: Classifier, shortlist: Shortlist) -> None:
        self._inner = inner
        self._shortlist = shortlist

    @property
    def prompt_version(self) -> str:
        return self._inner.prompt_version

    def model(self, tier: Tier) -> str:
        return self._inner.model(tier)

    def reserve_usd(self, tier: Tier, ticket: Mapping[str, Any]) -> Decimal:
        return self._inner.reserve_usd(tier, self._told(ticket))

    def ask(self, tier: Tier, ticket: Mapping[str, Any]) -> Answer:
        return self._inner.ask(tier, self._told(ticket))

    def _told(self, ticket: Mapping[str, Any]) -> dict[str, Any]:
        return {**ticket, "shortlist": self._shortlist.hints(ticket)}
