"""The little web server behind the emulators."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from connector.sandbox.faults import Fault, FaultPlan, hang
from connector.sandbox.server import Request, Response, json_response, serve


def echo(request: Request) -> Response:
    return json_response({"path": request.path, "query": dict(request.query)})


def test_a_connection_is_kept_for_the_next_request() -> None:
    with serve(echo) as server:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=5)
        bodies, ports = [], set()

        for path in ("/one?a=1&b=%20", "/two%2Fx"):
            connection.request("GET", path)
            ports.add(connection.sock.getsockname()[1])
            bodies.append(connection.getresponse().read())
        connection.close()

    assert len(ports) == 1
    assert bodies == [b'{"path":"/one","query":{"a":"1","b":" "}}', b'{"path":"/two/x","query":{}}']


def test_a_stream_arrives_piece_by_piece() -> None:
    def pieces() -> Iterator[bytes]:
        yield from (b"data: 1\n\n", b"", b"data: 2\n\n")

    with serve(lambda _request: Response(chunks=pieces())) as server:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=5)
        connection.request("GET", "/")
        response = connection.getresponse()
        body = response.read()
        connection.close()

    assert response.headers["Transfer-Encoding"] == "chunked"
    assert body == b"data: 1\n\ndata: 2\n\n"


def test_a_bug_of_the_emulator_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_request: Request) -> Response:
        raise KeyError("oops")

    with serve(broken) as server:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=5)
        connection.request("GET", "/")
        status = connection.getresponse().status
        connection.close()

    assert status == 500
    assert "the emulator failed" in caplog.text


def test_stopping_cuts_connections_that_are_still_open() -> None:
    server = serve(FaultPlan.of(Fault(hang())).wrap(echo)).start()
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=5)
    connection.request("GET", "/")

    server.stop()

    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()
