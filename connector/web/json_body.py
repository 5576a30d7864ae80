"""The body of a webhook as an object, out of which nothing but a ticket's id is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def object_in(raw_body: bytes) -> Mapping[str, Any]:
    """The JSON object in ``raw_body``; empty when there is none.  Never raises."""
    try:
        found = json.loads(raw_body)
    except (ValueError, RecursionError):  # no UTF-8, no JSON, or nested to the bottom
        return {}
    return found if isinstance(found, dict) else {}
