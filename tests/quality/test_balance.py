"""Labels are counted against the settings; what is there twice or contradicts itself is found."""

from __future__ import annotations

from connector.domain.taxonomy import Axis, Taxonomy
from connector.quality.balance import WANTED, Conflict, weigh
from connector.quality.dataset import LabelledTicket


def labelled(text: str, ticket_id: str = "", **classes: str) -> LabelledTicket:
    return LabelledTicket(text, {Axis(axis): name for axis, name in classes.items()}, ticket_id)


def test_every_class_of_the_settings_is_counted_also_without_a_label(taxonomy: Taxonomy) -> None:
    balance = weigh([labelled("a", team="billing"), labelled("b", team="billing"), labelled("c")], taxonomy)

    assert balance.tickets == 3
    assert balance.counts[Axis.TEAM] == {"billing": 2, "security": 0, "general": 0}
    assert [balance.labelled(axis) for axis in Axis] == [2, 0, 0, 0]
    assert balance.share(Axis.TEAM, "billing") == 1.0
    assert balance.share(Axis.URGENCY, "high") is None


def test_what_is_missing_is_counted_down_to_nothing(taxonomy: Taxonomy) -> None:
    tickets = [labelled(f"Invoice {number}", team="billing") for number in range(WANTED + 1)]

    one_less, enough = weigh(tickets[: WANTED - 1], taxonomy), weigh(tickets, taxonomy)

    assert (one_less.missing(Axis.TEAM, "billing"), enough.missing(Axis.TEAM, "billing")) == (1, 0)
    assert enough.missing(Axis.TEAM, "security") == WANTED


def test_the_same_words_with_the_same_labels_are_a_duplicate_and_no_conflict(taxonomy: Taxonomy) -> None:
    same = [labelled(text, team="billing") for text in ("Help  me", "help me", "HELP ME")]

    balance = weigh([*same, labelled("other", team="billing")], taxonomy)

    assert (balance.duplicates, balance.conflicts) == (2, ())


def test_the_same_words_with_other_labels_are_a_conflict_on_that_axis_alone(taxonomy: Taxonomy) -> None:
    tickets = [
        labelled("Help me", "1", team="billing", urgency="high"),
        labelled("help me", "2", team="general", urgency="high"),
        labelled("help me", "3", urgency="high"),
    ]

    balance = weigh(tickets, taxonomy)

    assert balance.conflicts == (Conflict(Axis.TEAM, ("1", "2"), ("billing", "general")),)
