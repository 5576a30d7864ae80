"""The scheduler around the stages: the connector as a service."""

from connector.service.serving import Passes, Rhythm, StageJob, Watchdog, leave, serve, stop_on_signals

__all__ = ["Passes", "Rhythm", "StageJob", "Watchdog", "leave", "serve", "stop_on_signals"]
