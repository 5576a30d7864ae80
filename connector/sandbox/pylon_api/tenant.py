"""One emulated tenant: its world, its door, its limits, and what the documentation leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.pylon_api.access import Access
from connector.sandbox.pylon_api.limits import RateLimits
from connector.sandbox.pylon_api.world import World


@dataclass(frozen=True, slots=True)
class Leeway:
    """Where the documentation is silent or sources disagree: a client has to live with every value.

    The defaults are what recorded responses suggest, and the stricter reading where there are none.
    """

    search_window_days: float | None = 30  # Airbyte's connector: 30; a live test of 2026-07-15: no cap (None)
    bounds_inclusive: bool = False
    bounds_in_seconds: bool = False  # compared as shown, in whole seconds, rather than as stored
    index_lag_seconds: float = 0  # how long a search does not yet see a change
    idle_patch_touches: bool = True  # whether a PATCH of the same values moves ``updated_at``
    note_touches: bool = True  # whether a note does
    unknown_tags_created: bool = True  # otherwise a PATCH with one is refused
    unknown_id_status: int = 400  # of a PATCH with a team, user, account or contact that does not exist
    error_codes: bool = True  # the OpenAPI document has none, responses since August 2026 do


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the endpoints work on.  ``user_id`` is whom the token acts for."""

    world: World
    access: Access
    limits: RateLimits
    leeway: Leeway
    organization_id: str
    user_id: str
