"""Before going live: what the token may do, and whether fields and tags are there, without a change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connector.clock import ManualClock
from connector.errors import AuthRefused
from connector.helpdesk.pylon import Needs, connect_pylon
from connector.helpdesk.remark import Remark
from connector.sandbox.faults import Fault
from connector.sandbox.pylon_api import PylonSandbox, mishaps
from connector.sandbox.pylon_api.refusal import Refused

ALL = Needs(frozenset({"urgent", "high", "normal", "low"}), "ai_", ("plan",))


@pytest.fixture
def tenant(clock: ManualClock) -> Iterator[PylonSandbox]:
    with PylonSandbox(clock.timestamp, rate_limits=False) as sandbox:
        yield sandbox


def remarks(tenant: PylonSandbox, clock: ManualClock, needs: Needs = ALL) -> dict[str, Remark]:
    pylon = connect_pylon(name="pylon", base_url=tenant.url, clock=clock, api_token=tenant.token)
    try:
        return {each.about: each for each in pylon.readiness(needs)}
    finally:
        pylon.close()


def test_an_organization_with_everything_is_ready_and_was_not_changed(
    tenant: PylonSandbox, clock: ManualClock
) -> None:
    tenant.add_field("plan", object_type="account")
    tenant.add_tag("ai_team__billing")
    tenant.create_issue("Help", "<p>x</p>")
    before = tenant.issues()

    told = remarks(tenant, clock)

    assert set(told) == {"reading", "writing", "priority", "accounts", "tags"}
    assert all(each.is_fine for each in told.values())
    assert tenant.issues() == before
    assert tenant.writes() == ()


def test_a_token_that_may_only_read_is_told(tenant: PylonSandbox, clock: ManualClock) -> None:
    tenant.access.read_only = True

    told = remarks(tenant, clock)

    assert told["reading"].is_fine
    assert not told["writing"].is_fine
    assert "read and not write" in told["writing"].detail


def test_a_token_that_may_not_read_messages_is_told(tenant: PylonSandbox, clock: ManualClock) -> None:
    tenant.create_issue("Help", "<p>x</p>")
    refused = mishaps.refuse(Refused(403, "no", code="permission_denied"))
    tenant.faults.add(Fault(refused, path="/messages$"))

    told = remarks(tenant, clock)

    assert not told["reading"].is_fine
    assert "may not do this" in told["reading"].detail


def test_a_missing_priority_field_is_told_with_the_way_out(tenant: PylonSandbox, clock: ManualClock) -> None:
    del tenant.world.fields["issue", "priority"]

    told = remarks(tenant, clock)["priority"]

    assert not told.is_fine
    assert "[write] priority = false" in told.detail


def test_a_priority_field_without_the_options_that_we_write_is_told(
    tenant: PylonSandbox, clock: ManualClock
) -> None:
    field = tenant.world.fields["issue", "priority"]
    tenant.world.fields["issue", "priority"] = replace(field, options=("urgent", "high", "low"))

    told = remarks(tenant, clock)["priority"]

    assert not told.is_fine
    assert "no option medium" in told.detail


def test_a_read_only_priority_field_is_told(tenant: PylonSandbox, clock: ManualClock) -> None:
    field = tenant.world.fields["issue", "priority"]
    tenant.world.fields["issue", "priority"] = replace(field, read_only=True)

    assert "read-only" in remarks(tenant, clock)["priority"].detail


def test_who_writes_no_priority_and_needs_no_tier_hears_nothing_of_them(
    tenant: PylonSandbox, clock: ManualClock
) -> None:
    assert set(remarks(tenant, clock, Needs(tag_prefix="ai_"))) == {"reading", "writing", "tags"}


def test_an_account_field_that_is_not_there_is_named(tenant: PylonSandbox, clock: ManualClock) -> None:
    tenant.add_field("contract", object_type="account")

    told = remarks(tenant, clock)["accounts"]

    assert not told.is_fine
    assert "no custom field plan" in told.detail
    assert "contract" in told.detail


def test_without_any_of_our_tags_the_first_written_issue_should_be_looked_at(
    tenant: PylonSandbox, clock: ManualClock
) -> None:
    told = remarks(tenant, clock)["tags"]

    assert not told.is_fine
    assert "first issue" in told.detail


def test_a_token_that_is_refused_as_such_is_no_remark(tenant: PylonSandbox, clock: ManualClock) -> None:
    tenant.access.revoked = True

    with pytest.raises(AuthRefused):
        remarks(tenant, clock)
