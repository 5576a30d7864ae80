"""Every error of the connector, grouped by what the caller does next.

The type is the instruction: nobody inspects messages or status codes outside the adapter that raised.
Messages are one sentence for an operator; they never hold a secret, a header or ticket text.
"""

from __future__ import annotations

import os
from collections.abc import Sequence


class ConnectorError(Exception):
    """Anything the connector raises on purpose.  ``exit_code`` is what the command ends with."""

    exit_code: int = 1


# --- A person must act first: nothing is retried, the command ends or the stage stops. ---


class SettingsError(ConnectorError):
    """The settings cannot work (unknown key, missing group, bad URL); the message says which and where."""

    exit_code = os.EX_CONFIG  # 78


class LabelsRejected(ConnectorError):
    """A file of labels cannot be taken as it is; ``problems`` are all of them, each with file and line."""

    exit_code = 2  # a wrong argument

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class AuthRefused(ConnectorError):
    """An upstream refuses our credentials, our role or our account; retrying would only lock it."""

    exit_code = os.EX_NOPERM  # 77


class WrongRegion(AuthRefused):
    """The credentials belong to another region of the same helpdesk, where they may be good."""


class StoreUnusable(ConnectorError):
    """The database cannot be used: read-only, damaged, wrong schema version, disk full."""

    exit_code = os.EX_CONFIG


class StoreInUse(ConnectorError):
    """Another process owns this SQLite file; run again when it has ended, or move to PostgreSQL."""

    exit_code = os.EX_TEMPFAIL  # 75


class OutOfMoney(ConnectorError):
    """Another call could cost more than a person allowed for this run; the work stays waiting."""

    exit_code = os.EX_TEMPFAIL


# --- Come back later: the work stays waiting and keeps its place. ---


class Unavailable(ConnectorError):
    """An upstream did not give a usable answer; the same request may succeed later.

    ``retry_after_seconds`` is the upstream's own wish, already clamped, or None.
    """

    exit_code = os.EX_UNAVAILABLE  # 69

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(Unavailable):
    """The upstream asks us to slow down (429); says nothing about its health."""


# --- This one item cannot succeed: go to the next tier, or to a person. ---


class AnswerUnusable(ConnectorError):
    """The model answered, and the answer cannot be used; ``code`` says why (refusal, truncated, …)."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class BudgetSpent(ConnectorError):
    """The day's budget cannot bear another paid call; nothing was paid."""


class RequestRejected(ConnectorError):
    """The upstream rejects this very request (400, 413, 422) and would reject it again."""


# --- Somebody else owns the work now: drop it without a trace. ---


class LeaseLost(ConnectorError):
    """Our lease ran out and another worker took over; whatever we were about to store is void."""
