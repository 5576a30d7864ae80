"""What is asked again after a refusal, and what is not; the address of an account from what people type."""

from __future__ import annotations

import pytest
import typer

from connector.cli.init.dialogue import Silence
from connector.cli.init.form import Form, Found
from connector.cli.init.login import log_in, zendesk_address
from connector.errors import AuthRefused, SettingsError, Unavailable, WrongRegion
from tests.cli.init.script import Door, Person

REFUSED = AuthRefused("GET /me answered 401: the helpdesk refuses the credentials")


def form_of(kind: str, person: Person | Silence, **found: str) -> Form:
    known = {key: Found(value, f"--{key}") for key, value in found.items()}
    return Form(person, known, {"kind": kind})


def test_a_token_of_the_other_region_is_tried_there_without_typing_it_again() -> None:
    person = Person(["", "the-token", ""])
    door = Door([WrongRegion("the token belongs to Pylon's other region")])

    log_in(form_of("pylon", person), door)

    assert person.asked == ["Region (us or eu) [us]", "API token", "Region (us or eu) [eu]"]
    assert [tried["region"] for tried in door.tried] == ["us", "eu"]
    assert {tried["api_token"] for tried in door.tried} == {"the-token"}


def test_after_a_refusal_the_credentials_are_asked_again_and_the_address_is_not() -> None:
    person = Person(["acme", "cleint", "wrong", "client", "right"])
    door = Door([REFUSED])

    log_in(form_of("zendesk", person), door)

    assert sum(question.startswith("Subdomain") for question in person.asked) == 1
    assert person.asked[3].endswith("[cleint]")
    assert door.tried[1] == {
        "kind": "zendesk",
        "base_url": "https://acme.zendesk.com",
        "client_id": "client",
        "client_secret": "right",
    }


def test_after_an_outage_the_address_is_asked_again_and_the_secret_is_not() -> None:
    person = Person(["amce", "client", "secret", "acme"])
    door = Door([Unavailable("the helpdesk cannot be reached")])

    log_in(form_of("zendesk", person), door)

    assert person.asked[3] == "Subdomain or address [https://amce.zendesk.com]"
    assert door.tried[1]["base_url"] == "https://acme.zendesk.com"


def test_the_legacy_login_can_be_chosen_and_left_again() -> None:
    person = Person(["acme", "-", "jo@acme.com", "old-token", "client", "secret"])
    door = Door([REFUSED])

    log_in(form_of("zendesk", person), door)

    assert set(door.tried[0]) == {"kind", "base_url", "email", "api_token"}
    assert set(door.tried[1]) == {"kind", "base_url", "client_id", "client_secret"}


def test_refusals_end_before_they_lock_the_account() -> None:
    person = Person(["acme", *["client", "wrong"] * 9])
    door = Door([REFUSED] * 9)

    with pytest.raises(AuthRefused):
        log_in(form_of("zendesk", person), door)

    assert len(door.tried) == 5


@pytest.mark.parametrize("error", [REFUSED, Unavailable("down"), WrongRegion("elsewhere")])
def test_a_script_is_never_asked_again(error: Exception) -> None:
    door = Door([error])

    with pytest.raises(type(error)):
        log_in(form_of("pylon", Silence(), region="us", api_token="token"), door)

    assert len(door.tried) == 1


def test_a_secret_that_cannot_be_one_is_asked_again_or_refused_without_being_shown() -> None:
    person = Person(["", "two\x00parts", "whole"])

    log_in(form_of("pylon", person), Door())

    assert person.asked[1:] == ["API token", "API token"]
    with pytest.raises(typer.BadParameter) as caught:
        log_in(form_of("pylon", Silence(), region="us", api_token="two\x00parts"), Door())
    assert "line break or another character" in caught.value.message
    assert "two" not in caught.value.message


@pytest.mark.parametrize(
    "typed",
    [
        "acme",
        " Acme ",
        "acme.zendesk.com",
        "acme.zendesk.com/agent",
        "https://acme.zendesk.com",
        "https://acme.zendesk.com/agent/tickets/1?brand=2#x",
    ],
)
def test_an_account_is_found_by_whatever_people_copy(typed: str) -> None:
    assert zendesk_address(typed) == "https://acme.zendesk.com"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ac me",
        "http://acme.zendesk.com",
        "https://jo:pw@acme.zendesk.com",
        "https://10.0.0.1",
        "ftp://acme.de",
        "https://acme.zendesk.com:port",
        "acme\n.zendesk.com",
        "jo@acme.com",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        zendesk_address(typed)

    assert "pw" not in str(caught.value)
