"""Settings that cannot be used say where, what and what was probably meant, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Complain = Callable[..., list[str]]
WriteSecret = Callable[..., Path]


def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_key(complain: Complain) -> None:
    problems = complain('\n[helpdesk]\nbase_ulr = "https://acme.zendesk.com"\n')

    assert problems == ['settings.toml:3: helpdesk.base_ulr: unknown key, did you mean "base_url"?']


def test_a_key_that_was_renamed_says_its_new_name(complain: Complain) -> None:
    (problem,) = complain("[llm]\nmax_text_chars = 12000\n")

    assert problem.startswith("settings.toml:2: llm.max_text_chars: is called max_text_tokens now")


def test_an_unknown_key_inside_a_list_of_tables_has_its_own_line(complain: Complain) -> None:
    problems = complain(
        '[[rules]]\nname = "a"\nwords = ["x"]\nteam = "billing"\n\n[[rules]]\nname = "b"\nword = "y"\n'
    )

    assert problems[0] == 'settings.toml:8: rules[1].word: unknown key, did you mean "words"?'


def test_an_unknown_section_is_refused(complain: Complain) -> None:
    assert complain("[helpdesc]\n") == ['settings.toml:1: helpdesc: unknown key, did you mean "helpdesk"?']


def test_an_unknown_variable_is_refused_by_its_name(complain: Complain) -> None:
    problems = complain(CONNECTOR_POLL__INTERVAL="5", CONNECTOR_RULES__0__TEAM="x", CONNECTOR_RULES__TEAM="x")

    assert problems == [
        'CONNECTOR_POLL__INTERVAL: unknown setting, did you mean "CONNECTOR_POLL__INTERVAL_SECONDS"?',
        "CONNECTOR_RULES__0__TEAM: a list is set as a whole, as JSON in CONNECTOR_RULES",
        "CONNECTOR_RULES__TEAM: a list is set as a whole, as JSON in CONNECTOR_RULES",
    ]


def test_a_wrong_value_names_the_variable_it_came_from(complain: Complain) -> None:
    problems = complain("[poll]\ninterval_seconds = 3\n", CONNECTOR_POLL__INTERVAL_SECONDS="-3")

    assert problems == ["CONNECTOR_POLL__INTERVAL_SECONDS: poll.interval_seconds: should be greater than 0"]


def test_a_list_in_the_environment_that_is_no_json_says_what_json_looks_like(complain: Complain) -> None:
    problems = complain(CONNECTOR_HELPDESK__INBOX_GROUPS="Triage")

    assert problems == [
        'CONNECTOR_HELPDESK__INBOX_GROUPS: should be JSON, such as ["Triage"] or {"key": "value"}'
    ]


def test_every_problem_of_every_source_is_listed_at_once(
    complain: Complain, write_secret: WriteSecret
) -> None:
    write_secret("helpdesk__client_secrt", "x")

    problems = complain(
        """
        [poll]
        interval_seconds = -1
        [thresholds]
        team = 7
        [[rules]]
        name = "r"
        regex = ["("]
        team = "biling"
        [[routing.queues]]
        when = { urgency = "critcal" }
        queue = "{customer}"
        """,
        CONNECTOR_LOG__LEVEL="loud",
    )

    assert [line.split(" ")[1] for line in problems[1:]] == [
        "poll.interval_seconds:",
        "log.level:",
        "thresholds.team:",
        "rules[0].regex[0]:",
        "routing.queues[0].queue:",
    ]
    assert problems[0] == (
        'secrets/helpdesk__client_secrt: unknown secret, did you mean "helpdesk__client_secret"?'
    )


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        (
            '[[rules]]\nname = "r"\nwords = ["x"]\nteam = "biling"\n',
            'settings.toml:4: rules[0].team: unknown team "biling", did you mean "billing"?',
        ),
        (
            '[[guardrail.conditions]]\nname = "c"\nurgency = ["critcal"]\n',
            "settings.toml:3: guardrail.conditions[0].urgency: "
            'unknown urgency "critcal", did you mean "critical"?',
        ),
        (
            '[[routing.queues]]\nqueue = "q"\nwhen.sentiment = ["angry", "angri"]\n',
            "settings.toml:3: routing.queues[0].when.sentiment: "
            'unknown sentiment "angri", did you mean "angry"?',
        ),
        (
            '[[routing.queues]]\nqueue = "q"\nwhen.type = "zzz"\n[[types]]\nname = "bug"\n',
            'settings.toml:3: routing.queues[0].when.type: unknown type "zzz" (known: bug)',
        ),
        (
            '[[teams]]\nname = "a"\n[[teams]]\nname = "a"\n',
            'settings.toml:4: teams[1].name: "a" is there twice',
        ),
        (
            '[[sentiments]]\nname = "a"\ndefault = true\n[[sentiments]]\nname = "b"\ndefault = true\n',
            "settings.toml:6: sentiments[1].default: is given to two classes of one axis",
        ),
        (
            '[llm.strong]\nmodel = "claude-opus-5-5"\n',
            "settings.toml:2: llm.strong.model: "
            'has no price: add a [[llm.prices]] table for "claude-opus-5-5"',
        ),
        ("teams = []\n", "settings.toml:1: teams: needs at least one class"),
        ('[[rules]]\nname = "r"\nteam = "billing"\n', "settings.toml:1: rules[0]: needs words or regex"),
    ],
)
def test_what_does_not_fit_together_is_refused(complain: Complain, toml: str, problem: str) -> None:
    assert complain(toml) == [problem]


@pytest.mark.parametrize(
    ("toml", "problems"),
    [
        (
            'kind = "zendesk"',
            [
                "helpdesk.base_url: is required",
                "helpdesk.client_id: and client_secret (or email and api_token)",
            ],
        ),
        (
            'kind = "zendesk"\nbase_url = "https://a.zendesk.com"\nclient_id = "x"',
            ["helpdesk.client_secret: is required"],
        ),
        (
            'kind = "zendesk"\nbase_url = "https://a.zendesk.com"\nemail = "a@b.c"',
            ["helpdesk.api_token: is required"],
        ),
        (
            'kind = "zendesk"\nbase_url = "https://a.zendesk.com"\nclient_id = "x"\nemail = "a@b.c"',
            ["helpdesk.client_id: and email + api_token exclude each other"],
        ),
        ('kind = "pylon"', ["helpdesk.api_token: is required"]),
    ],
)
def test_a_helpdesk_without_a_complete_login_is_refused(
    complain: Complain, toml: str, problems: list[str]
) -> None:
    found = complain(f"[helpdesk]\n{toml}\n")

    assert len(found) == len(problems)
    assert all(expected in line for expected, line in zip(problems, found, strict=True))


def test_what_is_missing_says_how_to_give_it(complain: Complain) -> None:
    problems = complain('[helpdesk]\nkind = "pylon"\n')

    assert problems == [
        'settings.toml:1: helpdesk.api_token: is required for kind = "pylon"; '
        "set it in settings.toml or as CONNECTOR_HELPDESK__API_TOKEN"
    ]


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[poll\n", "settings.toml:1:6: is not TOML: Expected ']' at the end of a table declaration"),
        ('a = "', "settings.toml: at the end: is not TOML: Unterminated string"),
        ("[poll]\n[poll]\n", "settings.toml:2:6: is not TOML: Cannot declare ('poll',) twice"),
    ],
)
def test_a_file_that_is_no_toml_says_line_and_column(complain: Complain, toml: str, problem: str) -> None:
    assert complain(toml) == [problem]


def test_a_file_that_is_not_text_is_refused(complain: Complain, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe\x00")

    assert complain() == ["settings.toml: is not UTF-8 text"]


def test_a_default_that_names_a_class_the_business_does_not_have_is_left_out(complain: Complain) -> None:
    problems = complain(
        '[[teams]]\nname = "support"\n[[rules]]\nname = "r"\nwords = ["x"]\nteam = "security"\n'
    )

    assert problems == ['settings.toml:6: rules[0].team: unknown team "security" (known: support)']


def test_a_hostile_key_or_value_stays_on_its_line(complain: Complain) -> None:
    problems = complain('"a\\nb\\u001b[2J" = 1\n[llm.cheap]\nmodel = "x\\ry"\n')

    assert len(problems) == 2
    assert problems[1].startswith(r"settings.toml:1: a\nb\x1b[2J: unknown key")
