"""What Pylon sends, as far as the connector reads it.

Lists and objects come as null where they are empty, and an empty search is a body with nothing but a
request id; so everything but ids and times has a default.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from connector.domain.ticket import Unreadable
from connector.errors import Unavailable
from connector.helpdesk.decoding import UNDECODABLE, Decoders, Shape, convert_each, mended_json

_MOST_CODE_CHARS = 60


# gc=False keeps the rows of a page out of the garbage collector's sight; none can be part of a cycle.


class Named(msgspec.Struct, gc=False):
    """A person, an account or a team as an issue names it."""

    id: str | None = None
    email: str | None = None
    name: str | None = None


class IssueRow(msgspec.Struct, gc=False):
    id: str
    created_at: str
    updated_at: str
    title: str | None = None
    body_html: str | None = None
    state: str | None = None
    source: str | None = None
    account: Named | None = None
    requester: Named | None = None
    assignee: Named | None = None
    team: Named | None = None
    tags: list[str] | None = None
    custom_fields: dict[str, Any] | None = None
    latest_message_time: str | None = None
    first_response_time: str | None = None
    parent_issue_group: Any = None


class Pagination(msgspec.Struct):
    """``has_next_page`` alone ends it: the cursor of a last page is empty, or absent."""

    cursor: str | None = None
    has_next_page: bool | None = None


class IssuesBody(msgspec.Struct):
    data: list[IssueRow] | None = None
    pagination: Pagination | None = None


class IssueBody(msgspec.Struct):
    data: IssueRow


class TeamRow(msgspec.Struct):
    id: str
    name: str | None = None


class TeamsBody(msgspec.Struct):
    data: list[TeamRow] | None = None
    pagination: Pagination | None = None


class AuthorRow(msgspec.Struct):
    """A customer has ``contact``, somebody of the team ``user``."""

    name: str | None = None
    contact: Named | None = None
    user: Named | None = None


class MessageRow(msgspec.Struct):
    message_html: str | None = None
    timestamp: str | None = None
    is_private: bool | None = None
    author: AuthorRow | None = None


class MessagesBody(msgspec.Struct):
    data: list[MessageRow] | None = None
    pagination: Pagination | None = None


class AccountRow(msgspec.Struct):
    name: str | None = None
    tags: list[str] | None = None
    custom_fields: dict[str, Any] | None = None


class AccountBody(msgspec.Struct):
    data: AccountRow | None = None


class StatusRow(msgspec.Struct):
    slug: str | None = None
    category: str | None = None


class StatusesBody(msgspec.Struct):
    data: list[StatusRow] | None = None


class OptionRow(msgspec.Struct):
    slug: str | None = None


class SelectRow(msgspec.Struct):
    options: list[OptionRow] | None = None


class FieldRow(msgspec.Struct):
    """A custom field; only one to select from has ``select_metadata``."""

    slug: str | None = None
    is_read_only: bool | None = None
    select_metadata: SelectRow | None = None

    @property
    def options(self) -> list[OptionRow]:
        return (self.select_metadata.options if self.select_metadata else None) or []


class FieldsBody(msgspec.Struct):
    data: list[FieldRow] | None = None


class TagRow(msgspec.Struct):
    value: str | None = None
    object_type: str | None = None


class TagsBody(msgspec.Struct):
    data: list[TagRow] | None = None


class ContactRow(msgspec.Struct):
    id: str
    email: str | None = None
    emails: list[str] | None = None


class ContactsBody(msgspec.Struct):
    data: list[ContactRow] | None = None
    pagination: Pagination | None = None


class ThreadRow(msgspec.Struct):
    id: str


class ThreadBody(msgspec.Struct):
    data: ThreadRow


class MeRow(msgspec.Struct):
    id: str | None = None
    name: str | None = None


class MeBody(msgspec.Struct):
    data: MeRow | None = None


_DECODERS = Decoders(
    IssuesBody,
    IssueBody,
    TeamsBody,
    MessagesBody,
    AccountBody,
    StatusesBody,
    ContactsBody,
    MeBody,
    ThreadBody,
    FieldsBody,
    TagsBody,
)


def decode(body: bytes, shape: type[Shape], what: str) -> Shape:
    """``body`` as ``shape``.  Raises Unavailable, without a word of the body, when it is something else."""
    return _DECODERS.decode(body, shape, what)


def decode_issues(body: bytes, what: str) -> tuple[IssuesBody, tuple[Unreadable, ...]]:
    """A page of issues; a malformed one is set aside with its id, and the others live.

    Raises Unavailable when the page as a whole is not what was asked for.
    """
    try:
        return _DECODERS.strict(body, IssuesBody), ()
    except UNDECODABLE:
        pass
    document = mended_json(body, what)
    rows = document.get("data") if isinstance(document, dict) else ""
    if not isinstance(rows, list | None):
        raise Unavailable(f"{what} answered without a list of issues")
    frame = decode(json.dumps({"pagination": document.get("pagination")}).encode(), IssuesBody, what)
    unreadable: list[Unreadable] = []
    issues = list(convert_each(rows, IssueRow, unreadable))
    return IssuesBody(issues, frame.pagination), tuple(unreadable)


def decode_issue(body: bytes, what: str) -> tuple[IssuesBody, tuple[Unreadable, ...]]:
    """One issue as a page of one; raises Unavailable when the answer is not about an issue at all."""
    document = mended_json(body, what)
    issue = document.get("data") if isinstance(document, dict) else None
    if not isinstance(issue, dict):
        raise Unavailable(f"{what} answered without an issue")
    return decode_issues(json.dumps({"data": [issue]}).encode(), what)


def error_code(body: bytes) -> str:
    """The code of a refusal, such as not_found; never its prose, which is reworded and may quote an issue."""
    try:
        document = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return ""
    code = document.get("code") if isinstance(document, dict) else None
    is_code = isinstance(code, str) and code.isidentifier() and len(code) <= _MOST_CODE_CHARS
    return str(code) if is_code else ""
