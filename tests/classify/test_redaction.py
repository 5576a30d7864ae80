"""What is taken out of a text before it leaves the machine, and what only looks like it and stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.classify.redaction import HARMFUL, Redactor, Secret

ALL = frozenset(Secret)

FOUND = {
    Secret.EMAIL: [
        "jane.doe@example.com",
        "jane+tickets@mail.example.co.uk",
        "JANE_DOE@EXAMPLE.COM",
        "müller@beispiel.de",
        "x@xn--bcher-kva.xn--p1ai",
    ],
    Secret.PHONE: [
        "+49 171 1234567",
        "+1 (555) 010-9999",
        "+442079460958",
        "(415) 555-2671",
        "415-555-2671",
        "1-800-555-0199",
        "06 12 34 56 78",
        "030 / 123 456 78",
    ],
    Secret.CARD: [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "5555 5555 5555 4444",
        "2223 0031 2200 3222",
        "3782 822463 10005",
        "371449635398431",
        "6011 1111 1111 1117",
        "3056 930902 5904",
        "3530 1113 3330 0000",
    ],
    Secret.IBAN: [
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NO93 8601 1117 947",
        "nl91 abna 0417 1643 00",
    ],
    Secret.KEY: [
        "sk-ant-api03-abcdefghijklmnopqrstuvwxyz",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-123456789012-abcdefghijkl",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nabc+/=\n-----END RSA PRIVATE KEY-----",
    ],
}
STAYS = [
    "order 35436000000001",
    "order 1234567890123456",
    "order no. 4111 1111 1111 1112",
    "invoice 0012345678",
    "invoice 2026-11-0004711",
    "tracking 00340434161094042557",
    "EAN 4006381333931",
    "2026-11-03 09:12:33.123456",
    "01.02.2026 12:30 until 03.04.2026 13:30",
    "03/11/2026 - 05/11/2026",
    "from 11/03/2026, 9:12 AM to 11/04/2026, 10:12 AM",
    "version 10.15.7.1234567",
    "npm react@18.2.0 and @angular/core@17.0.1",
    "build 0.12.345.6789",
    "192.168.100.200",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "Password: expired",
    "password: I forgot it",
    "token: see https://docs.example.com/tokens/42",
    "Secret: nobody answers",
    "DE12 3456 7890 1234 5678 90",
    "SKU AB12CDEF3456GH",
    "10 000 000 users",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "Kundennummer 01711234567",
    "$4,111,111,111.11",
]


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind in FOUND for value in FOUND[kind]])
@pytest.mark.parametrize("text", ["{}", "It is {}.", "({})", "a: {}, and so on", "line\n{}\nline"])
def test_a_secret_is_replaced_and_nothing_around_it(kind: Secret, value: str, text: str) -> None:
    redactor = Redactor(ALL)

    assert redactor.redact(text.format(value)) == text.format(f"[{kind.upper()}_1]")
    assert redactor.counts == {kind: 1}


@pytest.mark.parametrize("text", STAYS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert Redactor(ALL).redact(f"Please look at {text}, thanks.") == f"Please look at {text}, thanks."


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password: hunter2", "password: [KEY_1]"),
        ("My password is: Tr0ub4dor&3.", "My password is: [KEY_1]."),
        ('api_key = "0123abcd4567"', 'api_key = "[KEY_1]"'),
        ("Passwort: GeheimesWort", "Passwort: [KEY_1]"),
        ("https://x.test/?token=abc123def", "https://x.test/?token=[KEY_1]"),
        ("Tel. 01711234567", "Tel. [PHONE_1]"),
        ("phone number: 5550199", "phone number: [PHONE_1]"),
    ],
)
def test_what_is_named_as_a_secret_is_one(text: str, left: str) -> None:
    assert Redactor(ALL).redact(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("order 4711 4111 1111 1111 1111 please", "order 4711 [CARD_1] please"),
        ("4111 1111 1111 1111 123", "[CARD_1] 123"),
        ("4111 1111 1111 1111 11/27", "[CARD_1] 11/27"),
        ("XX12 DE89 3704 0044 0532 0130 00 please pay soon", "XX12 [IBAN_1] please pay soon"),
    ],
)
def test_a_number_beside_a_secret_does_not_hide_it(text: str, left: str) -> None:
    assert Redactor(ALL).redact(text) == left


def test_the_same_value_has_the_same_placeholder_in_every_text() -> None:
    redactor = Redactor(ALL)

    first = redactor.redact("4111 1111 1111 1111, jane@x.test and joe@x.test")
    second = redactor.redact("JANE@x.test paid with 4111-1111-1111-1111")

    assert first == "[CARD_1], [EMAIL_1] and [EMAIL_2]"
    assert second == "[EMAIL_1] paid with [CARD_1]"
    assert redactor.counts == {Secret.CARD: 1, Secret.EMAIL: 2}


def test_only_the_chosen_kinds_are_replaced() -> None:
    text = "jane@x.test, 4111 1111 1111 1111, password: hunter2"

    assert Redactor({Secret.EMAIL}).redact(text) == "[EMAIL_1], 4111 1111 1111 1111, password: hunter2"
    assert Redactor(HARMFUL).redact(text) == "jane@x.test, [CARD_1], password: [KEY_1]"
    assert Redactor(()).redact(text) == text


@given(st.text(alphabet="4111 -@.+()xDE89:=password[]\n", max_size=200))
def test_redacting_again_changes_nothing(text: str) -> None:
    once = Redactor(ALL).redact(text)

    assert Redactor(ALL).redact(once) == once


@pytest.mark.parametrize(
    "pattern",
    [
        "1 ",
        "4",
        "4111 ",
        "a@",
        "a.",
        "aa11 ",
        "DE89 ",
        "+1(",
        "password ",
        "password: a1b2\n",
        "tel ",
        "A1",
        "-----BEGIN ",
    ],
)
def test_time_grows_with_the_length_and_no_faster(pattern: str) -> None:
    """Sixteen times the text may take 64 times as long, where twice the exponent would make it 256."""

    def seconds(chars: int) -> float:
        text = (pattern * (chars // len(pattern) + 1))[:chars]
        runs = []
        for _ in range(2):
            began = time.thread_time()
            Redactor(ALL).redact(text)
            runs.append(time.thread_time() - began)
        return min(runs)

    assert seconds(64_000) < 64 * max(seconds(4_000), 0.0005)
