from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.local.features import count, learn_lexicon
from connector.local.fitting import fit_head, folds, predict_unseen
from connector.local.training import Trained, TrainingPolicy, digest_of, train
from connector.quality.dataset import LabelledTicket
from tests.support.labels import about_something_else, labelled, ticket

POLICY = TrainingPolicy()


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(labelled(240), POLICY)


def test_it_decides_what_it_has_learnt_and_is_right(trained: Trained) -> None:
    fresh = labelled(100, seed=99)

    labels = [trained.model.predict(each.submission)[Axis.TEAM] for each in fresh]

    decided = [
        label.value == each.on(Axis.TEAM)
        for label, each in zip(labels, fresh, strict=True)
        if not label.why_not
    ]
    assert len(decided) > 50
    assert sum(decided) / len(decided) >= 0.95


def test_it_leaves_alone_what_is_unlike_anything_labelled(trained: Trained) -> None:
    labels = [trained.model.predict(text)[Axis.TEAM] for text in about_something_else(50)]

    assert sum(not label.why_not for label in labels) <= 1


@pytest.mark.parametrize("text", ["", " \n", "?!", "日本語のチケット", "x" * 100_000])
def test_it_has_an_answer_to_any_text_and_decides_no_nonsense(trained: Trained, text: str) -> None:
    label = trained.model.predict(text)[Axis.TEAM]

    assert label.why_not
    assert sum(label.probabilities.values()) == pytest.approx(1)


def test_labels_that_contradict_each_other_let_it_decide_nothing() -> None:
    report = train(labelled(200, noise=0.6), POLICY).reports[0]

    assert report.threshold is None
    assert "95%" in report.remark


def test_under_ten_labels_a_class_it_decides_nothing_and_says_how_many_are_missing() -> None:
    few = [*labelled(90, teams=["billing", "security"]), *labelled(4, teams=["onboarding"], start=500)]

    trained = train(few, POLICY)

    assert trained.reports[0].missing == {"onboarding": 6}
    label = trained.model.predict("welcome workspace: invite, training, kickoff, import")[Axis.TEAM]
    assert label.value != "onboarding" or label.why_not == "needs 6 more labels for onboarding"


def test_an_axis_with_fewer_than_ten_labels_a_class_decides_nothing_at_all() -> None:
    uneven = [
        *labelled(21, teams=["billing"]),
        *labelled(9, teams=["security", "onboarding", "infrastructure"]),
    ]

    report = train(uneven, POLICY).reports[0]

    assert report.threshold is None
    assert report.remark == "needs 10 more labels for its 4 classes"


@pytest.mark.parametrize("tickets", [[], labelled(20, teams=["billing"])])
def test_without_two_classes_there_is_nothing_to_learn(tickets: Sequence[LabelledTicket]) -> None:
    with pytest.raises(SettingsError, match="two classes"):
        train(tickets, POLICY)


def test_an_axis_of_one_class_is_reported_and_left_out() -> None:
    tickets = [replace(each, labels={**each.labels, Axis.SENTIMENT: "neutral"}) for each in labelled(40)]

    trained = train(tickets, POLICY)

    assert set(trained.model.axes) == {Axis.TEAM}
    assert [(each.axis, each.remark) for each in trained.reports][1] == (Axis.SENTIMENT, "needs two classes")


def test_classes_with_a_single_ticket_do_not_stop_training() -> None:
    lonely = [ticket(f"l{at}", "", f"unique{at} words{at}", f"team{at}") for at in range(3)]

    trained = train([*labelled(60), *lonely], POLICY)

    assert trained.reports[0].classes == 7


def test_the_same_labels_give_the_same_model(trained: Trained) -> None:
    again = train(labelled(240), POLICY)

    assert again.reports == trained.reports
    assert again.model.digest == trained.model.digest


def test_the_digest_ignores_the_order_and_notices_labels_and_settings() -> None:
    tickets = labelled(12)

    digest = digest_of(tickets, POLICY)

    assert digest_of(tickets[::-1], POLICY) == digest
    assert digest_of(tickets[1:], POLICY) != digest
    assert digest_of(tickets, TrainingPolicy(target=0.9)) != digest


def test_a_configured_threshold_is_never_undercut() -> None:
    strict = TrainingPolicy(thresholds={Axis.TEAM: 0.999})

    assert train(labelled(240), strict).reports[0].threshold == 0.999


def test_few_texts_are_fitted_in_their_own_span_with_the_same_result() -> None:
    tickets = labelled(120, noise=0.2)
    counts = count([each.submission for each in tickets])
    vectors = learn_lexicon(counts).vectors(counts)
    teams = sorted({str(each.on(Axis.TEAM)) for each in tickets})
    truth = np.array([teams.index(str(each.on(Axis.TEAM))) for each in tickets])

    head = fit_head(vectors, truth, len(teams))

    plainly = LogisticRegression(C=10.0, max_iter=1000, tol=1e-8).fit(vectors, truth)
    assert len(tickets) < vectors.shape[1]
    assert head.probabilities(vectors) == pytest.approx(plainly.predict_proba(vectors), abs=0.01)


def test_words_that_nobody_labelled_speak_for_no_class_and_make_a_text_less_alike(trained: Trained) -> None:
    plain = trained.model.predict("refund this invoice")[Axis.TEAM]

    padded = trained.model.predict("refund this invoice zyxwv qwzxk vvkkq")[Axis.TEAM]

    assert padded.value == plain.value == "billing"
    assert padded.confidence == pytest.approx(plain.confidence, abs=0.05)
    assert padded.similarity < 0.8 * plain.similarity


def test_texts_of_the_same_words_share_a_fold() -> None:
    texts = [f"Invoice {at // 2}{'!' * (at % 2)}" for at in range(100)]

    fold_of = folds(texts, np.zeros(100, dtype=int), 5, seed=1)

    assert all(fold_of[at] == fold_of[at + 1] for at in range(0, 100, 2))
    assert set(Counter(fold_of.tolist()).values()) == {20}


def test_duplicates_do_not_make_guesses_look_learnt() -> None:
    chance = np.random.default_rng(4)
    texts = [f"word{at // 2}a word{at // 2}b" for at in range(200)]
    truth = np.repeat(chance.integers(2, size=100), 2)

    unseen = predict_unseen(texts, count(texts), None, truth, 2, seed=1)

    assert (unseen.probabilities.argmax(axis=1) == truth[unseen.rows]).mean() < 0.7


def test_nearest_names_the_labelled_tickets_most_alike(trained: Trained) -> None:
    ticket = labelled(240)[17]

    found = trained.model.nearest(ticket.submission, 3)

    assert found[0][0] == ticket.ticket_id
    assert found[0][1] == pytest.approx(1, abs=1e-3)
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)


def test_top_classes_are_the_likeliest_first_and_none_on_an_unknown_axis(trained: Trained) -> None:
    found = trained.model.top_classes("refund this invoice, charged twice", Axis.TEAM, 2)

    assert found[0][0] == "billing"
    assert len(found) == 2
    assert trained.model.top_classes("anything", Axis.URGENCY, 2) == ()
