"""Internal notes: each in a thread of its own, so that it reaches nobody but who opens the issue."""

from __future__ import annotations

from html import escape

from connector.errors import ConnectorError
from connector.helpdesk.failure import AnswerLost
from connector.helpdesk.pylon.payload import ThreadBody, decode, error_code
from connector.helpdesk.transport import Reply, Transport

_THREAD = "AI triage"


class NoteRefused(ConnectorError):
    """Pylon did not take the thread or the note; the message says which, and its code."""


def leave_note(transport: Transport, path: str, text: str) -> str:
    """Write ``text`` below the issue at ``path``, at most once; what went wrong, or nothing.

    Without a thread Pylon posts a note to the Slack channel in which the issue is discussed (Pylon, Create an
    internal note).  It has no way to ask for a note only once, so a lost answer is never repeated.
    """
    try:
        reply = _taken(transport.send("POST", f"{path}/threads", {"name": _THREAD}), "thread")
        thread = decode(reply.body, ThreadBody, "POST threads").data.id
        note = {"body_html": _html(text), "thread_id": thread}
        _taken(transport.send("POST", f"{path}/note", note), "note")
    except AnswerLost:
        return "nobody knows whether the note arrived"
    except NoteRefused as refused:
        return str(refused)
    except ConnectorError as error:
        return f"the note was not written: {type(error).__name__}"
    return ""


def _taken(reply: Reply, what: str) -> Reply:
    if not reply.is_ok:
        raise NoteRefused(f"the {what} was refused: {reply.status} {error_code(reply.body)}".rstrip())
    return reply


def _html(text: str) -> str:
    return "<p>" + escape(text, quote=False).replace("\n", "<br>") + "</p>"
