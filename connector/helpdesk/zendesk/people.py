"""People at Zendesk: who has an e-mail address."""

from __future__ import annotations

from connector.errors import AuthRefused, Unavailable
from connector.helpdesk.transport import Transport
from connector.helpdesk.zendesk.payload import PeopleBody, decode

_PATH = "/api/v2/users/search"


def find_users(transport: Transport, email: str) -> tuple[str, ...]:
    """The ids of the users whose main address is ``email``, whatever its case.

    The search finds parts of addresses too (Zendesk, Users: Search Users), so what it finds is compared.
    Raises Unavailable, or AuthRefused when our user may not search.
    """
    wanted = email.strip().casefold()
    searched = wanted.replace("\\", "").replace('"', "")
    reply = transport.get(_PATH, {"query": f'email:"{searched}"'}, forbidden_is_answer=True)
    if reply.status == 403:
        raise AuthRefused("Zendesk does not let us search its users; name the requester's id instead")
    if not reply.is_ok:
        raise Unavailable(f"GET {_PATH} answered {reply.status}")
    found = decode(reply.body, PeopleBody, f"GET {_PATH}").users
    return tuple(str(user.id) for user in found if (user.email or "").casefold() == wanted)
