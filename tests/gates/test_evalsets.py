"""WORK-5: from Deploy on, a new version shows itself on the eval set before its rollout can be approved."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.gates.evaluations import evalsets
from apps.gates.evaluations.comparison import Comparison
from apps.gates.models import EvalSet
from apps.rollouts import actions as rollouts
from apps.workloads import actions as workloads
from apps.workloads.models import AgentVersion, Workload
from portal.errors import Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.gates.test_evaluations import load
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import drafted
from tests.signing import approve
from tests.world import NOW, SETUP, World

DAY = timedelta(days=1)


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def run_of(world: World, version: AgentVersion, right: int, n: int = 100, first: int = 0) -> None:
    """A run on the eval set: of inputs ``first`` to ``n`` the first ``right`` are right."""
    rows = "".join(f"q-{i},selected,{int(i - first < right)}\n" for i in range(first, n))
    text = f"input_id,provenance,outcome\n{rows}"
    load(world, text, name=f"{version.label}.csv", purpose="eval_set", version=version)


def in_deploy(world: World) -> Workload:
    Workload.objects.update(stage="deploy", serving_version=world.stable)
    world.workload.refresh_from_db()
    return world.workload


def named(world: World, **changes: Any) -> EvalSet:
    values = {"name": "Golden 100", "owner": world.bob, "margin": 0.02, "fresh_days": 30, "reason": "agreed", **changes}
    return evalsets.set_eval_set(workload=world.workload, actor=world.actor(world.alice), **values)


def why(world: World, now: Any = None) -> str:
    now = now or AgentVersion.objects.get(id=world.candidate.id).created_at
    return evalsets.verdict(world.workload, world.candidate, now).why


def test_before_deploy_nothing_is_asked(world: World, tenant: None) -> None:
    assert why(world) == ""


def test_from_deploy_on_each_thing_that_is_missing_is_named_in_turn(world: World, tenant: None) -> None:
    in_deploy(world)
    assert why(world) == "Name the workload's eval set first."
    named(world)
    assert why(world) == "Version 1.1 has no run on the eval set Golden 100."
    run_of(world, world.candidate, 90)
    assert why(world) == "Version 1.0, which serves, has no run on the eval set Golden 100 to compare with."
    run_of(world, world.stable, 92)
    assert why(world) == ""


def test_two_in_a_hundred_worse_are_within_the_margin_and_three_are_not(world: World, tenant: None) -> None:
    in_deploy(world)
    named(world)
    run_of(world, world.stable, 95)
    run_of(world, world.candidate, 93)
    assert why(world) == ""
    version = workloads.add_version(
        workload=world.workload, label="1.2", model="m", prompt_digest="d12", why="w", made_by=world.alice, actor=SETUP
    )
    run_of(world, version, 92)
    found = evalsets.verdict(world.workload, version, version.created_at)
    assert found.why == (
        "0.920 right instead of 0.950 on 100 inputs (0 better, 3 worse, p = 0.250); at most 2.0% worse is allowed."
    )


def test_a_run_that_leaves_inputs_out_is_no_run_on_the_set(world: World, tenant: None) -> None:
    in_deploy(world)
    named(world)
    run_of(world, world.stable, 95)
    run_of(world, world.candidate, 90, first=5)
    assert why(world) == "The run leaves out 5 of the eval set's inputs; run all of them."


def test_a_run_is_fresh_until_exactly_its_days_are_over(world: World, tenant: None) -> None:
    in_deploy(world)
    named(world)
    run_of(world, world.stable, 95)
    run_of(world, world.candidate, 95)
    run = evalsets._run(world.candidate)
    assert run is not None
    assert why(world, run.created_at + 30 * DAY - timedelta(microseconds=1)) == ""
    assert (
        why(world, run.created_at + 30 * DAY)
        == "Version 1.1 has no run of the last 30 days on the eval set Golden 100."
    )


def test_no_rollout_is_submitted_or_approved_before(world: World, tenant: None) -> None:
    rollout = drafted(world)
    alice, erin = world.actor(world.alice), world.actor(world.erin)
    in_deploy(world)
    rollout.workload.refresh_from_db()
    with pytest.raises(Refused, match="Name the workload's eval set first"), transaction.atomic():
        rollouts.submit_rollout(rollout=rollout, actor=alice, now=NOW)
    rollout.refresh_from_db()
    assert rollout.state == "draft"
    Workload.objects.update(stage="harden")
    rollout.workload.refresh_from_db()
    rollouts.submit_rollout(rollout=rollout, actor=alice, now=NOW)
    Workload.objects.update(stage="deploy")
    with pytest.raises(Refused, match="Name the workload's eval set first"), transaction.atomic():
        approve(rollout, world.erin, erin, NOW)
    rollout.refresh_from_db()
    assert rollout.approval is None


def test_a_set_has_an_owner_here_and_no_margin_beyond_a_tenth(world: World, tenant: None) -> None:
    for change in ({"margin": 0.11}, {"fresh_days": 91}, {"owner": world.mallory}, {"name": ""}, {"reason": " "}):
        with pytest.raises(Invalid):
            named(world, **change)
    assert not EvalSet.objects.exists()


def test_on_the_page_an_owner_names_the_set_and_sees_versions_compared(world: World) -> None:
    alice, url = signed_in("alice"), "/t/acme/workloads/W-01/evaluations/compared/"
    data = {"name": "Golden", "owner": str(world.bob.id), "margin": 0.05, "fresh_days": 30, "reason": "agreed"}
    assert signed_in("bob").post(url, data).status_code == 403
    assert alice.post(url, {**data, "margin": 0.5}).status_code == 400
    assert alice.post(url, data).status_code == 302
    with tenant_transaction(world.tenant.id):
        in_deploy(world)
        run_of(world, world.stable, 95)
        run_of(world, world.candidate, 93)
    page = alice.get(url).content.decode()
    assert "0.930 right instead of 0.950 on 100 inputs (0 better, 2 worse, p = 0.500)" in page
    assert "not worse" in page


@pytest.mark.parametrize(
    ("better", "worse", "p"), [(0, 0, 1.0), (0, 5, 0.0625), (1, 9, 0.021484375), (5, 5, 1.0), (10, 2, 0.03857421875)]
)
def test_mcnemars_exact_test_gives_the_textbook_values(better: int, worse: int, p: float) -> None:
    assert Comparison(100, 50, 50, better, worse, 0).p_value == pytest.approx(p, abs=1e-12)


@given(st.integers(0, 50_000), st.integers(0, 50_000))
def test_the_p_value_is_a_probability_however_many_changed(better: int, worse: int) -> None:
    found = Comparison(200_000, 0, 0, better, worse, 0).p_value
    assert 0.0 <= found <= 1.0
    assert found == Comparison(200_000, 0, 0, worse, better, 0).p_value
