"""Labels meet labels: what is new is added, what is the same stays, and nothing contradicts in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.taxonomy import Axis
from connector.quality.dataset import LabelledTicket, Source
from connector.quality.merging import Clash, Take, key_of, merge


def label(ticket_id: str = "7", text: str = "Hi", **facts: Any) -> LabelledTicket:
    classes = {axis: facts.pop(axis.value) for axis in Axis if axis.value in facts}
    return LabelledTicket(text, classes, ticket_id, **facts)


def kept(*tickets: LabelledTicket) -> dict[tuple[str, str], LabelledTicket]:
    return {key_of(each): each for each in tickets}


def test_the_same_labels_again_change_nothing() -> None:
    first, second = label(team="billing"), label("8", team="security")

    found = merge(kept(first, second), [first, second, first], Take.NEITHER)

    assert (found.fresh, found.changed, found.same, found.clashes) == ((), (), 3, ())


def test_case_and_spacing_do_not_make_another_ticket_but_other_words_do() -> None:
    found = merge(
        kept(label(team="billing")), [label(text=" HI", team="billing"), label(text="Bye")], Take.NEW
    )

    assert [each.text for each in found.fresh] == ["Bye"]
    assert found.same == 1


def test_an_axis_that_was_not_judged_is_filled_and_the_others_stay() -> None:
    stored = label(team="billing", reviewer="kim", requester="901")

    found = merge(kept(stored), [label(urgency="high", reviewer="lee")], Take.NEITHER)

    (changed,) = found.changed
    assert changed.labels == {Axis.TEAM: "billing", Axis.URGENCY: "high"}
    assert (changed.reviewer, changed.requester) == ("lee", "901")


@pytest.mark.parametrize(
    ("take", "source", "stands"),
    [
        (Take.NEITHER, Source.RESOLVED, "billing"),
        (Take.NEW, Source.REVIEW, "security"),
        (Take.READ, Source.RESOLVED, "security"),
        (Take.READ, Source.CORRECTION, "security"),
        (Take.READ, Source.REVIEW, "billing"),
        (Take.READ, Source.IMPORT, "billing"),
    ],
)
def test_of_two_different_labels_the_one_stands_that_is_to_be_taken(
    take: Take, source: Source, stands: str
) -> None:
    stored = label(team="billing", source=source)

    found = merge(kept(stored), [label(team="security", source=Source.RESOLVED)], take)

    teams = [each.labels[Axis.TEAM] for each in (found.changed or (stored,))]
    assert teams == [stands]
    clash = Clash(0, Axis.TEAM, "security", "billing")
    assert found.clashes == ((clash,) if stands == "billing" else ())


@pytest.mark.parametrize("take", Take)
def test_a_list_that_contradicts_itself_clashes_whatever_is_to_be_taken(take: Take) -> None:
    found = merge({}, [label(team="billing"), label("8"), label(team="security")], take)

    assert found.clashes == (Clash(2, Axis.TEAM, "security", "billing", earlier=0),)
    assert found.fresh[0].labels == {Axis.TEAM: "billing"}


def test_remarks_of_a_newer_list_are_taken_only_when_it_is_to_be_taken() -> None:
    stored, new = label(team="billing", why="guess"), label(team="billing", why="refund")

    assert merge(kept(stored), [new], Take.NEITHER).changed == ()
    assert [each.why for each in merge(kept(stored), [new], Take.NEW).changed] == ["refund"]


@given(
    st.lists(
        st.builds(
            label,
            st.sampled_from(["", "7", "8"]),
            st.sampled_from(["Hi", "Bye"]),
            team=st.sampled_from(["billing", "security"]),
            why=st.sampled_from(["", "refund"]),
        ),
        max_size=8,
    ),
    st.sampled_from(Take),
)
def test_whatever_was_merged_once_is_the_same_the_second_time(
    tickets: list[LabelledTicket], take: Take
) -> None:
    once = merge({}, tickets, take)

    again = merge(kept(*once.fresh), list(once.fresh), take)

    assert (again.fresh, again.changed, again.clashes) == ((), (), ())
    assert len(once.fresh) + once.same == len(tickets)
