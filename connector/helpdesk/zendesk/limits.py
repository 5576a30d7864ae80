"""Zendesk's rate limits: which requests share one, and how much it allows."""

from __future__ import annotations

from connector.helpdesk.budget import LimitPolicy

ACCOUNT = "account"
INCREMENTAL = "incremental export"
UPDATES = "ticket updates"
LISTS = "ticket lists"


def limit_policy() -> LimitPolicy:
    """Requests per minute (Zendesk, Rate limits): 10 incremental exports, 100 ticket updates.

    The account's own limit depends on its plan and is learnt from the headers; so is that of ticket lists,
    which trial accounts were seen to have.
    """
    return LimitPolicy(
        buckets_of=_buckets_of,
        account=ACCOUNT,
        bucket_named=_bucket_named,
        documented={INCREMENTAL: 10, UPDATES: 100},
    )


def _buckets_of(method: str, path: str) -> tuple[str, ...]:
    if path.startswith("/api/v2/incremental/"):
        return (INCREMENTAL,)
    if method == "PUT" and path.startswith("/api/v2/tickets/"):
        return (ACCOUNT, UPDATES)
    if (method, path) == ("GET", "/api/v2/tickets"):
        return (ACCOUNT, LISTS)
    return (ACCOUNT,)


def _bucket_named(name: str) -> str | None:
    """Limits are named after the endpoint; those per ticket are left out: we write each ticket once."""
    if name == "tickets-update":
        return UPDATES
    if name == "tickets-index":
        return LISTS
    return INCREMENTAL if name.startswith("incremental") else None
