"""Pylon (usepylon.com): polled through its issue search, written to with read, merge, write and verify."""

from connector.helpdesk.pylon.adapter import PylonHelpdesk, connect_pylon

__all__ = ["PylonHelpdesk", "connect_pylon"]
