"""Polls a helpdesk, classifies each original ticket once, and writes group, tags and the reason back."""

__version__ = "0.1.0"
