"""A backfill's batches: half the price, and whatever the vendor makes of them, every ticket ends once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import pytest

from connector.errors import RateLimited, SettingsError
from connector.pipeline.backfill import OUT_OF_PATIENCE
from connector.pipeline.purse import Purse
from connector.sandbox.claude_api.mishaps import refuse
from connector.sandbox.claude_api.rejection import Rejected
from connector.sandbox.faults import Fault, alter, answer, html, lose_response
from connector.sandbox.server import Response
from connector.store import open_store
from connector.store.eraser import Whose
from connector.store.personal import Erasure
from tests.support.postgres import Schema
from tests.torture.homes import FileHome, SchemaHome
from tests.torture.past import CHEAP, STRONG, PastOrdeal, Vendor, audit, open_vendor


class Fates:
    """What becomes of a ticket's questions in batches, by the words of its subject; each only once."""

    def __init__(self) -> None:
        self.planned: dict[str, str | Rejected] = {}
        self._drawn: dict[str, str | Rejected | None] = {}

    def __call__(self, custom_id: str, params: Mapping[str, Any]) -> str | Rejected | None:
        if custom_id not in self._drawn:
            said = params["messages"][0]["content"]
            ticket = next((each for each in self.planned if f'"{each} ' in said), None)
            self._drawn[custom_id] = self.planned.pop(ticket) if ticket else None
        return self._drawn[custom_id]


@pytest.fixture(scope="module")
def fates() -> Fates:
    return Fates()


@pytest.fixture(scope="module")
def module_vendor(fates: Fates) -> Iterator[Vendor]:
    with open_vendor(batch_fate=fates) as opened:
        yield opened


@pytest.fixture
def vendor(module_vendor: Vendor) -> Iterator[Vendor]:
    yield module_vendor
    module_vendor.claude.faults.clear()


@pytest.fixture
def past(vendor: Vendor, tmp_path: Path) -> PastOrdeal:
    return PastOrdeal(FileHome(tmp_path / "ledger.db"), vendor)


def stop_once_handed_in(past: PastOrdeal) -> str | None:
    """A backfill that somebody stops while its first batch is at the vendor."""
    past.witness = lambda ordeal, moment: (
        ordeal.clock.stop() if moment == "batch_handed_in.committed" else None
    )
    stopped = past.run()
    past.witness = lambda *_: None
    past.clock.resume()
    return stopped


def batched(past: PastOrdeal, model: str) -> list[str]:
    return sorted(ticket for ticket, asked in past.handed_in().elements() if asked == model)


def test_each_question_is_handed_in_once_and_guardrail_words_never_are(past: PastOrdeal) -> None:
    lead, sure, doubt, word, again = past.grew_old(
        "confident", "confident", "doubtful", "guardrail", "doubtful"
    )

    stopped = past.run()

    assert stopped is None
    assert audit(past) == []
    assert batched(past, CHEAP) == [sure, doubt, again]  # the first one was asked directly
    assert batched(past, STRONG) == [again]
    assert word not in {ticket for ticket, _ in past.paid()}
    assert past.paid()[lead, CHEAP] == 1


def test_a_backlog_is_done_on_postgresql_too(vendor: Vendor, postgres: Schema) -> None:
    open_store(postgres.url, clock=vendor.time).close()
    with closing(SchemaHome(postgres)) as home:
        past = PastOrdeal(home, vendor, ("batch_handed_in.committed",))
        past.grew_old("confident", "doubtful", "doubtful")

        past.run_to_the_end()

        assert past.kills == ["batch_handed_in.committed"]
        assert audit(past) == []


def test_what_is_handed_in_says_nothing_about_a_ticket_and_has_legal_names(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")

    past.run()

    names = [each.custom_id for each in past.vendor.claude.batched][-2:]
    assert all(re.fullmatch(r"[0-9a-f]{16}-\d+", each) for each in names)


def test_a_batch_costs_half_and_the_purse_and_the_ledger_know_it(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")

    past.run()

    rows = past.rows(
        "SELECT batch, cost_micro_usd, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens"
        " FROM model_calls ORDER BY id"
    )
    prices = (Decimal("0.10"), Decimal("0.50"), Decimal("0.125"), Decimal("0.01"))
    total = Decimal(0)
    for batch, cost, *tokens in rows:
        listed = sum(count * price for count, price in zip(tokens, prices, strict=True))
        due = listed / 2 if batch is not None else listed
        assert abs(cost - due) <= 1  # of a millionth
        total += due
    assert [row[0] is None for row in rows] == [True, False, False]
    assert abs(past.purse.spent_usd * 1_000_000 - total) < 1


def test_what_expires_is_handed_in_again_and_costs_nothing(past: PastOrdeal, fates: Fates) -> None:
    _, slow, _ = past.grew_old("confident", "confident", "confident")
    fates.planned[slow] = "expired"

    stopped = past.run()

    assert stopped is None
    assert past.handed_in()[slow, CHEAP] == 2
    assert past.paid()[slow, CHEAP] == 1
    assert past.writes() == dict.fromkeys(past.kinds, 1)
    assert past.rows("SELECT cost_micro_usd FROM model_calls WHERE error = 'batch_expired'") == [(0,)]


def test_what_fails_in_a_batch_is_asked_directly(past: PastOrdeal, fates: Fates) -> None:
    _, broken, _ = past.grew_old("confident", "confident", "confident")
    fates.planned[broken] = Rejected(500, "Internal server error")

    stopped = past.run()

    assert stopped is None
    assert past.handed_in()[broken, CHEAP] == 1
    assert past.paid()[broken, CHEAP] == 1
    assert audit(past) == []


def test_what_somebody_canceled_is_not_handed_in_again_by_the_same_run(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")

    def cancel(ordeal: PastOrdeal, moment: str) -> None:
        if moment == "batch_handed_in.committed":
            with vendor_client(ordeal) as client:
                client.messages.batches.cancel(ordeal.vendor.claude.batched[-1].batch_id)

    past.witness = cancel
    stopped = past.run()
    past.witness = lambda *_: None
    handed_in = past.handed_in()
    after = past.run()

    assert stopped == "somebody canceled 2 questions at Claude"
    assert set(handed_in.values()) == {1}
    assert after is None
    assert past.writes() == dict.fromkeys(past.kinds, 1)


def test_a_stop_leaves_the_batch_to_the_next_run(past: PastOrdeal) -> None:
    past.grew_old("confident", "doubtful", "confident")

    stopped = stop_once_handed_in(past)
    past.clock.advance(3600)
    after = past.run()

    assert stopped is not None
    assert "1 batch goes on at Claude" in stopped
    assert after is None
    assert audit(past) == []


def test_a_run_without_batches_takes_the_answers_of_those_that_are_open(past: PastOrdeal) -> None:
    past.grew_old("confident", "doubtful", "confident")
    stop_once_handed_in(past)

    after = past.run(in_batches=False)

    assert after is None
    assert batched(past, STRONG) == []
    assert audit(past) == []


@pytest.mark.parametrize("lost", [lose_response(), answer(502), html()])
def test_a_batch_of_unclear_fate_is_found_or_handed_in_but_never_both(past: PastOrdeal, lost: Any) -> None:
    past.grew_old("confident", "doubtful", "confident", "doubtful")
    past.vendor.claude.faults.add(Fault(lost, method="POST", path="/batches$"))

    stopped = past.run()

    assert stopped is None
    assert len(past.vendor.claude.faults.fired) >= 1
    assert audit(past) == []


def test_somebody_elses_batch_of_the_same_size_is_not_taken_for_ours(past: PastOrdeal) -> None:
    past.grew_old("confident", "doubtful", "confident")
    said = {"role": "user", "content": '{"subject": "x confident"}'}
    params: Any = {"model": CHEAP, "max_tokens": 1024, "messages": [said]}
    with vendor_client(past) as client:
        client.messages.batches.create(
            requests=[{"custom_id": f"theirs-{number}", "params": params} for number in range(2)]
        )
    past.vendor.claude.faults.add(Fault(answer(502), method="POST", path="/batches$"))

    stopped = past.run()

    assert stopped is None
    assert audit(past) == []


def test_results_that_are_gone_count_as_paid_and_the_tickets_are_asked_again(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")
    stop_once_handed_in(past)
    past.clock.advance(30 * 86_400)

    stopped = past.run()

    assert stopped is None
    lost = past.rows("SELECT cost_micro_usd = reserve_micro_usd FROM model_calls WHERE state = 'lost'")
    assert [bool(row[0]) for row in lost] == [True, True]
    assert past.writes() == dict.fromkeys(past.kinds, 1)


def test_a_line_that_nobody_can_read_costs_only_its_own_ticket_another_question(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")

    def spoiled(response: Response) -> Response:
        first, *rest = response.body.splitlines(keepends=True)
        return Response(response.status, response.headers, first[: len(first) // 2] + b"\n" + b"".join(rest))

    past.vendor.claude.faults.add(Fault(alter(spoiled), path="/results$"))

    stopped = past.run()

    assert stopped is None
    assert sorted(past.paid().values()) == [1, 1, 2]
    assert past.writes() == dict.fromkeys(past.kinds, 1)


def test_a_vendor_that_is_silent_for_minutes_ends_no_run(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")
    past.vendor.claude.faults.add(Fault(refuse(529), path="/batches/msgbatch", times=5))

    stopped = past.run()

    assert stopped is None
    assert audit(past) == []


@pytest.mark.parametrize(("times", "reason"), [(2, None), (None, OUT_OF_PATIENCE)])
def test_a_vendor_that_takes_no_batch_gets_it_a_little_later_or_with_the_next_run(
    past: PastOrdeal, times: int | None, reason: str | None
) -> None:
    past.grew_old("confident", "confident", "confident")
    slow_down = refuse(429, headers={"retry-after": "60"})
    past.vendor.claude.faults.add(Fault(slow_down, method="POST", path="/batches$", times=times))

    stopped = past.run()
    past.vendor.claude.faults.clear()
    after = past.run()

    assert stopped == reason
    assert RateLimited.__name__ in {row[0] for row in past.rows("SELECT reason FROM batches")}
    assert after is None
    assert audit(past) == []


def test_a_setting_that_the_model_refuses_shows_before_anything_is_handed_in(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident", "confident")
    wrong = refuse(400, "output_config.effort: Input should be 'low'")
    past.vendor.claude.faults.add(Fault(wrong, method="POST", path="/v1/messages$"))

    with pytest.raises(SettingsError, match="output_config"):
        past.run()

    assert not past.handed_in()
    assert past.run() is None
    assert audit(past) == []


def test_a_small_purse_hands_in_what_it_can_pay_waits_for_the_bill_and_goes_on(
    past: PastOrdeal, vendor: Vendor
) -> None:
    past.grew_old("confident", *["confident"] * 6)
    direct = vendor.classifier.reserve_usd(*_question())
    limit = direct * Decimal("1.5")  # the reserve of three questions in a batch
    past.purse = Purse(limit)

    stopped = past.run()

    assert stopped is None
    sizes = [int(row[0]) for row in past.rows("SELECT questions FROM batches ORDER BY id")]
    assert max(sizes) <= 3
    assert sum(sizes) == 6
    assert past.purse.spent_usd <= limit
    assert audit(past) == []


def test_an_empty_purse_hands_in_nothing_and_leaves_the_rest_to_another_run(past: PastOrdeal) -> None:
    past.grew_old("confident", "confident")
    past.purse = Purse(Decimal("0.000001"))

    stopped = past.run()
    asked = past.paid().total()
    past.purse = Purse()
    after = past.run()

    assert stopped is not None
    assert "could exceed the limit" in stopped
    assert (asked, past.handed_in().total()) == (0, 1)
    assert after is None
    assert audit(past) == []


def test_portions_are_handed_in_without_waiting_for_each_other(past: PastOrdeal) -> None:
    past.grew_old(*["confident"] * 5)

    past.run(portion=2)

    handed_in = past.rows("SELECT submitted_at FROM batches ORDER BY id")
    ended = past.rows("SELECT min(ended_at) FROM batches")
    assert len(handed_in) == 3
    assert max(row[0] for row in handed_in) <= ended[0][0]
    assert audit(past) == []


def test_words_that_are_forgotten_while_in_a_batch_do_not_come_back_with_it(past: PastOrdeal) -> None:
    _, gone, _ = past.grew_old("confident", "confident", "confident")
    stop_once_handed_in(past)
    with closing(open_store(past.home.url, clock=past.clock)) as store:
        store.eraser("memory").forget(Whose(tickets=(gone,)))

    stopped = past.run()

    assert stopped is None
    rows = past.rows(
        "SELECT c.answer, s.erased_because, s.lane, s.state FROM model_calls c"
        " JOIN submissions s ON s.id = c.submission_id WHERE s.ticket_id = ?",
        gone,
    )
    assert rows == [(None, Erasure.REQUEST.value, "live", "pending")]  # the service brings it to a person
    assert past.writes() == {ticket: 1 for ticket in past.kinds if ticket != gone}


def _question() -> Any:
    from connector.domain.classification import Tier

    return Tier.CHEAP, {"subject": "s1-1 confident", "text": "You charged my card twice."}


def vendor_client(past: PastOrdeal) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="key", base_url=past.vendor.claude.url, max_retries=0)
