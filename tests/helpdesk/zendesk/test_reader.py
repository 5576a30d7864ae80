"""How a Zendesk ticket is read: who wrote it, what kind it is, whose customer, and what is malformed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.ticket import Author, Nature, Status, Ticket, Unreadable
from connector.errors import Unavailable
from connector.helpdesk.zendesk.payload import decode_tickets
from connector.helpdesk.zendesk.reader import TicketReader

MakeJson = Callable[..., dict[str, Any]]
Read = Callable[..., Ticket]


def read_page(
    page: dict[str, Any] | bytes, *, reader: TicketReader | None = None, server_at: datetime | None = None
) -> tuple[tuple[Ticket, ...], tuple[Unreadable, ...]]:
    reader = reader or TicketReader(tier_field=None, arr_field=None, tier_tags=None)
    content = page if isinstance(page, bytes) else json.dumps(page).encode()
    body, malformed = decode_tickets(content, "GET tickets")
    tickets, timeless = reader.read(body.tickets, body.users, body.organizations, server_at)
    return tickets, malformed + timeless


@pytest.fixture
def read(ticket_json: MakeJson) -> Read:
    """Reads one ticket with the given fields."""

    def read(
        users: list[dict[str, Any]] | None = None, server_at: datetime | None = None, **fields: Any
    ) -> Ticket:
        tickets, unreadable = read_page(
            {"tickets": [ticket_json(**fields)], "users": users or []}, server_at=server_at
        )
        assert unreadable == ()
        return tickets[0]

    return read


def test_an_ordinary_ticket_is_read_whole(read: Read) -> None:
    ticket = read(
        group_id=360000000011, assignee_id=5, organization_id=9, priority="high", tags=["vip", "de"]
    )

    assert replace(ticket, fingerprint="") == Ticket(
        id="35436000000001",
        version="2026-11-02T08:00:00Z",
        fingerprint="",
        created_at=datetime(2026, 11, 2, 8, 0, tzinfo=UTC),
        updated_at=datetime(2026, 11, 2, 8, 0, tzinfo=UTC),
        status=Status.NEW,
        nature=Nature.ORDINARY,
        author=Author.CUSTOMER,
        is_public=True,
        subject="Charged twice",
        text="You charged my card twice this month.",
        channel="email",
        group="360000000011",
        assignee="5",
        priority="high",
        tags=("vip", "de"),
        requester="901",
    )


def test_an_organization_goes_by_its_name(ticket_json: MakeJson) -> None:
    page = {"tickets": [ticket_json(organization_id=9)], "organizations": [{"id": 9, "name": "Acme"}]}

    tickets, _ = read_page(page)

    assert tickets[0].organization == "Acme"


@pytest.mark.parametrize("number", [2**53 + 1, 2**63 + 1, "9007199254740993"])
def test_ids_keep_every_digit(read: Read, number: int | str) -> None:
    ticket = read(id=number, group_id=number, requester_id=number)

    assert (ticket.id, ticket.group, ticket.requester) == (str(number),) * 3


@pytest.mark.parametrize(
    ("submitter", "roles", "author"),
    [
        (901, {901: "end-user"}, Author.CUSTOMER),
        (901, {901: "agent"}, Author.AGENT),
        (5, {901: "end-user", 5: "agent"}, Author.AGENT),
        (5, {901: "end-user", 5: "admin"}, Author.AGENT),
        (5, {901: "end-user", 5: "end-user"}, Author.CUSTOMER),
        (901, {}, Author.CUSTOMER),
        (5, {}, Author.UNKNOWN),
        (5, {5: "robot"}, Author.UNKNOWN),
        (None, {}, Author.UNKNOWN),
    ],
)
def test_the_submitter_wrote_the_first_words(
    read: Read, submitter: int | None, roles: dict[int, str], author: Author
) -> None:
    users = [{"id": each, "role": role} for each, role in roles.items()]

    assert read(users, submitter_id=submitter).author is author


@pytest.mark.parametrize(
    ("fields", "nature"),
    [
        ({"via": {"channel": "sample_ticket"}}, Nature.SAMPLE),
        ({"via": {"channel": "side_conversation"}}, Nature.SIDE_CONVERSATION),
        ({"tags": ["a", "created_for_side_conversation"]}, Nature.SIDE_CONVERSATION),
        ({"tags": ["closed_by_merge"]}, Nature.MERGED),
        ({"via": {"channel": 19}}, Nature.MERGED),
        ({"via": {"channel": "closed_ticket"}}, Nature.FOLLOW_UP),
        ({"via": {"channel": "web", "source": {"rel": "follow_up"}}}, Nature.FOLLOW_UP),
        ({"via": None}, Nature.ORDINARY),
        ({"via": {"channel": "hologram", "source": None}}, Nature.ORDINARY),
    ],
)
def test_special_tickets_are_told_apart(read: Read, fields: dict[str, Any], nature: Nature) -> None:
    assert read(**fields).nature is nature


def test_what_may_be_null_or_unknown_does_not_make_a_ticket_unreadable(read: Read) -> None:
    ticket = read(
        subject=None,
        description=None,
        via=None,
        tags=None,
        is_public=None,
        status="snoozed",
        requester_id=None,
    )

    assert (ticket.subject, ticket.text, ticket.tags, ticket.channel) == ("", "", (), "")
    assert ticket.status is Status.OTHER
    assert ticket.is_public


def test_a_ticket_with_nothing_but_id_and_times_is_readable() -> None:
    at = "2026-11-02T08:00:00Z"

    tickets, unreadable = read_page({"tickets": [{"id": 1, "created_at": at, "updated_at": at}]})

    assert [ticket.id for ticket in tickets] == ["1"]
    assert unreadable == ()


def test_a_numeric_channel_is_text(read: Read) -> None:
    assert read(via={"channel": 4}).channel == "4"


def test_a_private_ticket_is_not_public(read: Read) -> None:
    assert not read(is_public=False).is_public


def test_the_placeholder_of_a_messaging_ticket_is_not_its_text(read: Read) -> None:
    assert read(from_messaging_channel=True, description="Conversation with Ann").text is None


def test_a_description_that_is_html_is_read_as_a_person_would(read: Read) -> None:
    html = "<html><body><p>Charged <b>twice</b></p><script>x()</script></body></html>"

    assert read(description=html).text == "Charged twice"
    assert read(description="a < b").text == "a < b"


def test_a_deleted_ticket_is_read(read: Read) -> None:
    assert read(status="deleted", subject="SCRUBBED").status is Status.DELETED


@pytest.mark.parametrize("key", ["status", "subject", "description", "priority", "group_id", "assignee_id"])
def test_the_fingerprint_tells_two_revisions_of_one_second_apart(read: Read, key: str) -> None:
    value = 7 if key.endswith("_id") else "hold"

    assert read().fingerprint != read(**{key: value}).fingerprint


def test_the_fingerprint_changes_with_the_tags_and_not_with_the_system(read: Read) -> None:
    assert read().fingerprint != read(tags=["a"]).fingerprint
    assert read(tags=["a", "b"]).fingerprint != read(tags=["a,b"]).fingerprint
    assert read().fingerprint == read(generated_timestamp=1793606999).fingerprint


@pytest.mark.parametrize(("age_seconds", "left"), [(0, 2.0), (1, 1.0), (2, 0.0), (3600, 0.0), (-5, 2.0)])
def test_a_version_settles_two_seconds_after_its_second(read: Read, age_seconds: int, left: float) -> None:
    server_at = datetime.fromtimestamp(
        datetime(2026, 11, 2, 8, 0, tzinfo=UTC).timestamp() + age_seconds, tz=UTC
    )

    assert read(server_at=server_at).settles_in_seconds == left


def test_a_version_from_the_future_is_not_waited_for(read: Read) -> None:
    an_hour_before = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)

    assert read(server_at=an_hour_before).settles_in_seconds == 0


def test_without_the_servers_time_a_version_counts_as_settled(read: Read) -> None:
    assert read().settles_in_seconds == 0


@pytest.mark.parametrize(
    "told", ["2026-11-02T10:00:00+02:00", "2026-11-02T08:00:00", "2026-11-02T08:00:00.000Z"]
)
def test_every_time_is_utc_and_the_version_stays_as_delivered(read: Read, told: str) -> None:
    ticket = read(updated_at=told)

    assert ticket.updated_at == datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
    assert ticket.version == told


def test_nul_is_dropped(read: Read) -> None:
    ticket = read(subject="a\0b", description="c\0d", tags=["e\0f"], priority="g\0h")

    assert (ticket.subject, ticket.text, ticket.tags, ticket.priority) == ("ab", "cd", ("ef",), "gh")


@pytest.mark.parametrize(
    ("cell", "arr"),
    [
        (12000, "12000"),
        (1200.5, "1200.5"),
        ("99", "99"),
        ("much", None),
        (True, None),
        ("NaN", None),
        (None, None),
    ],
)
def test_tier_and_revenue_come_from_the_organization(
    ticket_json: MakeJson, cell: object, arr: str | None
) -> None:
    reader = TicketReader(tier_field="plan", arr_field="arr", tier_tags=None)
    page = {
        "tickets": [ticket_json(organization_id=9)],
        "organizations": [{"id": 9, "organization_fields": {"plan": "gold", "arr": cell}}],
    }

    (ticket,), _ = read_page(page, reader=reader)

    assert ticket.tier == "gold"
    assert ticket.arr_usd == (None if arr is None else Decimal(arr))


def test_without_an_organization_the_tier_comes_from_a_tag(ticket_json: MakeJson) -> None:
    reader = TicketReader(tier_field="plan", arr_field=None, tier_tags={"plan_ent": "enterprise"})

    (ticket,), _ = read_page({"tickets": [ticket_json(tags=["x", "plan_ent"])]}, reader=reader)

    assert ticket.tier == "enterprise"


@pytest.mark.parametrize(
    ("fields", "ticket_id"),
    [
        ({"id": None}, None),
        ({"id": True}, None),
        ({"id": 7, "updated_at": None}, "7"),
        ({"id": 7, "updated_at": "yesterday"}, "7"),
        ({"id": 7, "created_at": "9999-12-31T23:59:59-12:00"}, "7"),
        ({"id": 7, "tags": "vip"}, "7"),
        ({"id": 7, "subject": {"secret": "words"}}, "7"),
        ({"id": 7, "assignee_id": [1]}, "7"),
    ],
)
def test_one_malformed_ticket_is_set_aside_with_its_id_and_the_others_live(
    ticket_json: MakeJson, fields: dict[str, Any], ticket_id: str | None
) -> None:
    rows = [ticket_json(id=1), ticket_json(**fields), ticket_json(id=3)]

    tickets, unreadable = read_page({"tickets": rows, "users": [{"id": 901, "role": "agent"}]})

    assert [ticket.id for ticket in tickets] == ["1", "3"]
    assert {ticket.author for ticket in tickets} == {Author.AGENT}
    assert [each.ticket_id for each in unreadable] == [ticket_id]
    assert "words" not in unreadable[0].reason


@pytest.mark.parametrize("row", [None, 5, "ticket", []])
def test_a_row_that_is_no_ticket_at_all_is_set_aside(ticket_json: MakeJson, row: object) -> None:
    tickets, unreadable = read_page({"tickets": [row, ticket_json()]})

    assert len(tickets) == 1
    assert [each.ticket_id for each in unreadable] == [None]


def test_a_malformed_side_load_costs_no_ticket(ticket_json: MakeJson) -> None:
    users = [{"id": 901, "role": {"x": 1}}, {"id": 5, "role": "agent"}]

    (ticket, other), _ = read_page(
        {"tickets": [ticket_json(), ticket_json(submitter_id=5)], "users": users, "organizations": "none"}
    )

    assert ticket.author is Author.CUSTOMER
    assert other.author is Author.AGENT


@pytest.mark.parametrize(
    "escaped", [b"\\ud83d", b"\\udc00 \\ud83d", b"\xff\xfe"], ids=["half", "halves", "not-utf8"]
)
def test_half_surrogates_and_broken_utf8_become_replacement_characters(
    ticket_json: MakeJson, escaped: bytes
) -> None:
    page = json.dumps({"tickets": [ticket_json(subject="MARK"), ticket_json(id=2)]}).encode()

    tickets, unreadable = read_page(page.replace(b"MARK", b"Hi " + escaped))

    assert unreadable == ()
    assert tickets[0].subject.startswith("Hi \ufffd")
    assert tickets[0].subject.encode()
    assert tickets[1].id == "2"


@pytest.mark.parametrize(
    "page",
    [
        b"[]",
        b"{}",
        b'{"tickets": null}',
        b'{"tickets": {}}',
        b'{"tickets": [',
        b'{"tickets": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["list", "empty", "null", "object", "cut", "deep"],
)
def test_a_page_without_a_list_of_tickets_is_unavailable_and_never_empty(page: bytes) -> None:
    with pytest.raises(Unavailable):
        read_page(page)


def test_numbers_that_json_does_not_have_cost_no_ticket(ticket_json: MakeJson) -> None:
    page = json.dumps({"tickets": [ticket_json(satisfaction=float("nan"))]}).encode()

    tickets, unreadable = read_page(page)

    assert len(tickets) == 1
    assert unreadable == ()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from(
        [
            "id",
            "subject",
            "tags",
            "via",
            "status",
            "is_public",
            "updated_at",
            "group_id",
            "generated_timestamp",
        ]
    ),
)
def test_whatever_a_field_holds_a_ticket_is_read_or_set_aside(value: object, key: str) -> None:
    at = "2026-11-02T08:00:00Z"
    row = {"id": 7, "created_at": at, "updated_at": at} | {key: value}

    tickets, unreadable = read_page({"tickets": [row]})

    assert len(tickets) + len(unreadable) == 1
