"""Several [[helpdesks]]: each is a whole [helpdesk] with a name, groups and secrets of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from connector.settings import Loaded, effective, render_example

Read = Callable[..., Loaded]
Complain = Callable[..., list[str]]
WriteSecret = Callable[..., Path]

ACME = """
[[helpdesks]]
name = "acme"
kind = "zendesk"
base_url = "https://acme.zendesk.com"
client_id = "triage"
"""
BOLT = """
[[helpdesks]]
name = "bolt"
kind = "pylon"
human_group = "Front desk"
groups = { billing = "Billing EU" }
"""
SECRETS_OF_ACME = {"CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET": "acme-secret"}
SECRETS = {
    **SECRETS_OF_ACME,
    "CONNECTOR_HELPDESKS__BOLT__API_TOKEN": "bolt-token",
}


def sources(loaded: Loaded) -> dict[str, str]:
    return {row.key: row.source for row in effective(loaded)}


def test_each_helpdesk_has_settings_of_its_own(read: Read) -> None:
    acme, bolt = read(ACME + BOLT, **SECRETS).settings.per_helpdesk()

    assert (acme.helpdesk.ledger_name, bolt.helpdesk.ledger_name) == ("acme", "bolt")
    assert (acme.helpdesk.human_group, bolt.helpdesk.human_group) == ("Support", "Front desk")
    assert (acme.one_of_several, bolt.one_of_several) == ("acme", "bolt")
    assert bolt.per_helpdesk() == (bolt,)
    assert acme.teams == bolt.teams


def test_a_team_without_a_group_here_has_the_one_it_has_everywhere(read: Read) -> None:
    acme, bolt = (each.groups() for each in read(ACME + BOLT, **SECRETS).settings.per_helpdesk())

    assert acme["billing"] == "Billing"
    assert bolt["billing"] == "Billing EU"
    assert {team for team in acme if acme[team] != bolt[team]} == {"billing"}


def test_a_team_that_shares_its_parents_group_shares_it_at_every_helpdesk(read: Read) -> None:
    teams = """
        [[teams]]
        name = "billing"
        [[teams]]
        name = "refunds"
        parent = "billing"
        [[teams]]
        name = "invoices"
        group = "Invoices"
        parent = "billing"
        """

    _, bolt = read(ACME + BOLT + teams, **SECRETS).settings.per_helpdesk()

    assert bolt.groups() == {"billing": "Billing EU", "refunds": "Billing EU", "invoices": "Invoices"}


def test_a_helpdesk_may_have_a_daily_budget_of_its_own_for_the_day_of_all(read: Read) -> None:
    berlin = '[budget]\ndaily_usd = 5\ntimezone = "Europe/Berlin"\n'

    acme, bolt = read(berlin + ACME + BOLT + "daily_usd = 2\n", **SECRETS).settings.per_helpdesk()

    own, total = bolt.own_budget(), bolt.budget.daily()
    assert acme.own_budget() is None
    assert own is not None
    assert total is not None
    assert (own.usd, total.usd, own.zone) == (Decimal(2), Decimal(5), total.zone)


def test_a_plain_helpdesk_is_the_only_one(read: Read) -> None:
    settings = read('[helpdesk]\nhuman_group = "People"\n').settings

    assert settings.per_helpdesk() == (settings,)
    assert settings.one_of_several == ""


def test_a_list_of_one_helpdesk_is_as_a_plain_one(read: Read) -> None:
    (acme,) = read(ACME, **SECRETS_OF_ACME).settings.per_helpdesk()

    assert acme.helpdesk.ledger_name == "acme"
    assert acme.one_of_several == ""


def test_both_forms_at_once_are_refused_at_the_line_of_the_list(complain: Complain) -> None:
    (problem,) = complain(
        '[helpdesk]\nhuman_group = "People"\nlookback_hours = 3\n' + ACME, **SECRETS_OF_ACME
    )

    assert problem == (
        "settings.toml:5: helpdesks: and [helpdesk] exclude each other: "
        "helpdesk.lookback_hours, helpdesk.human_group belong into the [[helpdesks]] tables"
    )


def test_variables_of_a_plain_helpdesk_beside_a_list_are_refused_too(complain: Complain) -> None:
    (problem,) = complain(ACME, CONNECTOR_HELPDESK__RATE_SHARE="0.5", **SECRETS_OF_ACME)

    assert "exclude each other: helpdesk.rate_share" in problem


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            ACME.replace("acme.z", "other.z") + 'client_secret = "s"\n',
            'settings.toml:9: helpdesks[1].name: "acme" is there twice',
        ),
        (
            ACME.replace('"acme"', '"again"'),
            'settings.toml:11: helpdesks[1].base_url: is that of "acme" too; one account is one helpdesk',
        ),
        (
            BOLT.replace("billing", "biling"),
            'settings.toml:12: helpdesks[1].groups.biling: unknown team "biling", did you mean "billing"?',
        ),
        (
            '[[helpdesks]]\nkind = "pylon"\napi_token = "x"\n',
            "settings.toml:7: helpdesks[1].name: is required",
        ),
        (
            BOLT.replace("pylon", "sandbox"),
            "settings.toml:10: helpdesks[1].kind: should be 'zendesk' or 'pylon'",
        ),
        (
            BOLT.replace('"bolt"', '"bolt__eu"'),
            "settings.toml:9: helpdesks[1].name: should not end in an underscore or have two in a row: "
            "variables hold it between two",
        ),
        (
            BOLT.replace("human_group", "human_grup"),
            'settings.toml:11: helpdesks[1].human_grup: unknown key, did you mean "human_group"?',
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_with_its_line(
    complain: Complain, more: str, problem: str
) -> None:
    secrets = {
        f"CONNECTOR_HELPDESKS__{name}__CLIENT_SECRET": "s"
        for name in ("ACME", "AGAIN")
        if name.lower() in ACME + more
    }
    if '"bolt"' in more:
        secrets["CONNECTOR_HELPDESKS__BOLT__API_TOKEN"] = "t"

    assert problem in complain(ACME + more, **secrets)


def test_two_pylon_helpdesks_with_one_token_are_one_account(complain: Complain) -> None:
    other = BOLT.replace('"bolt"', '"other"')
    tokens = {f"CONNECTOR_HELPDESKS__{name}__API_TOKEN": "same" for name in ("BOLT", "OTHER")}

    problems = complain(BOLT + other, **tokens)

    assert problems == [
        'CONNECTOR_HELPDESKS__OTHER__API_TOKEN: helpdesks[1].api_token: is that of "bolt" too; '
        "one account is one helpdesk"
    ]


def test_variables_and_secret_files_name_the_helpdesk_they_are_for(
    read: Read, write_secret: WriteSecret
) -> None:
    write_secret("helpdesks__acme__client_secret", "from-a-file\n")
    write_secret("connector_helpdesks__bolt__api_token", "from-a-file-too")

    loaded = read(
        ACME + BOLT,
        CONNECTOR_HELPDESKS__BOLT__API_TOKEN="from-a-variable",
        CONNECTOR_HELPDESKS__ACME__INBOX_GROUPS='["Triage"]',
        CONNECTOR_HELPDESKS__ACME__CLIENT_ID="other",
    )

    acme, bolt = (each.helpdesk for each in loaded.settings.per_helpdesk())
    assert (acme.client_id, acme.inbox_groups) == ("other", ("Triage",))
    assert loaded.settings.secret_values() == {"from-a-file", "from-a-variable"}
    assert bolt.api_token is not None
    assert {key: source for key, source in sources(loaded).items() if key.startswith("helpdesk")} == {
        "helpdesks[0].kind": "settings.toml:4",
        "helpdesks[0].name": "settings.toml:3",
        "helpdesks[0].base_url": "settings.toml:5",
        "helpdesks[0].region": "default",
        "helpdesks[0].confirm_openers": "default",
        "helpdesks[0].internal_notes": "default",
        "helpdesks[0].client_id": "CONNECTOR_HELPDESKS__ACME__CLIENT_ID",
        "helpdesks[0].client_secret": "secrets/helpdesks__acme__client_secret",
        "helpdesks[0].lookback_hours": "default",
        "helpdesks[0].inbox_groups": "CONNECTOR_HELPDESKS__ACME__INBOX_GROUPS",
        "helpdesks[0].human_group": "default",
        "helpdesks[0].support_type_scope": "default",
        "helpdesks[0].rate_share": "default",
        "helpdesks[0].backfill_rate_share": "default",
        "helpdesks[1].kind": "settings.toml:10",
        "helpdesks[1].name": "settings.toml:9",
        "helpdesks[1].region": "default",
        "helpdesks[1].confirm_openers": "default",
        "helpdesks[1].internal_notes": "default",
        "helpdesks[1].api_token": "CONNECTOR_HELPDESKS__BOLT__API_TOKEN",
        "helpdesks[1].lookback_hours": "default",
        "helpdesks[1].human_group": "settings.toml:11",
        "helpdesks[1].support_type_scope": "default",
        "helpdesks[1].groups": "settings.toml:12",
        "helpdesks[1].rate_share": "default",
        "helpdesks[1].backfill_rate_share": "default",
    }


def test_a_list_from_a_variable_is_completed_by_secret_files_and_by_variables_of_a_name(
    read: Read, write_secret: WriteSecret
) -> None:
    write_secret("helpdesks__acme__client_secret", "filled-in")
    listed = '[{"name": "acme", "kind": "zendesk", "base_url": "https://a.example", "client_id": "json"}]'

    loaded = read(CONNECTOR_HELPDESKS=listed, CONNECTOR_HELPDESKS__ACME__CLIENT_ID="by-name")

    (acme,) = loaded.settings.per_helpdesk()
    assert acme.helpdesk.client_id == "by-name"
    assert loaded.settings.secret_values() == {"filled-in"}
    assert sources(loaded)["helpdesks[0].base_url"] == "CONNECTOR_HELPDESKS"


def test_a_secret_file_does_not_replace_what_a_higher_source_says(
    read: Read, write_secret: WriteSecret
) -> None:
    write_secret("helpdesks__bolt__api_token", "lower")

    loaded = read(CONNECTOR_HELPDESKS='[{"name": "bolt", "kind": "pylon", "api_token": "higher"}]')

    assert loaded.settings.secret_values() == {"higher"}


def test_names_and_keys_that_nobody_has_are_refused(complain: Complain, write_secret: WriteSecret) -> None:
    write_secret("helpdesks__acme__client_secrt", "x")
    write_secret("helpdesks__acne__client_secret", "x")
    write_secret("helpdesks__acme__client_secret", "x")

    problems = complain(
        ACME,
        CONNECTOR_HELPDESKS__ACNE__RATE_SHARE="0.5",
        CONNECTOR_HELPDESKS__ACME__RATE_SHER="0.5",
        CONNECTOR_HELPDESKS__ACME__NAME="other",
        CONNECTOR_HELPDESKS__ACME="{}",
        CONNECTOR_HELPDESKS__ACME__GROUPS="Billing",
    )

    assert problems == [
        "CONNECTOR_HELPDESKS__ACME: a list is set as a whole, as JSON in CONNECTOR_HELPDESKS",
        'CONNECTOR_HELPDESKS__ACME__GROUPS: should be JSON, such as ["Triage"] or {"key": "value"}',
        'CONNECTOR_HELPDESKS__ACME__NAME: unknown setting, did you mean "CONNECTOR_HELPDESKS__ACME__KIND"?',
        "CONNECTOR_HELPDESKS__ACME__RATE_SHER: unknown setting, "
        'did you mean "CONNECTOR_HELPDESKS__ACME__RATE_SHARE"?',
        "CONNECTOR_HELPDESKS__ACNE__RATE_SHARE: "
        'no [[helpdesks]] table has the name "acne", did you mean "acme"?',
        "secrets/helpdesks__acme__client_secrt: unknown secret, "
        'did you mean "helpdesks__acme__client_secret"?',
        "secrets/helpdesks__acne__client_secret: "
        'no [[helpdesks]] table has the name "acne", did you mean "acme"?',
    ]


def test_a_variable_for_one_of_several_helpdesks_without_a_list_is_refused(complain: Complain) -> None:
    assert complain(**SECRETS_OF_ACME) == [
        'CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET: no [[helpdesks]] table has the name "acme"'
    ]


def test_a_missing_key_is_told_with_the_variable_that_sets_it(complain: Complain) -> None:
    assert complain(BOLT) == [
        'settings.toml:2: helpdesks[0].api_token: is required for kind = "pylon"; '
        "set it in settings.toml or as CONNECTOR_HELPDESKS__BOLT__API_TOKEN"
    ]


def test_a_secret_in_the_list_is_used_with_the_advice_to_move_it(read: Read) -> None:
    loaded = read(BOLT + 'api_token = "t0ken"\n')

    assert loaded.settings.secret_values() == {"t0ken"}
    assert loaded.warnings == (
        "settings.toml:7: helpdesks[0].api_token: "
        "move this secret to the file secrets/helpdesks__bolt__api_token (mode 0600)",
    )


def test_no_secret_of_any_helpdesk_is_shown(read: Read) -> None:
    loaded = read(ACME + BOLT, **SECRETS)

    shown = " ".join([*(row.value for row in effective(loaded)), repr(loaded), str(loaded.settings)])

    assert loaded.settings.secret_values() == {"acme-secret", "bolt-token"}
    assert not [secret for secret in loaded.settings.secret_values() if secret in shown]


def test_the_example_of_several_helpdesks_is_one_that_loads(read: Read) -> None:
    lines = render_example().splitlines()
    tables = lines[lines.index("# [[helpdesks]]") :]
    example = "\n".join(line.removeprefix("#").strip() for line in tables)

    settings = read(
        example,
        CONNECTOR_HELPDESKS__ACME__CLIENT_SECRET="s",
        CONNECTOR_HELPDESKS__BOLT__API_TOKEN="t",
    ).settings

    assert len(tomllib.loads(example)["helpdesks"]) == 2
    assert [each.helpdesk.ledger_name for each in settings.per_helpdesk()] == ["acme", "bolt"]


def test_each_may_have_a_webhook_secret_of_its_own_and_one_without_any_is_not_heard(
    read: Read, write_secret: WriteSecret
) -> None:
    write_secret("helpdesks__acme__webhook_secret", "a-signing-secret-of-acme")

    settings = read(f"{ACME}{BOLT}[nudge]\nenabled = true", **SECRETS).settings
    acme, bolt = settings.per_helpdesk()

    assert acme.webhook_secret is not None
    assert acme.webhook_secret.get_secret_value() == "a-signing-secret-of-acme"
    assert (acme.hears_webhooks, bolt.hears_webhooks) == (True, False)
    assert "a-signing-secret-of-acme" in settings.secret_values()


def test_webhooks_of_which_nobody_has_the_secret_are_refused(complain: Complain) -> None:
    (problem,) = complain(f"{ACME}{BOLT}[nudge]\nenabled = true", **SECRETS)

    assert "nudge.secret: is required for enabled = true" in problem
