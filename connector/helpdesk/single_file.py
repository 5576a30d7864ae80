"""Single file: writes one after the other, until too many answers in a row are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from connector.domain.decision import Applied, Change, Outcome
from connector.errors import Unavailable

_MOST_LOST_IN_A_ROW = 2


def in_single_file(changes: Sequence[Change], write: Callable[[Change], Applied]) -> Iterator[Applied]:
    """The outcome of each change, as soon as it is known.

    Raises Unavailable instead of sending more when two answers in a row were lost, and what ``write`` raises.
    """
    lost = 0
    for change in changes:
        if lost == _MOST_LOST_IN_A_ROW:
            raise Unavailable(f"{lost} writes in a row were left without an answer")
        outcome = write(change)
        lost = lost + 1 if outcome.outcome is Outcome.UNCLEAR else 0
        yield outcome
