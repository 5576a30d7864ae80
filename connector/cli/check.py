"""``connector check``: one line per thing that must work, each failure with the next step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connector.cli.output import emit_json, say
from connector.cli.session import Session, session
from connector.cli.side_effects import SIDE_EFFECTS
from connector.domain.classification import Tier
from connector.errors import ConnectorError
from connector.ports import Event


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check; ``code`` is the exit code that a failure stands for."""

    what: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    code: int = os.EX_OK


def check(*, helpdesk: str | None = None, as_json: bool, config: Path | None) -> int:
    """Exit code 0, or that of the first failure."""
    findings: list[Finding] = []
    looks: list[str] = []
    try:
        with session(config, level="warning", helpdesk=helpdesk, each=True) as at_work:
            kinds = () if at_work.emulated else {one.settings.helpdesk.kind for one in at_work.each()}
            looks = [SIDE_EFFECTS[kind] for kind in sorted(kinds) if kind in SIDE_EFFECTS]
            findings += [Finding("settings", "ok", "read and consistent"), *_connections(at_work)]
    except ConnectorError as error:
        findings.append(Finding("settings", "fail", str(error), error.exit_code))
    if as_json:
        emit_json([{"check": each.what, "state": each.state, "detail": each.detail} for each in findings])
    else:
        for each in findings:
            print(f"{each.state:<5} {each.what:<14} {each.detail}")
        for look in looks:
            say(f"\nBefore the first live pass: {look}")
    return next((each.code for each in findings if each.state == "fail"), os.EX_OK)


def _connections(at_work: Session) -> Iterator[Finding]:
    yield _tried("database", lambda: _database(at_work), "create the directory, or correct [store] url")
    for each in at_work.each():
        yield from _account(each)
    yield _tried("local tier", lambda: _local(at_work), "connector train LABELS.csv")
    if not at_work.settings.llm.enabled:
        yield Finding("models", "ok", "off ([llm] enabled = false); what nothing decides goes to a person")
        return
    for tier in (Tier.CHEAP, Tier.STRONG):
        yield _tried(f"{tier} model", lambda tier=tier: _model(at_work, tier), "check the key and [llm]")  # type: ignore[misc]


def _account(at_work: Session) -> Iterator[Finding]:
    """One helpdesk and its groups; the lines bear its name where there are several."""
    of = f" {at_work.settings.one_of_several}".rstrip()
    helpdesk = _tried(
        f"helpdesk{of}", lambda: _helpdesk(at_work), "see README, Zendesk and Pylon in five steps"
    )
    yield helpdesk
    if helpdesk.state == "ok":
        teams = "[[teams]] or [[helpdesks]]" if of else "[[teams]]"
        yield _tried(f"groups{of}", lambda: _groups(at_work), f"correct the group in {teams} or create it")
        yield from _readiness(at_work)
    if at_work.settings.nudge.enabled:
        yield _tried(f"webhooks{of}", lambda: _webhooks(at_work), "or [nudge] enabled = false")


def _tried(what: str, prove: Callable[[], str | Finding], advice: str) -> Finding:
    try:
        proven = prove()
    except ConnectorError as error:
        return Finding(what, "fail", f"{error} → {advice}", error.exit_code)
    return proven if isinstance(proven, Finding) else Finding(what, "ok", proven)


def _database(at_work: Session) -> str:
    from connector.bootstrap import schema_of

    schema = schema_of(at_work.settings)
    if schema.current is None:
        return f"not created yet; the first run does it (schema {schema.head})"
    then = "" if schema.is_current else f"; the next run upgrades it to {schema.head}"
    return f"schema {schema.current}{then}"


def _helpdesk(at_work: Session) -> str:
    from connector.bootstrap import open_helpdesk

    account = open_helpdesk(at_work.settings, at_work.clock, dry_run=True).check()
    return f"{account.name}, {account.role} {account.detail}".strip()


def _groups(at_work: Session) -> str:
    from connector.bootstrap import open_helpdesk
    from connector.policy import resolve_inbox, resolve_routing

    groups = open_helpdesk(at_work.settings, at_work.clock, dry_run=True).groups()
    routing = resolve_routing(at_work.settings, groups)
    resolve_inbox(at_work.settings, groups)
    return f"{len(routing.groups)} teams and the human group exist"


def _readiness(at_work: Session) -> Iterator[Finding]:
    """What the helpdesk tells about itself; none of it keeps the connector from starting."""
    from connector.bootstrap import readiness_of_helpdesk

    of = f" {at_work.settings.one_of_several}".rstrip()
    try:
        for each in readiness_of_helpdesk(at_work.settings, at_work.clock):
            yield Finding(f"{each.about}{of}", "ok" if each.is_fine else "warn", each.detail)
    except ConnectorError as error:
        yield Finding(f"readiness{of}", "fail", str(error), error.exit_code)


def _webhooks(at_work: Session) -> str:
    from connector.web.extra import need_the_extra

    need_the_extra()
    settings = at_work.settings
    if not settings.hears_webhooks:
        return "none are heard of this one: it has no webhook_secret"
    return f"the service takes POST /hooks/{settings.helpdesk.ledger_name} at {settings.nudge.listen}"


def _local(at_work: Session) -> str | Finding:
    from connector.bootstrap import current_local

    told: list[Event] = []
    model = current_local(at_work.settings, told.append).look()
    if problems := [str(event.facts["error"]) for event in told if event.level != "info"]:
        return Finding("local tier", "warn", "; ".join(problems))
    if model is None:
        return "none; connector train LABELS.csv makes one of your own labels"
    axes, chosen = ", ".join(model.axes), at_work.settings.local
    return f"{chosen.model} ({model.version}): {len(model.ids)} tickets, {axes}; decides {chosen.decides}"


def _model(at_work: Session, tier: Tier) -> str | Finding:
    from connector.bootstrap import open_classifier
    from connector.llm.model_status import UNLISTED

    classifier = open_classifier(at_work.settings)
    try:
        status = classifier.describe(tier)
        if status.lifecycle == UNLISTED:
            return f"{status.name} answers; {at_work.settings.llm.provider} does not say when it retires"
        tokens = classifier.measure(tier)
    finally:
        classifier.close()
    cautions = classifier.cautions(tier, at_work.clock.now().date())
    if status.lifecycle != "active":
        retires = f", retires {status.retires_at:%Y-%m-%d}" if status.retires_at else ""
        return Finding(f"{tier} model", "warn", f"{status.name} is {status.lifecycle}{retires}")
    if status.max_input_tokens is not None and tokens > status.max_input_tokens:
        detail = f"{status.name} reads {status.max_input_tokens} tokens, the classes alone have {tokens}"
        return Finding(f"{tier} model", "fail", detail, os.EX_CONFIG)
    if found := [*status.problems, *cautions]:
        return Finding(f"{tier} model", "warn", "; ".join(found))
    return f"{status.name} answers; {tokens} tokens of prompt before the ticket"
