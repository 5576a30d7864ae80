"""One emulated account: its world, its door, its limits and its jobs."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.zendesk_api.access import Access
from connector.sandbox.zendesk_api.export import Export
from connector.sandbox.zendesk_api.jobs import JobBoard
from connector.sandbox.zendesk_api.limits import RateLimits
from connector.sandbox.zendesk_api.records import User
from connector.sandbox.zendesk_api.world import World


@dataclass(frozen=True, slots=True)
class Account:
    """What the endpoints work on.  ``user_id`` is whom every valid credential acts for."""

    world: World
    access: Access
    limits: RateLimits
    export: Export
    jobs: JobBoard
    user_id: int

    @property
    def user(self) -> User:
        return self.world.users[self.user_id]
