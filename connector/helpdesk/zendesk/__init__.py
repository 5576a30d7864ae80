"""Zendesk Support: polled through its incremental export, written to through safe updates."""

from connector.helpdesk.zendesk.adapter import ZendeskHelpdesk, connect_zendesk

__all__ = ["ZendeskHelpdesk", "connect_zendesk"]
