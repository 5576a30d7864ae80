"""What every test can ask for: a clock that stands still, tickets to build, a clean environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from connector.clock import ManualClock
from connector.domain.classification import Classification, Label, Tier
from connector.domain.taxonomy import Axis, Category, Taxonomy
from connector.domain.ticket import Author, Group, Nature, Status, Ticket
from connector.routing import QueueRule, RoutingPolicy
from tests.support.postgres import NoServer, Schema, Server, running

# The same examples in every run; the first draw of a text on a fresh machine builds tables for a second.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")

MakeTicket = Callable[..., Ticket]


@pytest.fixture(scope="session", autouse=True)
def environment_outside() -> Mapping[str, str]:
    """The environment that the tests were started in."""
    return dict(os.environ)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, key or proxy of the machine reaches a test."""
    ours = ("CONNECTOR_", "ANTHROPIC_", "OTEL_", "CREDENTIALS_", "AWS_", "GOOGLE_", "CLOUDSDK_")
    for name in list(os.environ):
        if name.startswith(ours) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server(environment_outside: Mapping[str, str]) -> Iterator[Server]:
    """A real PostgreSQL; where none can be had the test is skipped, or fails when REQUIRE_PG is set."""
    try:
        with running(environment_outside) as server:
            yield server
    except NoServer as reason:
        if environment_outside.get("REQUIRE_PG"):
            pytest.fail(f"REQUIRE_PG is set, but there is no PostgreSQL: {reason}", pytrace=False)
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {reason}")


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[Schema]:
    """An empty schema on that server."""
    with postgres_server.schema() as schema:
        yield schema


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_ticket() -> MakeTicket:
    """Builds an unrouted first-contact ticket; keyword arguments replace its facts."""
    at = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)

    def make(**facts: Any) -> Ticket:
        defaults: dict[str, Any] = {
            "id": "35436000000001",
            "version": "2026-11-02T08:00:00Z",
            "fingerprint": "f0",
            "created_at": at,
            "updated_at": at,
            "status": Status.NEW,
            "nature": Nature.ORDINARY,
            "author": Author.CUSTOMER,
            "is_public": True,
            "subject": "Charged twice",
            "text": "You charged my card twice this month.",
            "channel": "email",
            "group": None,
            "assignee": None,
            "priority": None,
            "tags": (),
            "requester": "901",
        }
        return Ticket(**(defaults | facts))

    return make


@pytest.fixture
def taxonomy() -> Taxonomy:
    names = {
        Axis.TEAM: ("billing", "security", "general"),
        Axis.TYPE: ("bug_report", "security_incident", "general_inquiry"),
        Axis.URGENCY: ("critical", "high", "normal", "low"),
        Axis.SENTIMENT: ("positive", "angry", "neutral"),
    }
    categories = {axis: tuple(Category(name) for name in each) for axis, each in names.items()}
    return Taxonomy(categories, defaults={Axis.URGENCY: "normal"})


@pytest.fixture
def policy() -> RoutingPolicy:
    return RoutingPolicy(
        groups={
            "billing": Group("11", "Billing"),
            "security": Group("12", "Security"),
            "general": Group("13", "General"),
        },
        human=Group("19", "Support"),
        queues=(
            QueueRule(
                {Axis.URGENCY: frozenset({"critical"}), Axis.TEAM: frozenset({"security"})},
                "urgent-security",
                sla_minutes=15,
            ),
            QueueRule({Axis.URGENCY: frozenset({"critical"})}, "critical-{team}", sla_minutes=60),
            QueueRule(
                {Axis.SENTIMENT: frozenset({"angry"}), Axis.URGENCY: frozenset({"high"})},
                "priority-{team}",
                sla_minutes=240,
            ),
        ),
        default=QueueRule({}, "{team}-{urgency}"),
        priorities={"critical": "urgent", "high": "high", "normal": "normal", "low": "low"},
    )


Labelled = Callable[..., Classification]


@pytest.fixture
def labelled() -> Labelled:
    """Builds a classification: ``labelled(team="billing", team_confidence=0.6)``; the rest is sure."""

    def make(tier: Tier = Tier.CHEAP, **facts: Any) -> Classification:
        values = {"team": "billing", "type": "bug_report", "urgency": "normal", "sentiment": "neutral"}
        labels = {
            Axis(axis): Label(facts.get(axis, value), facts.get(f"{axis}_confidence", 0.95))
            for axis, value in values.items()
        }
        plain = Classification(tier=tier, reason="asks for a refund", model=f"{tier}-model")
        return plain.labelled(labels)

    return make
