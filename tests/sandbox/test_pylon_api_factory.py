"""Generated issues: mixed, repeatable, and really what their kind says."""

from __future__ import annotations

from connector.sandbox.issue_factory import FOREIGN, populate
from connector.sandbox.pylon_api import PylonSandbox
from connector.sandbox.ticket_factory import DEFAULT_MIX, ORIGINALS, Kind

_NOW = 1_795_000_000.0


def filled(count: int, seed: int = 7) -> tuple[PylonSandbox, dict[Kind, list[str]]]:
    with PylonSandbox(lambda: _NOW) as sandbox:
        return sandbox, populate(sandbox, count, seed)


def test_the_same_seed_makes_the_same_issues_and_another_one_others() -> None:
    (first, kinds), (second, again), (third, _) = filled(60), filled(60), filled(60, seed=8)

    assert kinds == again
    assert first.issues() == second.issues() != third.issues()


def test_every_kind_that_pylon_has_occurs_and_the_numbers_add_up() -> None:
    sandbox, made = filled(300)

    assert set(made) == set(Kind) - FOREIGN
    assert all(made.values())
    assert sum(map(len, made.values())) == 300
    assert len(sandbox.issues()) == 300 - len(made[Kind.DELETED])


def test_originals_keep_their_share_although_some_kinds_are_missing() -> None:
    _, made = filled(1000)

    share = sum(weight for kind, weight in DEFAULT_MIX.items() if kind in ORIGINALS) / sum(
        DEFAULT_MIX.values()
    )
    assert abs(sum(len(made[kind]) for kind in ORIGINALS) / 1000 - share) < 0.02


def test_originals_are_new_unrouted_and_by_a_customer_and_the_others_are_not() -> None:
    sandbox, made = filled(300)
    issues = sandbox.issues()

    def may_be_original(issue_id: str) -> bool:
        issue, first = issues[issue_id], sandbox.messages(issue_id)[0]
        untouched = issue.team_id is None and issue.assignee_id is None and issue.parent_id is None
        return untouched and issue.state == "new" and first.contact_id is not None

    assert all(may_be_original(each) for kind in ORIGINALS for each in made[kind])
    others = [each for kind in made if kind not in ORIGINALS for each in made[kind] if each in issues]
    assert others
    assert not any(may_be_original(each) for each in others)
