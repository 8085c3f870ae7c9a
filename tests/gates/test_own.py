"""STAGE-1, S2 and S8: a tenant asks for more, announces it, and says by a rule whom it concerns."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.gates import actions as gating
from apps.gates import queries, sweep
from apps.gates.freshness import State
from apps.gates.models import Evidence, OwnCriterion
from apps.gates.own import actions
from apps.gates.own import queries as own
from apps.gates.replaying import replay_gate
from apps.gates.sources import _sources
from apps.tenants import queries as tenants
from apps.workloads.models import Workload
from portal.errors import Forbidden, Invalid, Refused
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.gates.test_gates import JOURNEY, ask, put, signed, summary
from tests.pages.test_pages import signed_in
from tests.world import NOW, World

DAY = timedelta(days=1)
TODAY = date(2026, 11, 20)
HOLDS = {"holds": "yes", "shown_by": "The regulator's letter of May."}


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def added(world: World, by: str = "adam", **changes: Any) -> OwnCriterion:
    user = getattr(world, by)
    values: dict[str, Any] = {
        "stage": "pilot",
        "title": "The works council agreed",
        "intro": "Their letter, of this year.",
        "counts_from": TODAY,
        **changes,
    }
    return actions.add_criterion(tenant_id=world.tenant.id, by=user, actor=world.actor(user), now=NOW, **values)


def pt1(world: World, now: datetime = NOW) -> Any:
    return next(s for s in queries.gate(world.workload, "pilot", now).standings if s.criterion.id == "PT1")


def test_s2_what_does_not_concern_this_kind_of_workload_is_left_out(world: World, tenant: None) -> None:
    Workload.objects.update(shape="chat", sensitivity="internal", customer_facing=False)
    world.workload.refresh_from_db()
    added(world, shapes=["code"])
    found = pt1(world)
    assert (found.state, found.is_open) == (State.NOT_APPLICABLE, True)
    assert found.why == "It concerns code; this is chat."
    Workload.objects.update(shape="code")
    world.workload.refresh_from_db()
    assert (pt1(world).state, pt1(world).is_open) == (State.NOT_REPORTED, False)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"sensitivities": ["regulated"]}, "It concerns regulated data; this has internal."),
        ({"customer_facing_only": True}, "It concerns what customers meet; this they don't."),
    ],
)
def test_s2_the_rule_looks_at_the_workload_and_nobody_ticks_it_off(
    world: World, tenant: None, rule: dict[str, Any], why: str
) -> None:
    added(world, **rule)
    assert pt1(world).why == why
    Workload.objects.update(sensitivity="regulated", customer_facing=True)
    world.workload.refresh_from_db()
    assert pt1(world).state == State.NOT_REPORTED


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("UTC", datetime(2026, 12, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 12, 1, 5, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 11, 30, 11, tzinfo=UTC)),
    ],
)
def test_s8_an_announced_criterion_is_shown_and_counts_from_midnight_in_the_tenants_zone(
    world: World, tenant: None, monkeypatch: pytest.MonkeyPatch, zone: str, midnight: datetime
) -> None:
    monkeypatch.setattr(tenants, "zone_of", lambda tenant_id: ZoneInfo(zone))
    added(world, counts_from=date(2026, 12, 1))
    before = pt1(world, midnight - timedelta(microseconds=1))
    assert (before.state, before.is_open) == (State.ANNOUNCED, True)
    assert before.why == f"Counts from {midnight:%Y-%m-%d %H:%M} UTC. Nothing has been reported yet."
    after = pt1(world, midnight)
    assert (after.state, after.is_open) == (State.NOT_REPORTED, False)


def test_s8_the_page_says_who_would_drop(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        row = added(world, counts_from=date(2030, 1, 1), shapes=["other"])
        ((workload, standing),) = own.preview(row, world.actor(world.adam), NOW)
        assert (workload, standing.state) == (world.workload, State.NOT_REPORTED)
        put(world, "own.PT1", HOLDS)
        assert [s.state for _, s in own.preview(row, world.actor(world.adam), NOW)] == [State.PASS]
    page = signed_in("adam").get("/t/acme/criteria/PT1/").content.decode()
    assert "if it counted today, 0 of 1 workload wouldn" in page


def test_its_document_is_recorded_ages_and_says_no_when_it_does_not_hold(world: World, tenant: None) -> None:
    added(world, valid_days=30)
    put(world, "own.PT1", {"holds": "no", "shown_by": "They asked for more time."})
    assert (pt1(world).state, pt1(world).why) == (State.FAIL, "They asked for more time.")
    put(world, "own.PT1", HOLDS)
    assert pt1(world).state == State.PASS
    assert pt1(world, NOW + 23 * DAY).state == State.WARN
    assert pt1(world, NOW + 30 * DAY).state == State.STALE
    with pytest.raises(Invalid, match="no document"):
        put(world, "own.PT9", HOLDS)


def test_people_hear_when_it_runs_out_and_after_it_is_retired_no_more(world: World, tenant: None) -> None:
    row = added(world, valid_days=30)
    made = put(world, "own.PT1", HOLDS)
    common: dict[str, Any] = {"tenant_id": world.tenant.id, "ids": [made.id]}
    assert sweep.tell(now=NOW + 23 * DAY, **common) == 1
    assert OutboxMessage.objects.get(topic="evidence.expiring").payload["what"] == "PT1 The works council agreed"
    actions.retire_criterion(criterion=row, actor=world.actor(world.adam), now=NOW, reason="r")
    assert sweep.tell(now=NOW + 31 * DAY, **common) == 0
    assert Evidence.objects.get(id=made.id).notice_at is None


def test_a_gate_opened_with_it_is_judged_again_with_it_even_after_it_is_retired(
    world: World, tenant: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STAGE-5, S9."""
    monkeypatch.setitem(_sources, "P1", lambda look: summary(190))
    row = added(world)
    added(world, title="Only code", shapes=["code"])
    added(world, title="Next year", counts_from=date(2027, 1, 1))
    put(world, "core_journey", JOURNEY)
    with pytest.raises(Refused, match="PT1: Nothing has been reported"):
        ask(world, "pilot")
    put(world, "own.PT1", HOLDS)
    attempt = ask(world, "pilot")
    assert signed(world, "gate", attempt, "erin") == "granted"
    states = {entry["id"]: entry["state"] for entry in attempt.snapshot["criteria"]}
    assert states == {"P1": "pass", "P2": "pass", "PT1": "pass", "PT2": "not_applicable", "PT3": "announced"}
    actions.retire_criterion(criterion=row, actor=world.actor(world.adam), now=NOW, reason="r")
    Workload.objects.update(shape="code")
    found = replay_gate(world.tenant.id, attempt.id)
    assert found is not None
    assert found[1].agrees(attempt.digest), found[1]


def test_new_evidence_for_it_ends_what_was_being_signed(
    world: World, tenant: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_sources, "P1", lambda look: summary(190))
    added(world)
    put(world, "core_journey", JOURNEY)
    put(world, "own.PT1", HOLDS)
    attempt = ask(world, "pilot")
    put(world, "own.PT1", {**HOLDS, "shown_by": "A newer letter."})
    attempt.refresh_from_db()
    assert attempt.end_reason == "new evidence: PT1 The works council agreed"


def test_one_of_harden_has_no_waiver_either(world: World, tenant: None) -> None:
    added(world, stage="harden")
    Workload.objects.update(stage="harden")
    world.workload.refresh_from_db()
    with pytest.raises(Refused, match="never waived"):
        gating.ask_for_waiver(
            workload=world.workload,
            criterion_id="HT1",
            days=5,
            reason="r",
            requester=world.alice,
            actor=world.actor(world.alice),
            now=NOW,
        )


def test_only_an_admin_adds_one_and_never_for_the_past(world: World, tenant: None) -> None:
    with pytest.raises(Forbidden):
        added(world, by="alice")
    for change in (
        {"counts_from": TODAY - DAY},
        {"stage": "launch"},
        {"title": " "},
        {"shapes": ["square"]},
        {"valid_days": 0},
    ):
        with pytest.raises(Invalid):
            added(world, **change)
    assert not OwnCriterion.objects.exists()


def test_a_code_is_never_used_twice(world: World, tenant: None) -> None:
    row = added(world)
    actions.retire_criterion(criterion=row, actor=world.actor(world.adam), now=NOW, reason="r")
    assert added(world).code == "PT2"


def test_an_admin_adds_one_on_the_page_an_owner_shows_it_and_the_admin_retires_it(world: World) -> None:
    adam, alice = signed_in("adam"), signed_in("alice")
    data = {"stage": "pilot", "title": "Insured", "intro": "A policy.", "counts_from": "2030-01-01"}
    assert alice.post("/t/acme/criteria/new/", data).status_code == 403
    assert adam.post("/t/acme/criteria/new/", {**data, "counts_from": "2020-01-01"}).status_code == 400
    assert adam.post("/t/acme/criteria/new/", data)["Location"] == "/t/acme/criteria/PT1/"
    gate = alice.get("/t/acme/workloads/W-01/gates/pilot/").content.decode()
    assert "Insured" in gate and "announced" in gate
    recorded = alice.post(
        "/t/acme/workloads/W-01/evidence/own.PT1/record/", {"head-holds": "yes", "head-shown_by": "Policy 7"}
    )
    assert recorded.status_code == 302
    assert "Policy 7" in alice.get("/t/acme/workloads/W-01/evidence/own.PT1/").content.decode()
    assert adam.post("/t/acme/criteria/PT1/retire/", {"reason": "sold"}).status_code == 302
    assert "Insured" not in alice.get("/t/acme/workloads/W-01/gates/pilot/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_lists_cost_the_same_at_one_and_at_three(world: World, count: int) -> None:
    with tenant_transaction(world.tenant.id):
        for n in range(count):
            added(world, title=f"N{n}")
    client = signed_in("adam")
    for url, statements in (("/t/acme/criteria/", 11), ("/t/acme/criteria/PT1/", 12)):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        assert len(captured) == statements, url
