"""Whether the web server is installed, and what to type when it is not."""

from __future__ import annotations

from importlib.util import find_spec

from connector.errors import SettingsError

_MODULES = ("starlette", "uvicorn")


def need_the_extra() -> None:
    """Raises SettingsError that names the command to type, unless everything is installed."""
    missing = [name for name in _MODULES if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"[nudge] enabled needs {' and '.join(missing)}: pip install 'helpdesk-connector[web]'"
        )
