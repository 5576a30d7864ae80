"""The base URL: where credentials may go."""

from __future__ import annotations

import pytest

from connector.errors import SettingsError
from connector.helpdesk.address import parse_origin


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://acme.zendesk.com", "https://acme.zendesk.com"),
        ("https://ACME.zendesk.com/", "https://acme.zendesk.com"),
        ("https://acme.example:8443", "https://acme.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.1:1", "http://127.8.9.1:1"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://localhost:9", "http://localhost:9"),
    ],
)
def test_https_is_accepted_anywhere_and_http_on_this_machine(given: str, url: str) -> None:
    assert parse_origin(given).url == url


@pytest.mark.parametrize(
    "given",
    [
        "http://acme.zendesk.com",
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
        "https://user:hunter2@acme.zendesk.com",
        "https://acme.zendesk.com@evil.test",
        "https://acme.zendesk.com/api/v2",
        "https://acme.zendesk.com?x=1",
        "https://acme.zendesk.com#x",
        "https://acme.zendesk.com\\@evil.test",
        "https://аcme.zendesk.com",
        "https://acme.zendesk.com:port",
        "https://",
        "//acme.zendesk.com",
        "ftp://acme.zendesk.com",
        "file:///etc/passwd",
        "acme",
        "",
    ],
)
def test_any_other_address_is_a_settings_error_that_repeats_no_password(given: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_origin(given)

    assert "hunter2" not in str(raised.value)


def test_only_the_domain_itself_and_its_subdomains_belong_to_it() -> None:
    assert parse_origin("https://acme.zendesk.com").has_domain("zendesk.com")
    assert not parse_origin("https://evilzendesk.com").has_domain("zendesk.com")
