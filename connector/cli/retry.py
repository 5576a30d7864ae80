"""``connector retry``: what failed is put back, and the next pass works on it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connector.cli.decisions import ago
from connector.cli.output import emit_json, say
from connector.cli.session import session

if TYPE_CHECKING:
    from connector.pipeline.retry import Retried


def retry(
    tickets: Sequence[str],
    *,
    since: str,
    dry_run: bool,
    helpdesk: str | None = None,
    as_json: bool,
    config: Path | None,
) -> int:
    """Put back these tickets, or without any all that failed since an age; exit code 0."""
    from connector.bootstrap import open_retry

    start = None if tickets else ago(since)
    with (
        session(config, level="warning", helpdesk=helpdesk) as at_work,
        open_retry(at_work.settings, at_work.clock, rehearsal=dry_run) as put_back,
    ):
        done = []
        for each in put_back.some(tickets) if tickets else put_back.all_since(start):
            done.append(each)
            if not as_json:
                print(_line(each, dry_run=dry_run))
    _sum_up(done, dry_run=dry_run, as_json=as_json)
    return os.EX_OK


def _line(each: Retried, *, dry_run: bool) -> str:
    if each.deed == "nothing":
        return f"{each.ticket_id or '(no id)'}: left as it is: {each.why}"
    if each.deed == "screen":
        return f"{each.ticket_id}: could be read: {each.why}"
    return f"{each.ticket_id}: {'would be ' if dry_run else ''}put back: {each.why}"


def _sum_up(done: Sequence[Retried], *, dry_run: bool, as_json: bool) -> None:
    put_back = sum(each.deed != "nothing" for each in done)
    left = len(done) - put_back
    if as_json:
        emit_json(
            {
                "tickets": [_facts(each) for each in done],
                "put_back": put_back,
                "left": left,
                "dry_run": dry_run,
            }
        )
    else:
        say(f"{put_back} {'would be ' if dry_run else ''}put back, {left} left as they are")


def _facts(each: Retried) -> dict[str, object]:
    return {"ticket_id": each.ticket_id or None, "what": each.plight, "did": each.deed, "why": each.why}
