"""The section [helpdesk] as it is filled in: from flags, the environment, secret files, and by answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import typer
from pydantic import TypeAdapter, ValidationError

from connector.cli.init.dialogue import Accept, Dialogue
from connector.cli.output import say
from connector.errors import SettingsError
from connector.settings.environment import variable_of
from connector.settings.values import Secret

SECRETS = frozenset({"client_secret", "api_token"})


@dataclass(frozen=True, slots=True)
class Found:
    """A value that nobody needs to be asked for, and where it was."""

    value: str = field(repr=False)
    where: str


@dataclass(slots=True)
class Form:
    """``answers`` are the keys of the section, secrets among them; ``found`` is used unasked, once."""

    dialogue: Dialogue
    found: dict[str, Found]
    answers: dict[str, str] = field(default_factory=dict, repr=False)
    _before: dict[str, str] = field(default_factory=dict, repr=False)

    def has(self, *keys: str) -> bool:
        """Whether one of these is known already."""
        return any(key in self.answers or key in self.found for key in keys)

    def text(
        self,
        key: str,
        question: str,
        *,
        instead: str,
        default: str | None = None,
        accept: Accept | None = None,
    ) -> None:
        """Fill in ``key``, unless it is; what is found and cannot be raises BadParameter."""
        if key in self.answers:
            return
        if key in self.found:
            found = self.found.pop(key)
            try:
                self.answers[key] = accept(found.value) if accept else found.value
            except SettingsError as error:
                raise typer.BadParameter(str(error), param_hint=found.where) from None
            return
        before = self._before.get(key, default)
        self.answers[key] = self.dialogue.ask(question, instead=instead, default=before, accept=accept)

    def secret(self, key: str, question: str) -> None:
        """Fill in a secret, unless it is."""
        if key in self.answers:
            return
        if key in self.found:
            found = self.found.pop(key)
            self.answers[key] = accepted_secret(found)
            say(f"{question}: from {found.where}")
            return
        variable = variable_of(("helpdesk", key))
        self.answers[key] = ask_secret(self.dialogue, question, instead=f"--secret-stdin or {variable}")

    def doubt(self, *keys: str, suggesting: str | None = None) -> None:
        """Have these asked again; the last answer, or ``suggesting``, is the default, but never a secret."""
        for key in keys:
            answer = self.answers.pop(key, None)
            if answer is not None and key not in SECRETS:
                self._before[key] = suggesting or answer


def ask_secret(dialogue: Dialogue, question: str, *, instead: str, optional: bool = False) -> str:
    """A secret that can be one; empty only if it is ``optional``."""
    while True:
        answer = dialogue.ask_secret(question, instead=instead, optional=optional)
        try:
            return _checked(answer) if answer else ""
        except SettingsError as error:
            say(str(error))


def accepted_secret(found: Found) -> str:
    """The secret that was found.  Raises BadParameter, without the secret, for what cannot be one."""
    try:
        return _checked(found.value)
    except SettingsError as error:
        raise typer.BadParameter(str(error), param_hint=found.where) from None


def _checked(secret: str) -> str:
    try:
        return TypeAdapter(Secret).validate_python(secret).get_secret_value()
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"]
        raise SettingsError(f"this secret {told.removeprefix('Value error, ')}") from None
