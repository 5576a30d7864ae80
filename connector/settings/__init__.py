"""Everything that a business can change, read once and handed on as plain values."""

from connector.settings.connections import StoreSettings
from connector.settings.effective import Row, effective
from connector.settings.example import render_example
from connector.settings.loading import Loaded, load_settings
from connector.settings.model import Settings

__all__ = ["Loaded", "Row", "Settings", "StoreSettings", "effective", "load_settings", "render_example"]
