"""Pylon (usepylon.com): polled through its issue search, written to with read, merge, write and verify."""

from connector.helpdesk.pylon.adapter import PylonHelpdesk, connect_pylon
from connector.helpdesk.pylon.readiness import Needs

__all__ = ["Needs", "PylonHelpdesk", "connect_pylon"]
