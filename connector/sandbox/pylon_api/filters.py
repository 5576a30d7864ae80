"""The filters of a search: which fields and operators exist, what they match, how wide a window may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from connector.sandbox.pylon_api.records import Issue
from connector.sandbox.pylon_api.refusal import bad_request
from connector.sandbox.pylon_api.tenant import Leeway

MAX_DEPTH = 3
DAY = 86_400

_TIME = frozenset({"time_is_after", "time_is_before", "time_range"})
_CHOICE = frozenset({"equals", "in", "not_in"})
_OPTIONAL = _CHOICE | {"is_set", "is_unset"}
_TEXT = frozenset({"string_contains", "string_does_not_contain"})
_TAGS = frozenset({"contains", "does_not_contain", "in", "not_in"})
_CUSTOM = _OPTIONAL | _TEXT | {"not_equals", "contains", "does_not_contain"}
_MANY = frozenset({"in", "not_in", "time_range"})
_NEGATIVE = frozenset({"not_equals", "not_in", "does_not_contain"})

# Names differ from those of an issue: type, resolution_time and latest_message_time are filtered as others.
_OPERATORS: Mapping[str, frozenset[str]] = MappingProxyType(
    dict.fromkeys(("created_at", "updated_at", "resolved_at", "latest_message_activity_at"), _TIME)
    | dict.fromkeys(("account_id", "ticket_form_id", "requester_id", "assignee_id", "issue_type"), _OPTIONAL)
    | dict.fromkeys(("team_id", "state", "slack_channel_id"), _CHOICE)
    | dict.fromkeys(("follower_user_id", "follower_contact_id"), _CHOICE)
    | dict.fromkeys(("title", "body_html"), _TEXT)
    | {"tags": _TAGS}
)
_TIMES: Mapping[str, Callable[[Issue], float | None]] = MappingProxyType(
    {
        "created_at": lambda issue: issue.created_at,
        "updated_at": lambda issue: issue.updated_at,
        "resolved_at": lambda issue: issue.resolved_at,
        "latest_message_activity_at": lambda issue: issue.latest_message_at,
    }
)
_VALUES: Mapping[str, Callable[[Issue], tuple[str | None, ...]]] = MappingProxyType(
    {
        "account_id": lambda issue: (issue.account_id,),
        "requester_id": lambda issue: (issue.requester_id,),
        "assignee_id": lambda issue: (issue.assignee_id,),
        "issue_type": lambda issue: (issue.type,),
        "team_id": lambda issue: (issue.team_id,),
        "state": lambda issue: (issue.state,),
        "slack_channel_id": lambda issue: (issue.slack_channel_id,),
        "tags": lambda issue: issue.tags,
        "title": lambda issue: (issue.title,),
        "body_html": lambda issue: (issue.body_html,),
        # The sandbox has neither forms nor followers, so these are never set.
        "ticket_form_id": lambda _issue: (),
        "follower_user_id": lambda _issue: (),
        "follower_contact_id": lambda _issue: (),
    }
)

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Condition:
    """One field compared.  ``after`` and ``before`` bound a time, infinite where nothing does."""

    field: str
    operator: str
    values: tuple[str, ...] = ()
    after: float = -math.inf
    before: float = math.inf

    def matches(self, issue: Issue, leeway: Leeway) -> bool:
        if self.operator in _TIME:
            at = _TIMES[self.field](issue)
            return at is not None and self._within(at, leeway)
        have = {value for value in self._have(issue) if value}
        if self.operator in {"is_set", "is_unset"}:
            return bool(have) is (self.operator == "is_set")
        if self.operator in _TEXT:
            found = any(self.values[0].casefold() in value.casefold() for value in have)
            return found is (self.operator == "string_contains")
        return have.isdisjoint(self.values) is (self.operator in _NEGATIVE)

    def spans(self) -> dict[str, Span]:
        return {self.field: (self.after, self.before)} if self.operator in _TIME else {}

    def _within(self, at: float, leeway: Leeway) -> bool:
        at = math.floor(at) if leeway.bounds_in_seconds else at
        if leeway.bounds_inclusive:
            return self.after <= at <= self.before
        return self.after < at < self.before

    def _have(self, issue: Issue) -> tuple[str | None, ...]:
        if self.field in _VALUES:
            return _VALUES[self.field](issue)
        value = issue.values.get(self.field, ())
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Compound:
    operator: Literal["and", "or"]
    parts: tuple[Filter, ...]

    def matches(self, issue: Issue, leeway: Leeway) -> bool:
        return (all if self.operator == "and" else any)(part.matches(issue, leeway) for part in self.parts)

    def spans(self) -> dict[str, Span]:
        """The window of each time that is bounded by the whole: of "or" only what all parts bound."""
        spans = [part.spans() for part in self.parts]
        names = {name for span in spans for name in span}
        if self.operator == "or":
            names = {name for name in names if all(name in span for span in spans)}
        narrow, wide = (max, min) if self.operator == "and" else (min, max)
        return {
            name: (
                narrow(span[name][0] for span in spans if name in span),
                wide(span[name][1] for span in spans if name in span),
            )
            for name in names
        }


Filter = Condition | Compound


def parse_filter(raw: object, slugs: frozenset[str], depth: int = 1) -> Filter:
    """A filter as it was sent; ``slugs`` are the issue fields of the tenant's own.  Refused with 400."""
    if not isinstance(raw, dict):
        raise bad_request("filter must be an object")
    if depth > MAX_DEPTH:
        raise bad_request(f"the maximum depth of filters is {MAX_DEPTH}")
    operator, field = raw.get("operator"), raw.get("field")
    if operator in {"and", "or"}:
        parts = raw.get("subfilters")
        if not isinstance(parts, list) or not parts:
            raise bad_request(f"{operator} needs subfilters")
        return Compound(operator, tuple(parse_filter(part, slugs, depth + 1) for part in parts))
    if not isinstance(field, str) or not (field in _OPERATORS or field in slugs):
        raise bad_request(f"field {field} is not filterable")
    if operator not in _OPERATORS.get(field, _CUSTOM):
        raise bad_request(f"operator {operator} is not allowed for {field}")
    return _condition(field, operator, raw)


def require_windows(asked: Filter, now: float, leeway: Leeway) -> None:
    """Refused with 400 when a window with a beginning is too wide; without an end it reaches to now."""
    if leeway.search_window_days is None:
        return
    for name, (after, before) in asked.spans().items():
        is_capped = name in {"created_at", "updated_at"} and after > -math.inf
        if is_capped and min(before, now) - after > leeway.search_window_days * DAY:
            raise bad_request(f"the time range of {name} must be at most {leeway.search_window_days:g} days")


def parse_time(raw: object) -> float:
    """RFC 3339 with a zone, as seconds since 1970; refused with 400 otherwise."""
    try:
        at = datetime.fromisoformat(raw) if isinstance(raw, str) and "T" in raw else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise bad_request("times must be in RFC3339 format")
    return at.timestamp()


def _condition(field: str, operator: str, raw: Mapping[str, Any]) -> Condition:
    if operator in {"is_set", "is_unset"}:
        return Condition(field, operator)
    values = raw.get("values") if operator in _MANY else [raw.get("value")]
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise bad_request(f"{operator} needs {'values' if operator in _MANY else 'a value'}")
    if operator not in _TIME:
        return Condition(field, operator, tuple(values))
    bounds = [parse_time(value) for value in values]
    if operator == "time_range":
        if len(bounds) != 2:
            raise bad_request("time_range needs a start and an end")
        return Condition(field, operator, after=bounds[0], before=bounds[1])
    if operator == "time_is_after":
        return Condition(field, operator, after=bounds[0])
    return Condition(field, operator, before=bounds[0])
