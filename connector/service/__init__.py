"""The scheduler around the stages: the connector as a service."""

from connector.service.serving import Rhythm, Service, leave, serve, stop_on_signals

__all__ = ["Rhythm", "Service", "leave", "serve", "stop_on_signals"]
