"""Paid answers survive their process, hold no words, and never cost more than was allowed."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from connector.domain.classification import Answer, Classification, Tier
from connector.errors import RateLimited, SettingsError, Unavailable
from connector.llm.remembered import AnswersFile, RememberedAnswers
from tests.support.world import ScriptedModel

TICKET = {"subject": "Charged twice", "text": "Secret words of Jane"}
MANNER = {Tier.CHEAP: "short", Tier.STRONG: "long"}


@pytest.fixture
def model(labelled: Callable[..., Classification]) -> ScriptedModel:
    return ScriptedModel(lambda tier, _: replace(labelled(tier), reason="Jane was charged twice"))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], AnswersFile]]:
    files: list[AnswersFile] = []

    def open_it() -> AnswersFile:
        files.append(AnswersFile(tmp_path / "answers.jsonl"))
        return files[-1]

    yield open_it
    for each in files:
        each.close()


def test_a_second_run_pays_for_nothing_and_gets_the_same_labels_and_costs(
    model: ScriptedModel, opened: Callable[[], AnswersFile]
) -> None:
    first = RememberedAnswers(model, opened(), MANNER)
    paid = first.ask(Tier.CHEAP, TICKET)

    second = RememberedAnswers(model, opened(), MANNER)
    remembered = second.ask(Tier.CHEAP, TICKET)

    assert len(model.asked) == 1
    assert (first.spent_usd, second.spent_usd) == (Decimal("0.0001"), Decimal(0))
    assert (first.remembered, second.remembered) == (0, 1)
    assert remembered.usage == paid.usage
    assert paid.classification is not None
    assert remembered.classification == replace(paid.classification, reason="")


def test_an_answer_that_could_not_be_used_was_paid_and_is_remembered_too(
    opened: Callable[[], AnswersFile],
) -> None:
    model = ScriptedModel(lambda _tier, _ticket: "refusal")
    RememberedAnswers(model, opened(), MANNER).ask(Tier.CHEAP, TICKET)

    answer = RememberedAnswers(model, opened(), MANNER).ask(Tier.CHEAP, TICKET)

    assert (answer.unusable, len(model.asked)) == ("refusal", 1)


def test_another_question_is_asked_anew(model: ScriptedModel, opened: Callable[[], AnswersFile]) -> None:
    file = opened()
    RememberedAnswers(model, file, MANNER).ask(Tier.CHEAP, TICKET)

    RememberedAnswers(model, file, MANNER).ask(Tier.CHEAP, TICKET | {"text": "Other words"})
    RememberedAnswers(model, file, MANNER).ask(Tier.STRONG, TICKET)
    RememberedAnswers(model, file, {Tier.CHEAP: "with more effort"}).ask(Tier.CHEAP, TICKET)
    model.prompt_version = "p2"
    RememberedAnswers(model, file, MANNER).ask(Tier.CHEAP, TICKET)

    assert len(model.asked) == 5


def test_the_file_is_private_and_has_no_word_of_customer_or_model(
    model: ScriptedModel, opened: Callable[[], AnswersFile], tmp_path: Path
) -> None:
    RememberedAnswers(model, opened(), MANNER).ask(Tier.CHEAP, TICKET)

    path = tmp_path / "answers.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [word for word in ("Jane", "Charged", "Secret", "charged") if word in path.read_text()]


def test_the_line_of_a_killed_process_costs_one_answer_and_no_other(
    model: ScriptedModel, opened: Callable[[], AnswersFile], tmp_path: Path
) -> None:
    other = TICKET | {"text": "Other"}
    for ticket in (TICKET, other):
        RememberedAnswers(model, opened(), MANNER).ask(Tier.CHEAP, ticket)
    path = tmp_path / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    for _ in range(2):
        again = RememberedAnswers(model, opened(), MANNER)
        again.ask(Tier.CHEAP, TICKET)
        again.ask(Tier.CHEAP, other)

    assert len(model.asked) == 3


def test_a_file_that_cannot_be_opened_is_said_before_anything_is_paid(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--answers"):
        AnswersFile(tmp_path / "nowhere" / "answers.jsonl")


def test_threads_together_never_exceed_the_limit_and_the_end_is_told(model: ScriptedModel) -> None:
    told: list[bool] = []
    # A call may cost 0.01 and does cost 0.0001: after 21 calls the next could exceed 0.012.
    answers = RememberedAnswers(model, None, MANNER, Decimal("0.012"), lambda: told.append(True))

    def ask(number: int) -> bool:
        try:
            answers.ask(Tier.CHEAP, TICKET | {"text": str(number)})
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = sum(pool.map(ask, range(60)))

    assert answered == 21
    assert answers.spent_usd == Decimal("0.0021")
    assert answers.out_of_money
    assert len(told) == 39


def test_what_is_remembered_is_free_when_the_money_is_spent(
    model: ScriptedModel, opened: Callable[[], AnswersFile]
) -> None:
    file = opened()
    RememberedAnswers(model, file, MANNER).ask(Tier.CHEAP, TICKET)

    answers = RememberedAnswers(model, file, MANNER, Decimal(0))

    assert answers.ask(Tier.CHEAP, TICKET).classification is not None
    with pytest.raises(RateLimited):
        answers.ask(Tier.STRONG, TICKET)


def test_a_call_that_failed_gives_its_reserve_back_and_is_not_remembered(
    labelled: Callable[..., Classification], opened: Callable[[], AnswersFile]
) -> None:
    replies = iter([Unavailable("busy")])
    model = ScriptedModel(lambda tier, _: next(replies, None) or labelled(tier))
    answers = RememberedAnswers(model, opened(), MANNER, Decimal("0.01"))

    with pytest.raises(Unavailable):
        answers.ask(Tier.CHEAP, TICKET)
    answers.ask(Tier.CHEAP, TICKET)

    assert answers.spent_usd == Decimal("0.0001")


def test_an_answer_without_a_price_counts_as_the_most_it_can_cost(model: ScriptedModel) -> None:
    class Unpriced(ScriptedModel):
        def ask(self, tier: Tier, ticket: object) -> Answer:
            answer = super().ask(tier, ticket)  # type: ignore[arg-type]
            return replace(answer, usage=replace(answer.usage, cost_usd=None))

    answers = RememberedAnswers(Unpriced(model.reply), None, MANNER, Decimal("0.02"))
    answers.ask(Tier.CHEAP, TICKET)

    assert (answers.spent_usd, answers.unpriced) == (Decimal("0.01"), 1)


def test_it_is_closed_without_harm(tmp_path: Path) -> None:
    with closing(AnswersFile(tmp_path / "answers.jsonl")) as file:
        assert file.get("nothing") is None
