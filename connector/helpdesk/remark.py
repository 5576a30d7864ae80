"""A remark: something about a helpdesk that an operator should know before going live."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of `connector check`; what is not fine does not keep the connector from working."""

    about: str
    is_fine: bool
    detail: str
