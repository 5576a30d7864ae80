"""What Zendesk sends, as far as the connector reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from connector.domain.ticket import Unreadable
from connector.errors import Unavailable
from connector.helpdesk.decoding import UNDECODABLE, mended_json, shape_problem

Id = int | str  # 64 bits today; a string where JavaScript is in between
Shape = TypeVar("Shape")


# gc=False keeps 1000 rows out of the garbage collector's sight; none of them can be part of a cycle.


class Source(msgspec.Struct, gc=False):
    rel: str | None = None


class Via(msgspec.Struct, gc=False):
    channel: str | int | None = None
    source: Source | None = None


class MetricSet(msgspec.Struct, gc=False):
    """Beside a ticket where ``include=metric_sets`` asks for it (Zendesk, Ticket Metrics)."""

    requester_updated_at: str | None = None


class TicketRow(msgspec.Struct, gc=False):
    """A ticket.  Whatever Zendesk may leave out or set to null has a default."""

    id: Id
    created_at: str
    updated_at: str
    status: str | None = None
    subject: str | None = None
    description: str | None = None
    priority: str | None = None
    tags: list[str] | None = None
    group_id: Id | None = None
    assignee_id: Id | None = None
    requester_id: Id | None = None
    submitter_id: Id | None = None
    organization_id: Id | None = None
    is_public: bool | None = None
    from_messaging_channel: bool | None = None
    via: Via | None = None
    generated_timestamp: float | None = None
    metric_set: MetricSet | None = None


class UserRow(msgspec.Struct, gc=False):
    id: Id | None = None
    role: str | None = None
    name: str | None = None


class PersonRow(msgspec.Struct):
    id: Id
    email: str | None = None


class PeopleBody(msgspec.Struct):
    users: list[PersonRow]


class OrganizationRow(msgspec.Struct, gc=False):
    id: Id
    name: str | None = None
    organization_fields: dict[str, Any] | None = None


class Meta(msgspec.Struct):
    """Cursor pagination.  ``has_more`` alone ends it: on last pages links and cursor are often still set."""

    has_more: bool | None = None
    after_cursor: str | None = None


class TicketsBody(msgspec.Struct):
    """Tickets with their side-loads, and how they go on: an export's cursor, or the ``meta`` of a list."""

    tickets: list[TicketRow]
    users: list[UserRow] | None = None
    organizations: list[OrganizationRow] | None = None
    after_cursor: str | None = None
    end_of_stream: bool | None = None
    meta: Meta | None = None


class TicketBody(msgspec.Struct):
    """One ticket with its side-loads."""

    ticket: TicketRow
    users: list[UserRow] | None = None
    organizations: list[OrganizationRow] | None = None


class UserBody(msgspec.Struct):
    user: UserRow


class GroupRow(msgspec.Struct):
    id: Id
    name: str = ""
    deleted: bool | None = None


class GroupsBody(msgspec.Struct):
    groups: list[GroupRow]
    meta: Meta | None = None


class AttachmentRow(msgspec.Struct):
    file_name: str | None = None
    content_type: str | None = None
    inline: bool | None = None  # part of the text, as logos in signatures are


class CommentRow(msgspec.Struct):
    author_id: Id | None = None
    public: bool | None = None
    plain_body: str | None = None
    body: str | None = None
    html_body: str | None = None
    attachments: list[AttachmentRow] | None = None
    created_at: str | None = None
    metadata: Any = None


class CommentsBody(msgspec.Struct):
    comments: list[CommentRow]
    users: list[UserRow] | None = None
    meta: Meta | None = None


class AuditRow(msgspec.Struct):
    metadata: Any = None


class AuditsBody(msgspec.Struct):
    audits: list[AuditRow]
    meta: Meta | None = None


class JobStatus(msgspec.Struct):
    id: str
    status: str | None = None
    results: Any = None  # a list, an object or null, in no certain order


class JobBody(msgspec.Struct):
    job_status: JobStatus


# Built by the thread that imports: msgspec (0.22.0) learns a type when it is first decoded, and two threads
# that let it learn the same one at once crash the process.
_DECODERS: Mapping[type, msgspec.json.Decoder[Any]] = {
    shape: msgspec.json.Decoder(shape)
    for shape in (
        TicketsBody,
        TicketBody,
        UserBody,
        GroupsBody,
        PeopleBody,
        CommentsBody,
        AuditsBody,
        JobBody,
    )
}


def decode(body: bytes, shape: type[Shape], what: str) -> Shape:
    """``body`` as ``shape``.  Raises Unavailable, without a word of the body, when it is something else."""
    try:
        decoded: Shape = _DECODERS[shape].decode(body)
        return decoded
    except UNDECODABLE:
        pass
    try:
        return msgspec.convert(mended_json(body, what), shape)
    except UNDECODABLE as error:
        problem = shape_problem(error)
    raise Unavailable(f"{what} answered in an unexpected shape: {problem}")


def decode_tickets(body: bytes, what: str) -> tuple[TicketsBody, tuple[Unreadable, ...]]:
    """A page of tickets; a malformed one is set aside with its id, and the others live.

    Raises Unavailable when the page as a whole is not what was asked for.
    """
    try:
        return _DECODERS[TicketsBody].decode(body), ()
    except UNDECODABLE:
        pass
    document = mended_json(body, what)
    tickets = document.get("tickets") if isinstance(document, dict) else None
    if not isinstance(tickets, list):
        raise Unavailable(f"{what} answered without a list of tickets")
    unreadable: list[Unreadable] = []
    rows = list(_convert_each(tickets, TicketRow, unreadable))
    side_loads = {key: document.get(key) for key in ("users", "organizations")}
    frame = {key: document.get(key) for key in ("after_cursor", "end_of_stream", "meta")}
    whole = decode(json.dumps(frame | {"tickets": []}).encode(), TicketsBody, what)
    whole.tickets = rows
    whole.users = list(_convert_each(side_loads["users"], UserRow, []))
    whole.organizations = list(_convert_each(side_loads["organizations"], OrganizationRow, []))
    return whole, tuple(unreadable)


def decode_ticket(body: bytes, what: str) -> tuple[TicketsBody, tuple[Unreadable, ...]]:
    """One ticket as a page of one; it is set aside with its id when it is malformed.

    Raises Unavailable when the answer is not about a ticket at all.
    """
    try:
        found: TicketBody = _DECODERS[TicketBody].decode(body)
    except UNDECODABLE:
        pass
    else:
        return TicketsBody([found.ticket], found.users, found.organizations), ()
    document = mended_json(body, what)
    if not isinstance(document, dict) or not isinstance(document.get("ticket"), dict):
        raise Unavailable(f"{what} answered without a ticket")
    page = document | {"tickets": [document["ticket"]]}
    return decode_tickets(json.dumps(page).encode(), what)


def _convert_each(rows: Any, shape: type[Shape], unreadable: list[Unreadable]) -> Iterator[Shape]:  # noqa: ANN401 - any JSON
    for row in rows if isinstance(rows, list) else []:
        try:
            yield msgspec.convert(row, shape)
        except UNDECODABLE as error:
            unreadable.append(Unreadable(_id_of(row), shape_problem(error)))


def _id_of(row: Any) -> str | None:  # noqa: ANN401 - any JSON
    found = row.get("id") if isinstance(row, dict) else None
    return str(found)[:64] if isinstance(found, int | str) and not isinstance(found, bool) else None
