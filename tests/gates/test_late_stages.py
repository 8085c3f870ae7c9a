"""Harden's and Optimize's red flags as the portal sees them by itself, and O4: savings that are measured."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.gates import actions, queries
from apps.gates.freshness import Standing
from apps.rollouts.models import Rollout, RolloutTransition
from apps.telemetry.queries import Totals
from apps.workloads.models import Workload
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.gates.test_gates import JOURNEY, arrive, ask, put
from tests.rollouts.factory import running
from tests.world import NOW, World

DAY = timedelta(days=1)
PLAN = {
    "rows": [
        {"metric": metric, "target": 1, "by": "2027-02-01", "what": "w"}
        for metric in ("accuracy", "throughput", "cost per transaction")
    ]
}


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def flags(world: World, stage: str, now: datetime = NOW) -> list[str]:
    world.workload.refresh_from_db()
    return queries.gate(world.workload, stage, now).red_flags


def test_an_agent_that_answers_and_sends_no_record_is_monitored_too_late(world: World, tenant: None) -> None:
    assert flags(world, "harden") == []
    Workload.objects.update(serving_version=world.stable)
    told = ["The agent answers people and no record of it has arrived: monitoring comes after launch."]
    assert flags(world, "harden") == told
    Workload.objects.update(stage="harden")
    world.workload.refresh_from_db()
    with pytest.raises(Refused, match="monitoring comes after launch"):
        ask(world, "harden")
    arrive(world)
    assert flags(world, "harden") == []


def test_a_rollout_that_serves_counts_too(world: World) -> None:
    running(world)
    with tenant_transaction(world.tenant.id):
        assert len(flags(world, "harden")) == 1


def at_full_volume(world: World, at: datetime) -> None:
    rollout = running(world)
    with tenant_transaction(world.tenant.id):
        Rollout.objects.filter(id=rollout.id).update(state="completed", note="")
        RolloutTransition.objects.create(
            tenant=world.tenant,
            rollout=rollout,
            revision=99,
            before="running",
            after="completed",
            phase=4,
            share=10_000,
            reason="r",
            created_at=at,
        )
        Workload.objects.update(stage="optimize", serving_version=world.candidate)


def test_thirty_days_at_full_volume_without_a_plan_are_a_red_flag(world: World) -> None:
    at_full_volume(world, NOW - 30 * DAY)
    with tenant_transaction(world.tenant.id):
        assert flags(world, "optimize", NOW - timedelta(microseconds=1)) == []
        assert flags(world, "optimize") == ["Nobody planned anything in the 30 days after 2026-10-21."]
        put(world, "ninety_day_plan", PLAN)
        assert flags(world, "optimize") != [], "a plan that comes too late doesn't undo it"
        world.workload.refresh_from_db()
        actions.go_back(
            workload=world.workload,
            stage="deploy",
            by=world.alice,
            actor=world.actor(world.alice),
            now=NOW,
            reason="earn it again",
        )
        assert flags(world, "optimize", NOW + 29 * DAY) == []
        assert flags(world, "optimize", NOW + 30 * DAY) == ["Nobody planned anything in the 30 days after 2026-11-20."]
        put(world, "ninety_day_plan", PLAN, now=NOW + 29 * DAY)
        assert flags(world, "optimize", NOW + 30 * DAY) == []


def test_a_plan_within_the_thirty_days_is_none(world: World) -> None:
    at_full_volume(world, NOW - 29 * DAY)
    with tenant_transaction(world.tenant.id):
        put(world, "ninety_day_plan", PLAN)
        assert flags(world, "optimize", NOW + 300 * DAY) == []


def o4(world: World) -> Standing:
    return next(s for s in queries.gate(world.workload, "optimize", NOW).standings if s.criterion.id == "O4")


def test_what_is_saved_is_measured_and_only_where_it_goes_is_said(
    world: World, tenant: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lately = Totals(n=1_000, errors=0, usage_missing=0, cost_n=1_000, cost_sum=500.0, last_at=NOW)
    monkeypatch.setattr("apps.telemetry.queries.totals", lambda *args: lately)
    assert o4(world).state == "not_reported"
    put(world, "reinvestment", {"spent_on": "A second eval set."})
    assert "isn't written down" in o4(world).why
    put(world, "core_journey", {**JOURNEY, "cost_before": 4})
    assert o4(world).why == (
        "1000 transactions in 30 days at 0.5 each instead of 4: 3,500 saved, spent on: A second eval set."
    )
    put(world, "core_journey", {**JOURNEY, "cost_before": 0.5})
    assert (o4(world).state, o4(world).why.endswith("nothing is saved.")) == ("fail", True)
    silent: Any = Totals(n=1_000, errors=0, usage_missing=0, cost_n=0, cost_sum=0.0, last_at=NOW)
    monkeypatch.setattr("apps.telemetry.queries.totals", lambda *args: silent)
    assert "nothing can be said to be saved" in o4(world).why
