"""The log on stderr: one event per line, JSON for machines and colours for a terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, MutableMapping
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from connector.observe.redaction import Redaction, escape_controls
from connector.ports import Event

if TYPE_CHECKING:
    from structlog.typing import Processor

# Below WARNING these log whole requests, bodies and SQL parameters, and with them what customers wrote.
# `ANTHROPIC_LOG=debug` sets a logger's level when the SDK is imported, hence the filter besides the level.
_QUIET = (
    "anthropic",
    "httpx2",
    "httpcore2",
    "httpx",
    "httpcore",
    "urllib3",
    "requests",
    "apscheduler",
    "sqlalchemy",
    "alembic",
    "pydantic_settings",
)
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_LONGEST_FACT = 300

Level = Literal["debug", "info", "warning", "error"]
Form = Literal["auto", "json", "console"]

FACTS: Final = frozenset(
    {
        "address",
        "arrival",
        "batch",
        "budget_usd",
        "cache_read_tokens",
        "cache_write_tokens",
        "cause",
        "confidence",
        "cost_usd",
        "decision_id",
        "dispositions",
        "error",
        "failures",
        "from_group",
        "grace_s",
        "group",
        "helpdesk",
        "input_tokens",
        "kind",
        "language",
        "mode",
        "model",
        "next_probe_s",
        "outcome",
        "output_tokens",
        "pass_id",
        "poll_s",
        "priority",
        "prompt_version",
        "queue",
        "reason",
        "replies",
        "request_id",
        "retry_s",
        "role",
        "silent_s",
        "spent_usd",
        "stage",
        "stages",
        "tags",
        "team",
        "ticket_id",
        "tickets",
        "tier",
        "unusable",
        "upstream",
        "urgency",
        "wait_s",
    }
)
"""The facts of an event that may be logged: ids, counts, states and money, never words of a customer."""


class LogObserver:
    """Writes every event to the log.  Facts that are not on the list are left out, and named."""

    def __init__(self) -> None:
        import structlog

        self._logger = logging.getLogger("connector")
        self._log = structlog.stdlib.get_logger("connector")

    def __call__(self, event: Event) -> None:
        level = _LEVELS.get(event.level, logging.ERROR)
        if not self._logger.isEnabledFor(level):
            return
        facts = {
            key: _fact(value) for key, value in event.facts.items() if key in FACTS and value is not None
        }
        if unlisted := sorted(event.facts.keys() - FACTS):
            facts["unlisted"] = unlisted
        self._log.log(level, event.name, **facts)


def _fact(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return float(value)
    return value[:_LONGEST_FACT] if isinstance(value, str) else value


def configure_logging(
    level: Level = "info",
    format: Form = "auto",
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
) -> None:
    """Send every log record of the process to ``stream`` (stderr) in one form, without ``secrets``.

    ``auto`` is console on a terminal and JSON elsewhere.  Replaces what was configured before.
    """
    import structlog

    stream = stream or sys.stderr
    as_json = format == "json" or (format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _Redacted(Redaction(secrets)),
            *([structlog.processors.JSONRenderer()] if as_json else [_one_line, _console(stream)]),
        ],
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(_is_wanted)
    logging.basicConfig(handlers=[handler], level=_LEVELS[level], force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of every tick that finds its stage still at work, which is what stages do.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def _is_wanted(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in _QUIET


class _Redacted:
    """A structlog processor: the last look at a record before it is rendered."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    def __call__(
        self, _logger: object, _method: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        first = {key: event_dict.pop(key) for key in ("timestamp", "level", "event") if key in event_dict}
        return {key: self._redaction.value(value) for key, value in {**first, **event_dict}.items()}


def _one_line(
    _logger: object, _method: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Nothing a record says can forge a second line or drive the terminal; JSON escapes by itself."""
    for key, value in event_dict.items():
        if key == "exception":
            event_dict[key] = "\n".join(f"  {escape_controls(line)}" for line in str(value).split("\n"))
        elif isinstance(value, str):
            event_dict[key] = escape_controls(value)
        elif isinstance(value, (list, dict)):
            event_dict[key] = escape_controls(repr(value))
    return event_dict


def _console(stream: TextIO) -> Processor:
    import structlog

    return structlog.dev.ConsoleRenderer(colors=stream.isatty() and not os.environ.get("NO_COLOR"))
