"""labels.csv survives spreadsheets, says everything that is wrong with it, and gives no customer away."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.errors import LabelsRejected
from connector.quality.dataset import LabelledTicket, Source
from connector.quality.labels_csv import COLUMNS, LabelFile, read_labels, write_labels

TAXONOMY = Taxonomy(
    {
        Axis.TEAM: (Category("billing"), Category("product"), Category("security")),
        Axis.TYPE: (Category("bug_report"), Category("billing_dispute")),
        Axis.URGENCY: (Category("high"), Category("normal")),
        Axis.SENTIMENT: (Category("neutral"), Category("angry")),
    }
)

FULL = LabelledTicket(
    text='Line one,\r\nline "two"; and\n\nthree\u2028four',
    labels={
        Axis.TEAM: "billing",
        Axis.TYPE: "billing_dispute",
        Axis.URGENCY: "high",
        Axis.SENTIMENT: "angry",
    },
    ticket_id="35436",
    subject="Charged twice, again",
    tier="enterprise",
    severity="sev2",
    route="Billing → Refunds",
    why="wants money back",
    source=Source.REVIEW,
    reviewer="kim",
    labelled_at=datetime(2026, 3, 31, 12, 30, tzinfo=UTC),
)


def written(*tickets: LabelledTicket) -> str:
    stream = io.StringIO(newline="")
    assert write_labels(tickets, stream) == len(tickets)
    return stream.getvalue()


def read(text: str) -> tuple[LabelledTicket, ...]:
    return read_labels(text.encode("utf-8"), "labels.csv", TAXONOMY)


def problems(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    with pytest.raises(LabelsRejected) as caught:
        read_labels(data, "labels.csv", TAXONOMY)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


# --- There and back ---------------------------------------------------------------------------------------


def test_a_ticket_comes_back_as_it_was_written() -> None:
    assert read(written(FULL)) == (FULL,)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["=1+1", "'=1+1", "''@x", "\tx", "\rx", "\n-x", "＝1", "'", "'x", "+", "a\r\nb", '"', ";,\t"]
)


@given(text=words, subject=words, why=words)
def test_whatever_people_write_comes_back_letter_by_letter(text: str, subject: str, why: str) -> None:
    ticket = LabelledTicket(text=text, subject=f"x{subject}", why=why, labels={Axis.TEAM: "product"})

    assert read(written(ticket)) == (ticket,)


@given(text=words, route=words)
def test_no_cell_begins_like_a_formula(text: str, route: str) -> None:
    ticket = LabelledTicket(text=f"{text}.", subject=text, route=route, why=text, reviewer=route)

    (_, row) = csv.reader(io.StringIO(written(ticket), newline=""))

    assert not [cell for cell in row if cell[:1] and cell[0] in "=+-@\t\r\n＝＋－＠"]


def test_every_cell_is_quoted_and_rows_end_as_rfc_4180_says() -> None:
    assert written(LabelledTicket("Hi", ticket_id="7")).split("\r\n") == [
        ",".join(f'"{column}"' for column in COLUMNS),
        '"7","","Hi","","","","","","","","","import","",""',
        "",
    ]


def test_what_people_wrote_goes_through_the_redaction_and_nothing_else_does() -> None:
    stream = io.StringIO(newline="")

    write_labels([FULL], stream, redact=lambda text: f"<{len(text)}>")

    (back,) = read(stream.getvalue())
    assert (back.subject, back.text, back.why) == ("<20>", f"<{len(FULL.text)}>", "<16>")
    assert (back.ticket_id, back.labels, back.reviewer) == ("35436", FULL.labels, "kim")


# --- What others write ------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_of_any_spreadsheet_is_read(delimiter: str, end: str, mark: str) -> None:
    rows = [["Team ", "first_message"], ["billing", "Why, oh; why"], ["", ""], ["", "No idea"]]
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, lineterminator=end).writerows(rows)

    tickets = read(mark + stream.getvalue())

    assert [(t.text, dict(t.labels)) for t in tickets] == [
        ("Why, oh; why", {Axis.TEAM: "billing"}),
        ("No idea", {}),
    ]
    assert {t.source for t in tickets} == {Source.IMPORT}


def test_a_time_keeps_its_moment_and_without_a_zone_is_utc() -> None:
    east = datetime(2026, 3, 31, 12, tzinfo=timezone(timedelta(hours=2)))

    tickets = read(
        "first_message,team,labelled_at\nHi,billing,2026-03-31T12:00:00+02:00\nHi,billing,2026-03-31\n"
    )

    assert [t.labelled_at for t in tickets] == [east, datetime(2026, 3, 31, tzinfo=UTC)]


# --- What is wrong ----------------------------------------------------------------------------------------


def test_every_problem_is_told_with_its_column_and_the_line_on_which_its_row_begins() -> None:
    text = (
        "first_message,team,urgency,source,labelled_at\n"
        'Hi,biling,hihg,,"soon"\n'
        '"two\n\nlines",billing,normal,,\n'
        "\n"
        "Hi,billing\n"
        " ,billing,,guessed,\n"
    )

    assert problems(text) == [
        'labels.csv:2:B: settings.toml has no team "biling"; did you mean "billing"?',
        'labels.csv:2:C: settings.toml has no urgency "hihg"; did you mean "high"?',
        "labels.csv:2:E: labelled_at is not a time like 2026-03-31T12:00:00+00:00",
        "labels.csv:7: 2 cells under 5 columns",
        "labels.csv:8: neither subject nor first_message says anything",
        'labels.csv:8:D: no source is called "guessed" (known: resolved, import, correction, review)',
    ]


def test_a_header_that_does_not_hold_is_told_before_any_row() -> None:
    assert problems("first_mesage,team,team,tipe\nHi,nobody,nobody,x\n") == [
        'labels.csv:1: no column is called "first_mesage"; did you mean "first_message"?',
        'labels.csv:1: the column "team" is there more than once',
        'labels.csv:1: no column is called "tipe"; did you mean "type"?',
        'labels.csv:1: the column "first_message" is missing',
    ]


def test_a_file_without_any_axis_is_no_file_of_labels() -> None:
    assert problems("first_message,reviewer\nHi,kim\n") == [
        "labels.csv:1: none of the columns team, type, urgency, sentiment is there"
    ]


def test_an_empty_file_is_no_file_of_labels() -> None:
    assert problems("\ufeff\r\n")[0] == 'labels.csv:1: the column "first_message" is missing'


def test_a_quote_that_never_ends_is_told_where_it_begins() -> None:
    assert problems('first_message,team\nHi,billing\n"endless,billing\nHi,product\n') == [
        "labels.csv:3: not readable as CSV (unexpected end of data)"
    ]


def test_another_encoding_is_told_with_its_line() -> None:
    data = "first_message,team\nHi,billing\nGrüße,billing\n".encode("latin-1")

    assert problems(data) == ["labels.csv:3: not UTF-8; save the file as CSV UTF-8"]


def test_no_message_says_what_a_customer_wrote_even_when_columns_are_mixed_up() -> None:
    secret = "my card is 4111 1111 1111 1111"

    told = problems(f"{secret},team\n") + problems(
        f"team,first_message,source,labelled_at\n{secret},Hi,{secret},{secret}\n"
    )

    assert len(told) == 5
    assert not [line for line in told if "card" in line or "4111" in line]


def test_columns_are_called_as_a_spreadsheet_calls_them() -> None:
    file = LabelFile("labels.csv", (FULL,), (3,), tuple(f"column{at}" for at in range(703)))

    assert [file.place(0, f"column{at}") for at in (0, 25, 26, 701, 702)] == [
        f"labels.csv:3:{letter}" for letter in ("A", "Z", "AA", "ZZ", "AAA")
    ]


def test_an_id_that_is_none_is_told_without_it() -> None:
    assert problems('ticket_id,first_message,team\n"4\x00 11",Hi,billing\n') == [
        "labels.csv:2:A: ticket_id is no id"
    ]
