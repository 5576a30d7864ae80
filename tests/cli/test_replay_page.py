"""The page of a replay: whole, alone, and safe whatever a helpdesk calls its tickets and teams."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from connector.cli.replay_page import page_of
from connector.cli.replay_tables import facts, show
from connector.domain.classification import Classification, Label, Tier
from connector.domain.decision import Cause, Decision, Kind, Route
from connector.quality.replay import Circumstances, Replayed, ReplayReport, compare

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOSTILE = "</td><script>alert(1)</script><img src=x onerror='alert(2)'>&\x00\x1b\"\u202e"


def replayed(ticket: str, people: str, ours: str | None, cause: Cause = Cause.CONFIDENT) -> Replayed:
    route = Route(ours, "q", "1", "G", (), None, None)
    found = Classification(Tier.CHEAP, team=Label(ours or people, 0.9))
    kind = Kind.ROUTED if ours else Kind.ESCALATED
    cost = Decimal("0.002")
    return Replayed(ticket, people, Decision("d", kind, cause, "", route, found, (), (), {}, "p1", AT, cost))


def report(
    tickets: list[Replayed], teams: tuple[str, ...] = ("billing", "security"), *, emulated: bool = False
) -> ReplayReport:
    about = Circumstances(
        since="30d",
        days=30.0,
        tier="cascade",
        emulated=emulated,
        prompt_version="p1",
        skipped={"no_team": 2, "learnt": 1},
        elsewhere={HOSTILE: ("7", "8")},
        beyond_limit=3,
        undecided=1,
        left_because=HOSTILE,
        arrivals=40,
        paid_usd=Decimal("0.001"),
        remembered=2,
        unpriced=1,
        minutes_per_ticket=2.0,
    )
    return ReplayReport(compare(tickets, teams), about)


@pytest.fixture
def hostile() -> ReplayReport:
    return report(
        [
            replayed(HOSTILE, HOSTILE, "billing"),
            replayed("2", "billing", HOSTILE),
            replayed("3", "billing", None, Cause.GUARDRAIL),
        ],
        (HOSTILE, "billing"),
        emulated=True,
    )


def parsed(page: str) -> ElementTree.Element:
    """The page read as XML, which forgives nothing."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - our own page


class Tags(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_a_hostile_name_is_text_and_nothing_else(hostile: ReplayReport) -> None:
    seen = Tags(page_of(hostile, AT))

    assert not seen.tags & {"script", "img", "iframe", "object", "link", "a", "form", "base"}
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in "".join(parsed(page_of(hostile, AT)).itertext())


def test_nothing_is_loaded_from_anywhere(hostile: ReplayReport) -> None:
    page = page_of(hostile, AT)

    assert not Tags(page).attributes & {"src", "href", "srcset", "action", "data"}
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("tickets", [0, 1])
def test_it_is_well_formed_also_with_nothing_or_little_to_show(tickets: int) -> None:
    page = page_of(report([replayed("1", "billing", None, Cause.EMPTY)] * tickets), AT)

    assert parsed(page).tag == "html"


def test_tables_have_captions_and_heads_and_pictures_have_words(hostile: ReplayReport) -> None:
    page = parsed(page_of(hostile, AT))

    tables = list(page.iter("table"))
    assert len(tables) == 5
    assert all(each.find("caption") is not None for each in tables)
    assert {head.get("scope") for head in page.iter("th")} == {"col", "row"}
    assert all(each.get("aria-label") for each in page.iter("svg"))


def test_a_bar_is_as_long_as_its_share_and_its_line_is_the_interval() -> None:
    tickets = [replayed(str(n), "billing", "billing" if n else "security") for n in range(4)]

    (bar, *_) = parsed(page_of(report(tickets), AT)).iter("svg")

    track, fill = (float(each.get("width", "nan")) for each in bar.iter("rect"))
    assert fill / track == pytest.approx(0.75)
    ends = [
        float(each) / track for each in re.findall(r"M([\d.]+) 5V13", str(next(bar.iter("path")).get("d")))
    ]
    assert ends == pytest.approx([0.301, 0.954], abs=1e-3)


def test_what_is_not_in_the_figures_is_named_with_its_reason(hostile: ReplayReport) -> None:
    said = "".join(parsed(page_of(hostile, AT)).itertext())

    assert "Not compared: no team 2, learnt 1." in said
    assert "2 tickets" in said
    assert "Beyond --limit: 3" in said
    assert "Left undecided: 1" in said
    assert "EMULATED" in said


def test_json_names_every_disagreement_and_says_what_was_assumed(hostile: ReplayReport) -> None:
    told = facts(hostile)

    assert [each["ticket_id"] for each in told["disagreements"]] == [HOSTILE, "2"]
    assert told["assumed_minutes_per_ticket"] == 2.0
    assert told["no_team"] == {HOSTILE: ["7", "8"]}
    assert told["undecided"] == 1


def test_people_get_tables_and_what_is_an_assumption_is_called_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(report([replayed("1", "billing", "billing"), replayed("2", "billing", "security")]))

    said = capsys.readouterr().out
    assert "Agreement with people's group: 50.0% (95 % interval 9%–91%), 1 of 2" in said
    assert "ASSUMING 2 minutes" in said
    assert "By team" in said
    assert "Disagreements" in said
    assert "EMULATED" not in said


def test_nothing_to_compare_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    show(report([]))

    said = capsys.readouterr().out
    assert "Nothing to compare" in said
    assert "Not compared: no team 2, learnt 1." in said
