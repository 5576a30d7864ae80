"""The inbox: the teams in which nobody has routed an issue yet, besides no team at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.domain.ticket import Group


class Inbox:
    """Spares requests about issues that are in another team and so are routed already.

    ``names`` are names or ids, as in the settings.  Until `learn` has heard which teams there are, every
    team may be one of them.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.casefold() for name in names)
        self._ids: frozenset[str] | None = None if self._names else frozenset()

    def learn(self, groups: Sequence[Group]) -> None:
        self._ids = frozenset(each.id for each in groups if {each.id, each.name.casefold()} & self._names)

    def may_hold(self, team: str | None) -> bool:
        """Whether an issue in this team may still be unrouted."""
        return team is None or self._ids is None or team in self._ids
