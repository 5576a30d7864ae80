"""Each setting takes what makes sense and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.domain.taxonomy import Axis
from connector.settings import Loaded, Settings

Read = Callable[..., Loaded]
Complain = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://acme.zendesk.com", "https://acme.zendesk.com"),
        ("https://ACME.zendesk.com/", "https://acme.zendesk.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_helpdesk_address_is_kept_without_its_slash(read: Read, given: str, kept: str) -> None:
    assert read(CONNECTOR_HELPDESK__BASE_URL=given).settings.helpdesk.base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.zendesk.com",
        "https://user:pw@acme.zendesk.com",
        "https://acme.zendesk.com@evil.example",
        "https://acme.zendesk.com\\@evil.example",
        "https://acme.zendesk.com/api/v2",
        "https://acme.zendesk.com?x=1",
        "https://acme.zendesk.com#x",
        "https://10.0.0.7",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://acme.zendesk.com:port",
        "https://exämple.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "file:///etc/passwd",
        "acme.zendesk.com",
        "acme",
        "https://",
        "",
    ],
)
def test_a_helpdesk_address_that_credentials_must_not_go_to_is_refused(complain: Complain, url: str) -> None:
    (problem,) = complain(CONNECTOR_HELPDESK__BASE_URL=url)

    assert problem.startswith("CONNECTOR_HELPDESK__BASE_URL: helpdesk.base_url: ")


def test_a_gateway_to_claude_may_have_a_path(read: Read) -> None:
    llm = read('[llm]\nbase_url = "https://gateway.acme.com/anthropic/"\n').settings.llm

    assert llm.base_url == "https://gateway.acme.com/anthropic"


@pytest.mark.parametrize(
    "line",
    [
        "poll.interval_seconds = 0",
        "poll.interval_seconds = -1",
        "poll.interval_seconds = nan",
        "poll.interval_seconds = inf",
        'poll.interval_seconds = "soon"',
        "thresholds.team = 7",
        "thresholds.team = -0.1",
        "llm.workers = 0",
        "llm.workers = 2.5",
        "llm.max_tries = 0",
        "llm.max_text_tokens = 0",
        "languages.primary = []",
        'languages.known = ["klingon"]',
        'privacy.redact = ["name"]',
        "helpdesk.rate_share = 0",
        "helpdesk.lookback_hours = 0",
        'helpdesk.ca_bundle = "no/such/file.pem"',
        'store.url = "sqlite://"',
        'store.url = "sqlite:///:memory:"',
        'store.url = "mysql://localhost/x"',
        'tags.prefix = ""',
        'tags.prefix = "AI "',
        'write.note = "always"',
        'log.level = "verbose"',
        'routing.default_queue = "{team.__class__}"',
        'routing.default_queue = "{team!r}"',
        'routing.default_queue = "{team"',
        'routing.default_queue = "My Queue"',
        'routing.default_queue = ""',
        'guardrail.words = [""]',
        'teams = [{ name = "Billing Team" }]',
        'teams = [{ name = "billing", group = "" }]',
        'urgencies = [{ name = "high", priority = "highest" }]',
        'rules = [{ name = "r", regex = ["(?P<x>"], team = "billing" }]',
        'rules = [{ name = "r", regex = ["a{9999999999999}"], team = "billing" }]',
        'rules = [{ name = "r", words = ["x"] }]',
        'rules = [{ name = "r", words = ["x"], where = "text", team = "billing" }]',
        'guardrail.conditions = [{ name = "c" }]',
        'routing.queues = [{ when = {}, queue = "q" }]',
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_its_line(complain: Complain, line: str) -> None:
    (problem,) = complain(f"# settings\n{line}\n")

    assert problem.startswith("settings.toml:2: ")


def test_one_class_may_stand_without_brackets(read: Read) -> None:
    toml = '[[routing.queues]]\nwhen = { urgency = "high", team = ["billing", "security"] }\nqueue = "q"\n'

    (queue,) = read(toml).settings.routing.queues

    assert queue.labels() == {Axis.URGENCY: {"high"}, Axis.TEAM: {"billing", "security"}}


def test_the_classes_become_a_taxonomy_in_their_order_with_their_defaults() -> None:
    taxonomy = Settings().taxonomy()

    assert taxonomy.names(Axis.TEAM) == (
        "billing",
        "infrastructure",
        "product",
        "security",
        "onboarding",
        "general",
    )
    assert [taxonomy.default(axis) for axis in Axis] == ["general", "general_inquiry", "normal", "neutral"]
    assert all(each.description for axis in Axis for each in taxonomy.categories[axis])


def test_an_urgency_without_a_priority_leaves_the_priority_alone(read: Read) -> None:
    toml = '[[urgencies]]\nname = "now"\npriority = "urgent"\n[[urgencies]]\nname = "later"\n'

    assert read(toml).settings.priorities() == {"now": "urgent"}


def test_defaults_suit_any_taxonomy(read: Read) -> None:
    toml = '[[teams]]\nname = "support"\n[[sentiments]]\nname = "any"\n[routing]\ndefault_queue = "q"\n'

    settings = read(toml).settings

    assert [queue.queue for queue in settings.routing.queues] == ["critical-{team}"]
    assert [rule.name for rule in settings.rules] == ["production_down"]
    assert settings.guardrail.conditions == ()


def test_tiers_of_a_condition_are_compared_without_case(read: Read) -> None:
    toml = '[[guardrail.conditions]]\nname = "big"\ntier = ["Enterprise"]\n'

    (condition,) = read(toml).settings.guardrail.conditions

    assert condition.tiers() == {"enterprise"}
    assert condition.labels() == {}


def test_the_ledger_calls_a_helpdesk_by_its_kind_unless_it_has_a_name(read: Read) -> None:
    named = read('[helpdesk]\nname = "emea"\n').settings

    assert (Settings().helpdesk.ledger_name, named.helpdesk.ledger_name) == ("sandbox", "emea")


def test_every_default_model_has_a_price() -> None:
    settings = Settings()

    prices = settings.prices()

    assert {settings.llm.cheap.model, settings.llm.strong.model} <= prices.keys()
    assert all(price.cache_read < price.input < price.cache_write < price.output for price in prices.values())


@pytest.mark.parametrize(
    ("given", "days"), [("0", 0), ("30", 30), ("365", 365), ("forever", None), (" 7 ", 7)]
)
def test_words_are_kept_for_whole_days_or_for_ever(read: Read, given: str, days: int | None) -> None:
    kept = read(CONNECTOR_PRIVACY__RETENTION_DAYS=given).settings.privacy.keep()

    assert kept == (None if days is None else timedelta(days=days))


@pytest.mark.parametrize("given", ["-1", "1.5", "never", "true", "1000000"])
def test_any_other_retention_is_refused_with_what_could_be_said(complain: Complain, given: str) -> None:
    (problem,) = complain(CONNECTOR_PRIVACY__RETENTION_DAYS=given)

    assert problem.endswith('should be a whole number of days, at most 99999, or "forever"')


def test_without_a_word_about_it_words_are_kept_for_a_month(read: Read) -> None:
    assert read().settings.privacy.keep() == timedelta(days=30)


def test_urgencies_are_in_the_order_of_their_priorities_however_they_are_listed(read: Read) -> None:
    listed = """
[[urgencies]]
name = "later"
priority = "low"
[[urgencies]]
name = "now"
priority = "urgent"
[[urgencies]]
name = "soon"
priority = "high"
"""
    settings = read(listed).settings

    assert settings.urgencies_in_order() == ("now", "soon", "later")
    assert settings.urgent() == {"now", "soon"}


def test_without_a_priority_each_the_order_of_the_urgencies_counts(read: Read) -> None:
    settings = read('[[urgencies]]\nname = "b"\n[[urgencies]]\nname = "a"\npriority = "urgent"\n').settings

    assert settings.urgencies_in_order() == ("b", "a")


def test_signals_may_only_name_urgencies_that_exist(complain: Complain) -> None:
    problems = complain('[signals]\nurgencies = ["critcal"]\n')

    assert problems == [
        'settings.toml:2: signals.urgencies: unknown urgency "critcal", did you mean "critical"?'
    ]
