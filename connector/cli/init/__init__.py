"""``connector init``: a few questions, and then settings.toml and secret files that work."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from connector.cli.init.dialogue import Dialogue, Silence, Terminal
from connector.cli.init.files import Bundle, Placed, put_in_place, refuse_bad_place
from connector.cli.init.form import SECRETS, Form, accepted_secret, ask_secret
from connector.cli.init.groups import Choice, choose_groups, reference, shown
from connector.cli.init.login import Proof, ask_kind, log_in, prove
from connector.cli.init.request import Request
from connector.cli.init.sources import find_claude_key, find_helpdesk
from connector.cli.init.trial import check_environment, try_out
from connector.cli.output import emit_json, say
from connector.settings.defaults import default_teams
from connector.settings.first_file import TeamRow, render_first
from connector.settings.secret_files import FOLDER, PREFIX, name_of_secret
from connector.settings.values import Loc

__all__ = ["Request", "init"]

_NO_KEY = (
    "There is no key for Claude yet: put it into {path} (mode 0600) or set ANTHROPIC_API_KEY.\n"
    "To do without Claude, write [llm] enabled = false; then rules and people decide."
)


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was found or answered; ``proof`` and ``choice`` are None for the sandbox."""

    helpdesk: dict[str, str] = field(repr=False)
    proof: Proof | None = None
    choice: Choice | None = None
    claude_key: str = field(default="", repr=False)

    def section(self) -> dict[str, object]:
        """[helpdesk] of the settings file."""
        section: dict[str, object] = {k: v for k, v in self.helpdesk.items() if k not in SECRETS}
        if self.proof and self.choice:
            groups = self.proof.groups
            section["human_group"] = reference(self.choice.human, groups)
            if self.choice.inbox:
                section["inbox_groups"] = [reference(group, groups) for group in self.choice.inbox]
        return section

    def teams(self) -> list[TeamRow]:
        """[[teams]] of the settings file."""
        if not (self.proof and self.choice):
            return []
        rows = []
        for team in default_teams():
            group = self.choice.teams[team.name]
            named = reference(group, self.proof.groups)
            told = group.name if named == group.id else ""
            rows.append(TeamRow(team.name, named, team.description, told))
        return rows

    def secrets(self) -> dict[Loc, str]:
        found: dict[Loc, str] = {
            ("helpdesk", key): value for key, value in self.helpdesk.items() if key in SECRETS
        }
        return found | ({("llm", "api_key"): self.claude_key} if self.claude_key else {})


def init(request: Request) -> int:
    """Ask, prove, write, and say what comes next.

    Raises ConnectorError or BadParameter, with everything as it was.
    """
    target = request.target
    refuse_bad_place(target, force=request.force)
    # A wrong flag is told before anything is asked.
    request.mapped(tuple(team.name for team in default_teams()))
    check_environment(os.environ)
    is_person = sys.stdin.isatty() and not (request.yes or request.secret_stdin)
    with _interruptible():
        answers = _gather(request, Terminal() if is_person else Silence())
    warnings: list[str] = []
    bundle = _bundle(target, answers)

    def settings_work(draft: Path) -> None:
        groups = answers.proof.groups if answers.proof else None
        written = {("helpdesk", key): value for key, value in answers.section().items()} | answers.secrets()
        warnings.extend(try_out(draft, written, groups))

    placed = put_in_place(bundle, settings_work, force=request.force)
    for warning in warnings:
        say(f"warning: {warning}")
    _report(request, answers, bundle, placed)
    return os.EX_OK


def _gather(request: Request, dialogue: Dialogue) -> Answers:
    form = Form(dialogue, find_helpdesk(request))
    ask_kind(form)
    if form.answers["kind"] == "sandbox":
        _refuse_groups(request)
        return Answers({"kind": "sandbox"})
    proof = log_in(form, prove)
    say(f"Logged in: {proof.account.name}, {proof.account.role}")
    choice = choose_groups(default_teams(), proof.groups, request, dialogue)
    found = find_claude_key(request)
    if found:
        key = accepted_secret(found)
        say(f"Claude's key: from {found.where}")
    else:
        key = ask_secret(
            dialogue, "Claude's API key (Enter: later)", instead="ANTHROPIC_API_KEY", optional=True
        )
    return Answers(form.answers, proof, choice, key)


def _refuse_groups(request: Request) -> None:
    if request.maps or request.human_group or request.inbox_groups:
        raise typer.BadParameter("the sandbox has the groups that the settings name", param_hint="--helpdesk")


def _bundle(target: Path, answers: Answers) -> Bundle:
    unused = answers.choice.unused(answers.proof.groups) if answers.proof and answers.choice else []
    secrets = {name_of_secret(loc): secret for loc, secret in answers.secrets().items()}
    return Bundle(
        target,
        render_first(answers.section(), answers.teams(), [group.name for group in unused]),
        secrets,
        _of_another_login(target, answers),
    )


def _of_another_login(target: Path, answers: Answers) -> tuple[str, ...]:
    """Secrets that are there and exclude the new ones: Zendesk takes one of two logins."""
    if answers.helpdesk["kind"] != "zendesk":
        return ()
    names = [name_of_secret(("helpdesk", key)) for key in sorted(SECRETS - answers.helpdesk.keys())]
    known = [prefix + name for name in names for prefix in ("", PREFIX)]
    return tuple(name for name in known if os.path.lexists(target.parent / FOLDER / name))


@contextmanager
def _interruptible() -> Iterator[None]:
    """A stop signal or a closed terminal ends the questions like Ctrl-C does: with the echo on again."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt:
        say("\nstopped; nothing was written")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _report(request: Request, answers: Answers, bundle: Bundle, placed: Placed) -> None:
    option = f" --config {shlex.quote(str(request.config))}" if request.config else ""
    following = [f"connector check{option}", f"connector run --once --dry-run{option}"]
    if bundle.folder.is_dir() and bundle.folder.stat().st_mode & 0o077:
        say(f"warning: {bundle.folder}: others can look into this directory; run chmod 700 on it")
    if answers.proof and not answers.claude_key:
        say("\n" + _NO_KEY.format(path=bundle.folder / name_of_secret(("llm", "api_key"))))
    if request.as_json:
        emit_json(_facts(bundle, answers, placed) | {"next": following})
        return
    say("")
    for path in placed.written:
        print(f"wrote {path}")
    for path in placed.backups:
        print(f"kept  {path}")
    print("\nNext:", *following, sep="\n  ")


def _facts(bundle: Bundle, answers: Answers, placed: Placed) -> dict[str, Any]:
    """The result for a program: paths and names, no secret."""
    facts: dict[str, Any] = {
        "settings": str(bundle.config),
        "written": [str(path) for path in placed.written],
        "kept": [str(path) for path in placed.backups],
        "helpdesk": answers.helpdesk["kind"],
        "claude_key": bool(answers.claude_key),
    }
    if answers.proof and answers.choice:
        account, groups = answers.proof.account, answers.proof.groups
        facts |= {
            "account": {"name": account.name, "role": account.role},
            "human_group": answers.section()["human_group"],
            "teams": {row.name: row.group for row in answers.teams()},
            "unused_groups": [shown(group) for group in answers.choice.unused(groups)],
        }
    return facts
