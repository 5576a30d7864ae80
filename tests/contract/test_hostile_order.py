"""Checkpoints under hostile orders of events: whatever happens between pages, no final state is missed.

Each seed is a short life of an account: people change tickets within the same instant or between two pages,
passes are cut off after any page, the connector starts again from what it stored, or from a backup.  The
events are the seed's; an adapter that fetches ahead decides by its own speed which page shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import pytest

from connector.clock import ManualClock
from connector.domain.ticket import Page, Status, Ticket
from tests.contract.account import Account

_SEEDS_AT_A_TIME = 25
_EVENTS = 14
_PAUSES = (0, 0, 0, 0.3, 1, 5, 61, 100)


@dataclass(frozen=True)
class Stored:
    """What the connector has on disk: the checkpoint, and the revisions that came with the pages up to it."""

    checkpoint: str | None = None
    revisions: frozenset[tuple[str, str, str]] = frozenset()

    def with_page(self, page: Page) -> Stored:
        """Revisions and checkpoint in one transaction."""
        arrived = frozenset((each.id, each.version, each.fingerprint) for each in page.tickets)
        return Stored(page.checkpoint or self.checkpoint, self.revisions | arrived)


@dataclass
class Life:
    """One seed: an account with its people, and a connector that is cut off, restarted and restored."""

    account: Account
    clock: ManualClock
    random: Random
    groups: list[str]
    tickets: list[str] = field(default_factory=list)
    stored: Stored = Stored()
    backups: list[Stored] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start_at: datetime = self.clock.now() - timedelta(minutes=1)

    def people_do_something(self) -> None:
        """One to four things in the same instant, then perhaps some time."""
        for _ in range(self.random.randint(1, 4)):
            self._person_does_something()
        self.clock.advance(self.random.choice(_PAUSES))

    def _person_does_something(self) -> None:
        if len(self.tickets) < 3 or (len(self.tickets) < 9 and self.random.random() < 0.3):
            self.tickets.append(self.account.open(f"Question {len(self.tickets)}"))
            return
        ticket_id = self.random.choice(self.tickets)
        match self.random.randrange(4):
            case 0:
                self.account.person_sets(ticket_id, group=self.random.choice(self.groups))
            case 1:
                self.account.person_sets(ticket_id, tags=[f"mark_{self.random.randrange(1000)}"])
            case 2:
                self.account.person_sets(ticket_id, status=self.random.choice([Status.OPEN, Status.PENDING]))
            case _:
                self.account.customer_replies(ticket_id, "Any news?")

    def connector_reads(self) -> None:
        """A pass: the world moves between its pages, and it may be killed before or after storing one."""
        for page in self._pages():
            if self.random.random() < 0.15:
                return  # killed: this page was read and never stored
            self.stored = self.stored.with_page(page)
            if self.random.random() < 0.5:
                self.people_do_something()
            if self.random.random() < 0.1:
                return  # killed right after storing

    def connector_is_restored(self) -> None:
        """The disk is that of an earlier day; everything since is read anew."""
        if self.backups:
            self.stored = self.random.choice(self.backups)

    def read_to_the_end(self) -> None:
        self.account.settle()
        for page in self._pages():
            self.stored = self.stored.with_page(page)

    def _pages(self) -> Iterator[Page]:
        return self.account.helpdesk.pages(self.stored.checkpoint, self.start_at)

    def live(self) -> None:
        for _ in range(_EVENTS):
            match self.random.randrange(8):
                case 0 | 1 | 2 | 3:
                    self.people_do_something()
                case 4 | 5 | 6:
                    self.connector_reads()
                    self.backups.append(self.stored)
                case _:
                    self.connector_is_restored()
        self.read_to_the_end()

    def missed(self) -> list[str]:
        """The tickets whose present state never arrived."""
        now = self.account.helpdesk.fetch(self.tickets)
        assert set(now) == set(self.tickets)
        final = {
            (each.id, each.version, each.fingerprint) for each in now.values() if isinstance(each, Ticket)
        }
        assert len(final) == len(self.tickets)
        return sorted(ticket_id for ticket_id, *_ in final - self.stored.revisions)


def lives(account: Account, clock: ManualClock, seeds: range) -> Iterator[tuple[int, Life]]:
    """The same account leads one life per seed; an hour lies between two."""
    groups = [account.add_group("Billing"), account.add_group("Security")]
    for seed in seeds:
        clock.advance(3600)
        life = Life(account, clock, Random(seed), groups)  # noqa: S311 - seeded chance, not secrets
        life.live()
        yield seed, life


@pytest.mark.parametrize("first", range(0, 200, _SEEDS_AT_A_TIME))
def test_no_final_state_is_missed_in_any_order_of_changes_pages_kills_and_restores(
    small_pages: Account, clock: ManualClock, first: int
) -> None:
    missed = {
        seed: life.missed()
        for seed, life in lives(small_pages, clock, range(first, first + _SEEDS_AT_A_TIME))
    }

    assert {seed: tickets for seed, tickets in missed.items() if tickets} == {}
    assert len(missed) == _SEEDS_AT_A_TIME


def test_the_simulation_notices_a_checkpoint_that_runs_ahead_of_what_was_stored(
    small_pages: Account, clock: ManualClock
) -> None:
    ticket_ids = [small_pages.open(f"Question {number}") for number in range(5)]
    life = Life(small_pages, clock, Random(1), [], ticket_ids)  # noqa: S311 - seeded chance, not secrets
    clock.advance(12 * 3600)  # longer than any overlap
    *_, last = life.account.helpdesk.pages(None, life.start_at)
    life.stored = replace(life.stored, checkpoint=last.checkpoint)

    life.read_to_the_end()

    assert life.missed()
