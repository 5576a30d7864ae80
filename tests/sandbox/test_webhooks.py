"""The emulators tell of new tickets as the vendors document it, and repeat what was refused a few times."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from connector.sandbox.postman import Postman
from connector.sandbox.pylon_api import NewIssueWebhook, PylonSandbox
from connector.sandbox.server import LocalServer, Request, Response, serve
from connector.sandbox.zendesk_api import NewTicketWebhook, ZendeskSandbox
from tests.sandbox.conftest import Now

SECRET = "a-signing-secret"
SENT_AT = "2026-11-02T12:00:00Z"


@dataclass
class Receiver:
    """A server that answers what it is told to, and keeps what came."""

    answers: list[int] = field(default_factory=list)
    came: list[Request] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    server: LocalServer | None = None

    def __call__(self, request: Request) -> Response:
        with self.changed:
            self.came.append(request)
            self.changed.notify_all()
            return Response(self.answers.pop(0) if self.answers else 202)

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"{self.server.url}/hooks/zendesk"

    def wait(self, count: int) -> list[Request]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.came) >= count, 20)
            return list(self.came)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with serve(made) as made.server:
        yield made


@pytest.fixture
def zendesk() -> Iterator[ZendeskSandbox]:
    with ZendeskSandbox(Now()) as account:
        account.webhooks.stop()
        account.webhooks = Postman(pause_seconds=0.01)
        yield account


def test_without_a_webhook_nothing_is_sent(zendesk: ZendeskSandbox) -> None:
    zendesk.create_ticket("Charged twice", "Please refund.")

    assert zendesk.webhooks.deliveries == ()


def test_zendesk_tells_of_a_new_ticket_with_a_signature_over_timestamp_and_body(
    zendesk: ZendeskSandbox, receiver: Receiver
) -> None:
    zendesk.webhooks.add(NewTicketWebhook(receiver.url, SECRET, zendesk.world.now))
    ticket = zendesk.create_ticket("Früße 🙃", "Please refund.", priority="high")

    (request,) = receiver.wait(1)
    told = request.json()
    signed = hmac.new(SECRET.encode(), SENT_AT.encode() + request.body, hashlib.sha256).digest()
    assert (request.method, request.path) == ("POST", "/hooks/zendesk")
    assert request.headers["x-zendesk-webhook-signature-timestamp"] == SENT_AT
    assert request.headers["x-zendesk-webhook-signature"] == base64.b64encode(signed).decode()
    assert told["type"] == "zen:event-type:ticket.created"
    assert told["subject"] == f"zen:ticket:{ticket}"
    assert told["detail"]["id"] == str(ticket)
    assert (told["detail"]["status"], told["detail"]["priority"]) == ("NEW", "HIGH")


def test_a_trigger_sends_what_its_author_wrote(zendesk: ZendeskSandbox, receiver: Receiver) -> None:
    zendesk.webhooks.add(NewTicketWebhook(receiver.url, SECRET, zendesk.world.now, "trigger"))
    ticket = zendesk.create_ticket("Charged twice", "Please refund.")

    (request,) = receiver.wait(1)

    assert request.json() == {"ticket_id": str(ticket)}


def test_pylon_tells_of_a_new_issue_with_a_signature_over_the_body(receiver: Receiver) -> None:
    with PylonSandbox(Now()) as tenant:
        tenant.webhooks.add(NewIssueWebhook(receiver.url, SECRET))
        issue = tenant.create_issue("Charged twice", "<p>Please refund.</p>")
        (request,) = receiver.wait(1)

    signed = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-pylon-signature"] == signed
    assert request.json()["issue_id"] == issue


@pytest.mark.parametrize("status", [409, 429, 503])
def test_a_refusal_that_may_pass_is_repeated_three_times_at_most(
    zendesk: ZendeskSandbox, receiver: Receiver, status: int
) -> None:
    receiver.answers = [status] * 4
    zendesk.webhooks.add(NewTicketWebhook(receiver.url, SECRET, zendesk.world.now))
    first = zendesk.create_ticket("One", "One")
    second = zendesk.create_ticket("Two", "Two")

    came = receiver.wait(5)

    assert [each.json()["detail"]["id"] for each in came] == [str(first)] * 4 + [str(second)]


@pytest.mark.parametrize("status", [200, 400, 401, 404, 413, 500])
def test_any_other_answer_is_not_repeated(zendesk: ZendeskSandbox, receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    zendesk.webhooks.add(NewTicketWebhook(receiver.url, SECRET, zendesk.world.now))
    tickets = [zendesk.create_ticket("One", "One"), zendesk.create_ticket("Two", "Two")]

    came = receiver.wait(2)

    assert [each.json()["detail"]["id"] for each in came] == [str(each) for each in tickets]


def test_a_receiver_that_is_away_is_tried_four_times(zendesk: ZendeskSandbox, receiver: Receiver) -> None:
    zendesk.webhooks.add(NewTicketWebhook(receiver.url, SECRET, zendesk.world.now))
    assert receiver.server is not None
    with receiver.server.absence():
        zendesk.create_ticket("One", "One")
        tried = threading.Event()
        while len(zendesk.webhooks.deliveries) < 4:
            tried.wait(0.01)
    zendesk.create_ticket("Two", "Two")
    receiver.wait(1)

    assert [each.status for each in zendesk.webhooks.deliveries[:4]] == [0] * 4
