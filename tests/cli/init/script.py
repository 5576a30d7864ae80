"""A person who answers from a list, in order, and a helpdesk that accepts or refuses as it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.cli.init.dialogue import Accept
from connector.cli.init.login import Proof
from connector.domain.ticket import Group
from connector.errors import SettingsError
from connector.ports import Account

GROUPS = (Group("1001", "Support"), Group("1002", "Billing"))


@dataclass
class Person:
    """Gives ``answers`` one after the other; an empty one is Enter.  ``asked`` holds each question."""

    answers: list[str]
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    is_interactive: bool = True

    def ask(
        self, question: str, *, instead: str, default: str | None = None, accept: Accept | None = None
    ) -> str:
        while True:
            self.asked.append(f"{question} [{default}]" if default else question)
            answer = self.answers.pop(0) or default
            if answer is None:
                continue
            try:
                return accept(answer) if accept else answer
            except SettingsError as error:
                self.complaints.append(str(error))

    def ask_secret(self, question: str, *, instead: str, optional: bool = False) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


@dataclass
class Door:
    """Raises the ``refusals`` one after the other, then lets in; ``tried`` is what it was shown."""

    refusals: Sequence[Exception] = ()
    tried: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, helpdesk: Mapping[str, str]) -> Proof:
        self.tried.append(dict(helpdesk))
        if len(self.tried) <= len(self.refusals):
            raise self.refusals[len(self.tried) - 1]
        return Proof(Account("Acme", "admin"), GROUPS)
