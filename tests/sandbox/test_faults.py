"""Scheduled misbehaviour, as a client on the other end of the connection meets it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from connector.sandbox import faults
from connector.sandbox.faults import Fault, FaultPlan
from connector.sandbox.server import Cut, LocalServer, Request, Response, Wire, json_response, serve

Get = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def worked() -> list[str]:
    """The paths that the service really worked on."""
    return []


@pytest.fixture
def server(plan: FaultPlan, worked: list[str]) -> Iterator[LocalServer]:
    def service(request: Request) -> Response:
        worked.append(request.path)
        return json_response({"path": request.path, "query": dict(request.query)})

    with serve(plan.wrap(service)) as running:
        yield running


@pytest.fixture
def get(server: LocalServer) -> Iterator[Get]:
    connections: list[http.client.HTTPConnection] = []

    def call(path: str, method: str = "GET", timeout: float = 5) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=timeout)
        connections.append(connection)
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()

    yield call
    for connection in connections:
        connection.close()


# --- which requests suffer ---


def test_a_fault_lets_some_pass_and_then_strikes_so_often(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer(503), path=r"^/a", after=1, times=2))

    statuses = [get("/a")[0] for _ in range(5)]

    assert statuses == [200, 503, 503, 200, 200]
    assert [(fired.method, fired.path) for fired in plan.fired] == [("GET", "/a")] * 2


def test_only_requests_that_match_are_counted(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer(503), method="PUT", path=r"^/a", after=1, times=None))

    statuses = [
        get(path, method)[0] for path, method in (("/a", "PUT"), ("/a", "GET"), ("/b", "PUT"), ("/a", "PUT"))
    ]

    assert statuses == [200, 200, 200, 503]


def test_a_fault_may_look_at_the_request(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer(500), when=lambda request: request.query.get("page") == "2"))

    assert [get(f"/?page={page}")[0] for page in (1, 2)] == [200, 500]


def test_the_first_fault_that_is_due_acts_and_the_others_count_on(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer(500)))
    plan.add(Fault(faults.answer(502), after=1))

    assert [get("/")[0] for _ in range(3)] == [500, 502, 200]


def test_a_cleared_plan_does_nothing_more(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer(500), times=None))
    before = get("/")[0]
    plan.clear()

    assert (before, get("/")[0], len(plan.fired)) == (500, 200, 1)


def test_many_threads_get_exactly_as_many_faults_as_planned(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer(500), times=5))
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(get("/")[0])) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] * 15 + [500] * 5


# --- what happens to them ---


@pytest.mark.parametrize("retry_after", ["2", "Wed, 21 Oct 2099 07:28:00 GMT", "1000000000", "soon"])
def test_too_many_requests_with_any_retry_after(plan: FaultPlan, get: Get, retry_after: str) -> None:
    plan.add(Fault(faults.too_many_requests(retry_after)))

    status, headers, _body = get("/")

    assert (status, headers["Retry-After"]) == (429, retry_after)


def test_too_many_requests_without_retry_after(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.too_many_requests()))

    status, headers, body = get("/")

    assert (status, "Retry-After" in headers, body) == (429, False, b"Too many requests")


def test_a_200_may_be_html_or_empty(plan: FaultPlan, get: Get, worked: list[str]) -> None:
    plan.add(Fault(faults.html()))
    plan.add(Fault(faults.empty(), after=1))

    page, nothing = get("/"), get("/")

    assert (page[0], page[1]["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (nothing[0], nothing[2]) == (200, b"")
    assert worked == []


def test_statuses_that_no_standard_knows_can_be_sent(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.answer_json(529, {"error": "overloaded"})))

    assert get("/")[0] == 529


def test_a_reset_happens_before_the_work(plan: FaultPlan, get: Get, worked: list[str]) -> None:
    plan.add(Fault(faults.reset()))

    with pytest.raises(ConnectionResetError):
        get("/")

    assert worked == []


def test_a_lost_response_happens_after_the_work(plan: FaultPlan, get: Get, worked: list[str]) -> None:
    plan.add(Fault(faults.lose_response()))

    with pytest.raises(ConnectionResetError):
        get("/")

    assert worked == ["/"]


def test_a_connection_may_end_before_the_headers(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.close_early()))

    with pytest.raises(http.client.RemoteDisconnected):
        get("/")


def test_a_connection_that_ends_inside_the_headers_looks_like_an_empty_200(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.close_early(Cut.INSIDE_HEADERS)))

    status, _headers, body = get("/")

    assert (status, body) == (200, b"")


def test_a_truncated_body_is_shorter_than_announced(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.truncate()))

    with pytest.raises(http.client.IncompleteRead):
        get("/")


def test_a_dripping_body_arrives_whole_in_the_end(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.drip(0.001)))

    assert get("/")[2] == b'{"path":"/","query":{}}'


def test_a_hanging_service_never_answers(plan: FaultPlan, get: Get, worked: list[str]) -> None:
    plan.add(Fault(faults.hang()))

    with pytest.raises(TimeoutError):
        get("/", timeout=0.1)

    assert worked == []


def test_a_late_response_was_worked_on_in_time(plan: FaultPlan, get: Get, worked: list[str]) -> None:
    plan.add(Fault(faults.delay(30)))

    with pytest.raises(TimeoutError):
        get("/", timeout=0.1)

    assert worked == ["/"]


def test_a_request_can_be_held_until_a_gate_opens(plan: FaultPlan, get: Get, worked: list[str]) -> None:
    gate, arrived = threading.Event(), threading.Event()

    def arrives(_request: Request) -> bool:
        arrived.set()
        return True

    plan.add(Fault(faults.hold(gate), when=arrives))
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(get("/")[0]))
    thread.start()

    assert arrived.wait(5)
    assert worked == []
    gate.set()
    thread.join()

    assert (statuses, worked) == ([200], ["/"])


def test_a_response_can_be_altered(plan: FaultPlan, get: Get) -> None:
    plan.add(Fault(faults.alter(lambda response: Response(response.status, {}, response.body[::-1]))))

    assert get("/")[2] == b'}}{:"yreuq","/":"htap"{'


@pytest.mark.parametrize(
    ("wire", "mute"), [(Wire(), False), (Wire(cut=Cut.INSIDE_BODY), False), (Wire(cut=Cut.RESET), True)]
)
def test_a_response_is_mute_when_not_even_its_status_arrives(wire: Wire, mute: bool) -> None:
    assert wire.is_mute is mute
