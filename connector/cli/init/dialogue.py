"""Questions to a person: on stderr, answered on stdin; where nobody can be asked, defaults or a refusal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from getpass import getpass
from typing import Protocol

import typer

from connector.cli.output import say
from connector.errors import ConnectorError

Accept = Callable[[str], str]
"""What an answer means.  Raises SettingsError for one that cannot be."""


class Dialogue(Protocol):
    """Who answers."""

    @property
    def is_interactive(self) -> bool: ...

    def ask(
        self, question: str, *, instead: str, default: str | None = None, accept: Accept | None = None
    ) -> str:
        """An answer that ``accept`` takes; ``instead`` is the flag or variable that would have given it.

        Without an answer the default; an empty text only if that is the default.
        """
        ...

    def ask_secret(self, question: str, *, instead: str, optional: bool = False) -> str:
        """An answer that is not shown; empty only if it is ``optional``."""
        ...


class Terminal:
    """A person at a terminal."""

    is_interactive = True

    def ask(
        self, question: str, *, instead: str, default: str | None = None, accept: Accept | None = None
    ) -> str:
        del instead
        shown = f" [{default}]" if default else ""
        while True:
            print(f"{question}{shown}: ", end="", file=sys.stderr, flush=True)
            answer = self._line().strip() or default
            if answer is None:
                continue
            try:
                return accept(answer) if accept else answer
            except ConnectorError as error:
                say(str(error))

    def ask_secret(self, question: str, *, instead: str, optional: bool = False) -> str:
        del instead
        while True:
            # getpass writes the question to the terminal itself, after it has switched the echo off.
            answer = getpass(f"{question} (not shown): ").strip()
            if answer or optional:
                return answer

    def _line(self) -> str:
        try:
            line = sys.stdin.readline()
        except UnicodeDecodeError:
            return ""
        if not line:  # Ctrl-D
            raise KeyboardInterrupt
        return line


class Silence:
    """Nobody to ask: a script, or a person who said --yes."""

    is_interactive = False

    def ask(
        self, question: str, *, instead: str, default: str | None = None, accept: Accept | None = None
    ) -> str:
        if default is None:
            raise typer.BadParameter(f"is needed where nobody can be asked ({question})", param_hint=instead)
        return accept(default) if accept else default

    def ask_secret(self, question: str, *, instead: str, optional: bool = False) -> str:
        if optional:
            return ""
        raise typer.BadParameter(f"is needed where nobody can be asked ({question})", param_hint=instead)
