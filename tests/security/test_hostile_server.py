"""Nothing that a server says leads us elsewhere: a second server listens, and nobody ever connects to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

from connector.errors import ConnectorError
from connector.helpdesk.address import parse_origin
from connector.sandbox.faults import Behaviour, Fault, answer
from connector.sandbox.server import App, Request, Response
from tests.support.town import Town


@dataclass
class Trap:
    """A real listener on all of loopback; it counts connections and keeps what they send."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    caught: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed: the test is over
            with connection:
                connection.settimeout(1)
                try:
                    self.caught.append(connection.recv(65536))
                except OSError:
                    self.caught.append(b"")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


@pytest.fixture
def trap() -> Iterator[Trap]:
    set_up = Trap()
    thread = threading.Thread(target=set_up.listen, daemon=True)
    thread.start()
    yield set_up
    set_up.listener.shutdown(socket.SHUT_RDWR)
    set_up.listener.close()
    thread.join(5)


# Every way to write the trap's address that a careless client might follow; {ours} is the helpdesk's port.
ADDRESSES = {
    "another port": "http://127.0.0.1:{port}{path}",
    "another name": "http://localhost:{port}{path}",
    "https": "https://127.0.0.1:{port}{path}",
    "no scheme": "//127.0.0.1:{port}{path}",
    "backslashes": "\\\\127.0.0.1:{port}{path}",
    "a backslash in the host": "http://127.0.0.1:{ours}\\@127.0.0.1:{port}{path}",
    "our host as user": "http://127.0.0.1:{ours}@127.0.0.1:{port}{path}",
    "user and password": "http://user:secret@127.0.0.1:{port}{path}",
    "full-width digits": "http://１２７.０.０.１:{port}{path}",
    "circled digits": "http://①②⑦.⓪.⓪.①:{port}{path}",
    "a short address": "http://127.1:{port}{path}",
    "a decimal address": "http://2130706433:{port}{path}",
    "an octal address": "http://0177.0.0.1:{port}{path}",
    "mapped to IPv6": "http://[::ffff:127.0.0.1]:{port}{path}",
    "capital letters": "HTTP://LOCALHOST:{port}{path}",
    "a dot at the end": "http://localhost.:{port}{path}",
    "a tab in it": "ht\ttp://127.0.0.1:{port}{path}",
}


def addressed(form: str, trap: Trap, town: Town, path: str) -> str:
    ours = town.zendesk.url.rpartition(":")[2]
    return ADDRESSES[form].format(port=trap.port, ours=ours, path=path)


def leads_to(make: Callable[[str], str], ours: str) -> Behaviour:
    """Every address of ours in an answer is rewritten, and small pages make every list continue."""

    def rewrite(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rewrite(each) for key, each in value.items()}
        if isinstance(value, list):
            return [rewrite(each) for each in value]
        return make(value.removeprefix(ours)) if isinstance(value, str) and value.startswith(ours) else value

    def behave(request: Request, app: App) -> Response:
        query = dict(request.query)
        if "incremental" in request.path:
            query["per_page"] = "1"
        if "page[size]" in query:
            query["page[size]"] = "2"
        response = app(replace(request, query=query))
        try:
            body = json.loads(response.body)
        except ValueError:
            return response
        moved = {"Link": f'<{make("/next")}>; rel="next"', "Refresh": f"0; url={make('/')}"}
        headers = {name: value.encode("ascii", "ignore").decode() for name, value in moved.items()}
        return replace(
            response, body=json.dumps(rewrite(body)).encode(), headers=dict(response.headers) | headers
        )

    return behave


@pytest.mark.parametrize("form", ADDRESSES)
def test_addresses_in_answers_are_never_followed_and_the_work_goes_on(
    form: str, town: Town, trap: Trap
) -> None:
    there = addressed(form, trap, town, "/in-a-ticket")
    tickets = [town.ticket(text=f"Please refund invoice {n}, see {there}") for n in range(3)]
    town.zendesk.faults.add(
        Fault(leads_to(lambda path: addressed(form, trap, town, path), town.zendesk.url), times=None)
    )

    town.run_until_rest()

    exports = [each for each in town.zendesk.requests if "incremental" in each.path]
    assert len(exports) >= len(tickets)  # the pages did continue
    assert sorted(write.ticket_id for write in town.zendesk.writes()) == tickets
    assert trap.caught == []


STEPS = {
    "login": ("POST", "/oauth/tokens"),
    "check": ("GET", "/users/me"),
    "groups": ("GET", "/groups"),
    "feed": ("GET", "/incremental/"),
    "reading": ("GET", r"/tickets/\d+$"),
    "writing": ("PUT", r"/tickets/\d+$"),
}


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("step", STEPS)
def test_a_redirect_of_the_helpdesk_is_an_error_and_nobody_is_told_our_credentials(
    step: str, status: int, town: Town, trap: Trap
) -> None:
    ticket = town.ticket()
    there = {"Location": addressed("another name", trap, town, "/"), "Set-Cookie": "session=stolen"}
    method, path = STEPS[step]
    town.zendesk.faults.add(Fault(answer(status, b"", there), method=method, path=path))

    redirected, mended = town.run(), town.run_until_rest()

    assert redirected.code == 78
    assert f"localhost:{trap.port}" in str(redirected.error)
    assert mended[-1].code == 0
    assert len(town.zendesk.writes(ticket)) == 1
    assert trap.caught == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_claude_is_an_error_and_nobody_is_told_the_key(
    status: int, town: Town, trap: Trap
) -> None:
    """The key travels in a header of its own, which clients do not drop on the way to another host."""
    ticket = town.ticket()
    there = {"Location": addressed("another name", trap, town, "/v1/messages")}
    town.claude.faults.add(Fault(answer(status, b"", there)))

    redirected, mended = town.run(), town.run_until_rest()

    assert redirected.code == 78
    assert mended[-1].code == 0
    assert len(town.zendesk.writes(ticket)) == 1
    assert trap.caught == []


def test_the_trap_catches_a_client_that_follows(town: Town, trap: Trap) -> None:
    """Otherwise the tests above would prove nothing."""
    there = {"Location": addressed("another port", trap, town, "/")}
    town.zendesk.faults.add(Fault(answer(307, b"", there)))

    requests.get(town.zendesk.url, headers={"X-Api-Key": "the-key"}, timeout=10)

    assert b"the-key" in trap.caught[0]


PLAIN = {"another port", "another name", "capital letters", "https", "a tab in it"}  # an address like ours


@pytest.mark.parametrize("form", sorted(ADDRESSES.keys() - PLAIN))
def test_such_an_address_cannot_even_be_configured(form: str, town: Town, trap: Trap) -> None:
    with pytest.raises(ConnectorError) as raised:
        parse_origin(addressed(form, trap, town, ""))

    assert "secret" not in str(raised.value)
