"""Whether a Pylon organization is ready for us: what the token may do, and which fields and tags exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import AuthRefused
from connector.helpdesk.pylon.intent import PRIORITIES
from connector.helpdesk.pylon.lookup import issue_path
from connector.helpdesk.pylon.payload import FieldRow, FieldsBody, IssuesBody, TagsBody, decode
from connector.helpdesk.pylon.reader import PRIORITY
from connector.helpdesk.pylon.times import told
from connector.helpdesk.remark import Remark
from connector.helpdesk.transport import Transport
from connector.ports import Clock

_NOBODY = "00000000-0000-0000-0000-000000000000"  # no issue has this id
_RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Needs:
    """What the settings want of Pylon: priorities to write, the prefix of tags, custom fields of accounts."""

    priorities: frozenset[str] = frozenset()
    tag_prefix: str = ""
    account_fields: tuple[str, ...] = ()


def readiness(transport: Transport, clock: Clock, needs: Needs) -> Iterator[Remark]:
    """What is ready and what is not, a line each; changes nothing.

    Whether the token may write is proven by an empty update of an issue that cannot exist.  Raises
    Unavailable, and AuthRefused where the token as such is refused.
    """
    yield _reading(transport, clock)
    yield _writing(transport)
    if needs.priorities:
        yield _priority(transport, needs.priorities)
    if needs.account_fields:
        yield _account_fields(transport, needs.account_fields)
    yield _tags(transport, needs.tag_prefix)


def _reading(transport: Transport, clock: Clock) -> Remark:
    since = told(clock.now() - _RECENT)
    changed = {"field": "updated_at", "operator": "time_is_after", "value": since}
    question = {"filter": {"operator": "and", "subfilters": [changed]}, "limit": 1}
    try:
        reply = transport.ask("/issues/search", question)
        issues = decode(reply.body, IssuesBody, "POST /issues/search").data if reply.is_ok else None
        if not reply.is_ok:
            return Remark("reading", False, f"the issue search answered {reply.status}")
        if not issues:
            return Remark(
                "reading", True, f"issues can be searched; none has changed for {_RECENT.days} days"
            )
        messages = transport.get(f"{issue_path(issues[0].id)}/messages", {"limit": 1})
    except AuthRefused as refused:
        return Remark("reading", False, f"{refused}; the connector reads issues and their messages")
    if not messages.is_ok:
        return Remark("reading", False, f"the messages of an issue answered {messages.status}")
    return Remark("reading", True, "issues can be searched and their messages read")


def _writing(transport: Transport) -> Remark:
    reply = transport.send("PATCH", issue_path(_NOBODY), {}, forbidden_is_answer=True)
    if reply.status == 403:
        return Remark("writing", False, "the API token may read and not write; --dry-run works, no live pass")
    return Remark("writing", True, "the API token is not refused an update")


def _priority(transport: Transport, wanted: Collection[str]) -> Remark:
    way_out = "or set [write] priority = false"
    fields = _fields(transport, "issue")
    if fields is None:
        return Remark("priority", False, "the API token may not list custom fields: nobody can tell")
    field = fields.get(PRIORITY)
    if field is None:
        detail = (
            f'no custom field "{PRIORITY}" of issues: every write with a priority may be refused; make it, '
        )
        return Remark("priority", False, detail + way_out)
    if field.is_read_only:
        return Remark(
            "priority", False, f'the custom field "{PRIORITY}" is read-only; change that, {way_out}'
        )
    known = {each.slug for each in field.options}
    missing = sorted({PRIORITIES.get(each, each) for each in wanted} - known) if known else []
    if missing:
        return Remark("priority", False, f'"{PRIORITY}" has no option {", ".join(missing)}; add, {way_out}')
    return Remark("priority", True, f'the custom field "{PRIORITY}" takes what the settings write')


def _account_fields(transport: Transport, wanted: Sequence[str]) -> Remark:
    fields = _fields(transport, "account")
    if fields is None:
        return Remark("accounts", False, "the API token may not list custom fields: nobody can tell")
    missing = [slug for slug in wanted if slug not in fields]
    if missing:
        there = ", ".join(sorted(fields)) or "none"
        detail = (
            f"accounts have no custom field {', '.join(missing)} (tier_field, arr_field); there are: {there}"
        )
        return Remark("accounts", False, detail)
    return Remark("accounts", True, f"accounts have {', '.join(wanted)}")


def _tags(transport: Transport, prefix: str) -> Remark:
    reply = transport.get("/tags", forbidden_is_answer=True)
    rows = decode(reply.body, TagsBody, "GET /tags").data or () if reply.is_ok else ()
    if any(row.object_type in (None, "issue") and (row.value or "").startswith(prefix) for row in rows):
        return Remark("tags", True, f"issues have tags that begin with {prefix}")
    return Remark(
        "tags",
        False,
        f"no issue tag begins with {prefix} yet, and Pylon does not document whether an update makes new "
        "ones: look at the first issue that is written",
    )


def _fields(transport: Transport, object_type: str) -> dict[str, FieldRow] | None:
    """The custom fields by slug; None where the token may not list them."""
    reply = transport.get("/custom-fields", {"object_type": object_type}, forbidden_is_answer=True)
    if not reply.is_ok:
        return None
    rows = decode(reply.body, FieldsBody, "GET /custom-fields").data or ()
    return {row.slug: row for row in rows if row.slug}
