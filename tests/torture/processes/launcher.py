"""Starts the real command quickly: everything is imported once, and each process is forked from here.

What is forked runs ``connector.cli.main`` with its own arguments, environment and files.  Orders come as
lines of JSON on stdin, news go out as lines of JSON on stdout; at the end of stdin all children are killed.
"""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tests.torture.processes.steps import Fate, Steps


def main() -> None:
    """Serve until stdin ends."""
    _warm_up()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    orders = _Lines(0)
    _tell({"ready": os.getpid()})
    while not orders.ended:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
        for order in orders.read() if 0 in ready else ():
            pid = _fork(json.loads(order), (wake, waker))
            children.add(pid)
            _tell({"pid": pid, "became": "started"})
        _reap(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


class _Lines:
    """Whole lines of a descriptor, as they arrive."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.ended = False

    def read(self) -> list[bytes]:
        got = os.read(self._descriptor, 65_536)
        self.ended = not got
        *lines, self._rest = (self._rest + got).split(b"\n")
        return lines


def _warm_up() -> None:
    """Import what the command imports late, and run a harmless one, so that a fork is ready to work."""
    import alembic.command  # noqa: F401
    import apscheduler.executors.pool  # type: ignore[import-untyped]
    import apscheduler.schedulers.background  # type: ignore[import-untyped]
    import apscheduler.triggers.interval  # type: ignore[import-untyped]  # noqa: F401
    import psycopg  # noqa: F401
    import sqlalchemy.dialects.postgresql.psycopg
    import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

    import connector.bootstrap
    import connector.cli.output
    import connector.cli.session
    import connector.helpdesk.pylon
    import connector.helpdesk.zendesk
    import connector.llm.claude
    import connector.llm.wire
    import connector.service
    import connector.store  # noqa: F401
    from connector.cli import main as command

    out, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    with suppress(SystemExit):
        command(["config", "example"])
    sys.stdout.flush()
    os.dup2(out, 1)
    if threading.active_count() != 1:
        raise SystemExit("cannot fork: an import started a thread")


def _fork(order: Mapping[str, Any], ours: tuple[int, int]) -> int:
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in ours:
            os.close(descriptor)
        _become(order)
    return pid


def _become(order: Mapping[str, Any]) -> NoReturn:
    """Be the command, in this process."""
    code = 70
    try:
        log, out = (
            os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name in ("log", "out")
        )
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (out, 1), (log, 2)):
            os.dup2(descriptor, target)
        faulthandler.enable()
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        time.tzset()
        if "PYTHONWARNINGS" in os.environ:  # an interpreter of its own would have read it
            warnings.simplefilter(os.environ["PYTHONWARNINGS"])  # type: ignore[arg-type]
        if order["watched"]:
            record = order["record"]
            Steps(Fate(*order["fate"]), Path(record) if record else None).watch()
        from connector.cli import main as command

        command(order["arguments"])
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap(children: set[int]) -> None:
    while children:
        pid, status, usage = os.wait4(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            _tell({"pid": pid, "became": "stopped"})
        elif os.WIFCONTINUED(status):
            _tell({"pid": pid, "became": "continued"})
        else:
            children.discard(pid)
            code = os.waitstatus_to_exitcode(status)  # minus the signal of one that was killed
            cpu = usage.ru_utime + usage.ru_stime
            _tell({"pid": pid, "became": "ended", "code": code, "cpu_s": round(cpu, 3)})


def _tell(news: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
