"""Whatever becomes a tag is written in the helpdesk's alphabet, or not at all."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from connector.domain.decision import Change, Outcome
from connector.helpdesk.zendesk import connect_zendesk
from connector.helpdesk.zendesk.intent import clean_tags
from tests.support.town import Town

ALPHABET = re.compile(r"[a-z0-9_\-/]{1,255}")
ODD = (
    "VIP,refund_approved",
    "refund approved",
    "a\nb",
    "<script>",
    "🚀",
    "ﬁnance",
    "x" * 500,
    "\u202evip",
    "",
    " ",
    "ÄÖÜ",
    "İ",
    "a\x00b",
    "\ud800",
)


@given(st.lists(st.text(max_size=300)).map(tuple))
@example(ODD)
def test_any_text_becomes_tags_of_the_helpdesks_alphabet_each_once(texts: tuple[str, ...]) -> None:
    tags = clean_tags(texts)

    assert all(ALPHABET.fullmatch(tag) for tag in tags)
    assert len(set(tags)) == len(tags) <= len(texts)
    assert clean_tags(tags) == tags


def test_the_helpdesk_stores_them_as_we_sent_them_and_splits_none(town: Town) -> None:
    ticket = town.ticket(tags=["theirs"])
    helpdesk = connect_zendesk(
        name="zendesk",
        base_url=town.zendesk.url,
        clock=town.clock,
        email="connector@example.com",
        api_token="sandbox-token",
    )
    seen = helpdesk.fetch([str(ticket)])[str(ticket)]

    change: Any = Change(decision_id="d-1", seen=seen, group=None, add_tags=ODD)  # type: ignore[arg-type]
    (applied,) = helpdesk.apply([change])
    helpdesk.close()

    assert applied.outcome is Outcome.APPLIED
    assert set(town.zendesk.tickets()[ticket].tags) == {"theirs", *clean_tags(ODD)}
