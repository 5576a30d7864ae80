"""The command line: data on stdout, everything else on stderr, one sentence per error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

_EXIT_INTERRUPTED = 130
_EXIT_BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The ``connector`` command.  Ends the process with the documented exit codes."""
    _open_standard_streams()
    code = exit_code_of(list(sys.argv[1:] if argv is None else argv))
    if not _let_go(sys.stdout) and code == os.EX_OK:
        code = _EXIT_BROKEN_PIPE
    _let_go(sys.stderr)
    raise SystemExit(code)


def _open_standard_streams() -> None:
    """Started without them, the first file or socket we open would be stdout, and be written to."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            while (opened := os.open(os.devnull, os.O_RDWR)) < number:
                pass
            if opened > number:  # it was there, and Python could not use it
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def exit_code_of(arguments: list[str]) -> int:
    """Run one command line and return its exit code; ``connector --once`` is ``connector run --once``."""
    from connector.cli.app import app
    from connector.errors import ConnectorError

    if arguments and arguments[0].startswith("-") and arguments[0] not in _APP_OPTIONS:
        arguments = ["run", *arguments]
    try:
        code = app(arguments, prog_name="connector", standalone_mode=True)
    except SystemExit as done:
        code = done.code
    except ConnectorError as error:
        print(f"connector: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`connector decisions --json | head -1`): the rest has nowhere to go.
        _silence(sys.stdout)
        return _EXIT_BROKEN_PIPE
    except Exception as bug:  # noqa: BLE001 - shown without its message, which may quote a ticket or a secret
        _report(bug)
        return 1
    return code if isinstance(code, int) else 0


def _let_go(stream: TextIO) -> bool:
    """Whether all that was written could be read; if not, Python would end with 120 whatever our code is."""
    try:
        stream.flush()
    except (OSError, ValueError):
        _silence(stream)
        return False
    return True


def _silence(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _report(bug: Exception) -> None:
    import traceback

    where = "".join(traceback.format_tb(bug.__traceback__))
    print(
        f"{where}connector: internal error ({type(bug).__name__}); please report the lines above",
        file=sys.stderr,
    )


_APP_OPTIONS = frozenset({"--help", "-h", "--version", "--install-completion", "--show-completion"})
