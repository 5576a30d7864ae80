"""``connector forget``: a person's words leave the database, for good."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.cli.chosen import one
from connector.cli.output import emit_json, say
from connector.clock import SystemClock
from connector.errors import StoreInUse
from connector.settings import Settings, load_settings

if TYPE_CHECKING:
    from connector.store import Found, Whose

_NOT_OURS = (
    "The helpdesk has its own copy: delete the tickets or the user there.",
    "Anthropic keeps API requests for as long as your contract with it says.",
    "Backups of the database keep what they held: let them expire, and after a restore forget again.",
)
_LEARNT = (
    "Labels went as well: `connector train` makes the local model anew without them, and a service that "
    "shows fixed examples to the model ([examples]) may hold some until it is restarted."
)
_POSTGRESQL = (
    "PostgreSQL has cleared the dead rows; its write-ahead log and archives keep old copies until they are "
    "recycled, and unused bytes of pages until they are overwritten (VACUUM FULL rewrites a table at once)."
)


def forget(
    requester: str | None,
    tickets: Sequence[str],
    *,
    dry_run: bool,
    helpdesk: str | None = None,
    as_json: bool,
    config: Path | None,
) -> int:
    """Exit code 0; 1 when nobody has the e-mail address; 75 while another process owns the database."""
    from connector.store import Whose

    settings = one(load_settings(config).settings, helpdesk)
    requesters = _requesters(settings, requester) if requester else ()
    if requester and not requesters:
        say("The helpdesk knows nobody with this main address; name the requester's id, or the tickets.")
        return 1
    whose = Whose(requesters, tuple(dict.fromkeys(tickets)))
    found, is_clean = _look(settings, whose) if dry_run else _erase(settings, whose)
    if as_json:
        emit_json(_facts(whose, found, dry_run=dry_run, is_clean=is_clean))
    else:
        _tell(found, dry_run=dry_run)
    if dry_run:
        return os.EX_OK
    if found.labels:
        say(_LEARNT)
    for each in _left(settings):
        say(each)
    if not is_clean:
        say("Another program reads the database: its journal still holds old pages. Run this again.")
        return os.EX_TEMPFAIL
    return os.EX_OK


def _requesters(settings: Settings, named: str) -> tuple[str, ...]:
    """The ids behind an address; an id stands for itself."""
    from connector.bootstrap import find_requesters

    return find_requesters(settings, SystemClock(), named) if "@" in named else (named.strip(),)


def _look(settings: Settings, whose: Whose) -> tuple[Found, bool]:
    from connector.bootstrap import open_eraser

    with open_eraser(settings, SystemClock(), read_only=True) as eraser:
        return eraser.look(whose), True


def _erase(settings: Settings, whose: Whose) -> tuple[Found, bool]:
    from connector.bootstrap import open_eraser

    try:
        with open_eraser(settings, SystemClock()) as eraser:
            return eraser.forget(whose), eraser.scrub()
    except StoreInUse as error:
        owner = str(error).partition(";")[0]
        raise StoreInUse(
            f"{owner}: stop the service, forget, start it again (on PostgreSQL it may go on meanwhile)"
        ) from None


def _facts(whose: Whose, found: Found, *, dry_run: bool, is_clean: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "requesters": list(whose.requesters),
        "tickets": list(found.tickets),
        "waiting": list(found.waiting),
        "texts": found.texts,
        "decisions": found.decisions,
        "answers": found.answers,
        "labels": found.labels,
        "clean": is_clean,
    }


def _tell(found: Found, *, dry_run: bool) -> None:
    verb = "Would erase" if dry_run else "Erased"
    print(
        f"{verb}: texts {found.texts}, answers of models {found.answers}, "
        f"reasons of decisions {found.decisions}, labels {found.labels}"
    )
    if found.tickets:
        print(f"Tickets: {' '.join(found.tickets)}")
    if found.waiting:
        print(f"Not decided yet, so they go to a person, unread: {' '.join(found.waiting)}")


def _left(settings: Settings) -> Sequence[str]:
    """What is not ours to erase."""
    on_postgresql = settings.store.url.get_secret_value().startswith("postgresql")
    return (*_NOT_OURS, _POSTGRESQL) if on_postgresql else _NOT_OURS
