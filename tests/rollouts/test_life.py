"""ROLL-1 to ROLL-8 and ROLL-11, against the database: what starts, steps, holds, rolls back, and who may."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.audit import queries as audit
from apps.ownership.models import Alert
from apps.rollouts import actions, checks, moves
from apps.rollouts.machine import Hold, State
from apps.rollouts.models import Rollout, RolloutTransition
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from apps.workloads import actions as workloads
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.rollouts.factory import ERRORS, MINUTE, PHASES, approved, baked, drafted, look, running, send
from tests.signing import request_of, sign
from tests.world import NOW, SETUP, World


def test_a_start_is_refused_before_its_conditions_and_changes_nothing(world: World) -> None:
    """ROLL-2: each unmet condition is named."""
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        actions.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
        workloads.set_posture(workload=rollout.workload, posture="pause", actor=SETUP, reason="cost unclear")
        workloads.edit_workload(workload=rollout.workload, revision=1, actor=SETUP, fallback_description="")
        with pytest.raises(Refused) as refusal:
            actions.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW)
        assert sorted(refusal.value.data["conditions"]) == ["approval", "cap", "fallback", "posture"]
        rollout.refresh_from_db()
        assert (rollout.state, rollout.phase, rollout.snapshot) == (State.AWAITING_APPROVAL, -1, None)


def test_the_author_cannot_approve_nor_the_owner_nor_a_token_nor_somebody_without_the_right(world: World) -> None:
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        actions.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
        for person in (world.bob, world.alice, world.charlie):
            with pytest.raises(Forbidden):
                sign(request_of(rollout), person, world.actor(person), NOW)
        rollout.refresh_from_db()
        assert rollout.approval is None


def test_a_changed_plan_voids_its_approval(world: World) -> None:
    rollout = approved(world)
    with tenant_transaction(world.tenant.id):
        rollout.plan["phases"][0]["share"] = 900
        Rollout.objects.filter(id=rollout.id).update(plan=rollout.plan)
        with pytest.raises(Refused, match="changed since it was approved"):
            actions.start_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW)


def test_a_second_rollout_of_the_workload_and_a_foreign_version_are_refused(world: World) -> None:
    running(world)
    second = drafted(world)
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Refused, match="active rollout already"):
            actions.submit_rollout(rollout=second, actor=world.actor(world.bob), now=NOW)
        with pytest.raises(Refused, match="another workload"):
            actions.draft_rollout(
                workload=world.workload, version=world.foreign_version, why="x", author=world.bob, actor=SETUP
            )
        with pytest.raises(IntegrityError), transaction.atomic():
            Rollout.objects.filter(id=second.id).update(version=world.foreign_version.id)


def test_a_plan_that_breaks_a_rule_is_refused_with_each_reason(world: World) -> None:
    with tenant_transaction(world.tenant.id), pytest.raises(Invalid) as refusal:
        actions.draft_rollout(
            workload=world.workload,
            version=world.candidate,
            why="x",
            author=world.bob,
            actor=SETUP,
            phases=[PHASES[2], PHASES[1], PHASES[4]],
        )
    codes = [problem["code"] for problem in refusal.value.data["problems"]]
    assert codes == ["too_few_phases", "first_share_too_large", "share_shrinks", "step_too_large"]


def test_it_steps_by_itself_when_the_bake_is_up_and_every_guardrail_passes(world: World) -> None:
    rollout, at = baked(running(world), start=NOW, minutes=10)
    assert (rollout.phase, rollout.step) == (0, 1)  # nine minutes observed: the first look only starts the clock
    rollout, at = baked(rollout, start=at, minutes=1)
    assert (rollout.phase, rollout.step, rollout.served.share) == (1, 2, 1_000)
    with tenant_transaction(world.tenant.id):
        last = rollout.transitions.order_by("revision").last()
        assert last is not None
        assert last.reason == "Every guardrail passed; on to 10 %."
        assert last.figures["judgements"][0]["figures"]["n"] == 440


def test_it_climbs_to_the_end_and_then_serves(world: World) -> None:
    rollout, at = baked(running(world), start=NOW, minutes=5 * 12)
    assert rollout.state == State.COMPLETED
    assert rollout.workload.serving_version_id == world.candidate.id
    rollout = look(rollout, at + timedelta(hours=25))
    assert rollout.next_check_at is None


def test_at_everybody_there_is_no_control_arm_and_absolute_limits_judge_alone(world: World) -> None:
    """ROLL-4."""
    twice = GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5)
    rollout, at = baked(running(world, guardrails=(ERRORS, twice)), start=NOW, minutes=4 * 12)
    assert rollout.served.share == 10_000
    for _ in range(12):
        at += MINUTE
        send(rollout, at=at - timedelta(seconds=5), agent=(40, 0))
        rollout = look(rollout, at)
    assert rollout.state == State.COMPLETED


def test_a_breach_rolls_back_at_once_with_incident_and_page(world: World) -> None:
    """ROLL-8: from any state, before the bake, with the figures."""
    rollout = running(world)
    rollout = look(rollout, NOW + MINUTE)
    send(rollout, at=NOW + MINUTE, agent=(40, 20), control=(40, 0))
    rollout = look(rollout, NOW + 2 * MINUTE)
    assert rollout.state == State.ROLLING_BACK
    assert rollout.served.is_nothing
    assert "error rate is 50 % over 40 transactions; the limit is 5 %." in rollout.note
    rollout = look(rollout, NOW + 2 * MINUTE + timedelta(seconds=2))
    assert (rollout.state, rollout.next_check_at) == (State.ROLLED_BACK, None)
    with tenant_transaction(world.tenant.id):
        raised = OutboxMessage.objects.get(topic="alert.raise")
        assert (raised.payload["severity"], raised.payload["link"]) == ("critical", f"rollouts/{rollout.id}/")
        assert RolloutTransition.objects.get(after=State.ROLLING_BACK).figures["seconds_exposed"] == 61.0
    with tenant_transaction(world.tenant.id), pytest.raises(Refused):
        actions.resume_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW, reason="again")


def test_a_rollback_that_cannot_be_verified_pages_again_and_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = running(world)
    with tenant_transaction(world.tenant.id):
        actions.roll_back(rollout=rollout, actor=world.actor(world.alice), now=NOW, reason="it is rude")
    monkeypatch.setattr(checks, "_probe", [lambda rollout, units: ["probe-7"]])
    rollout = look(rollout, NOW + MINUTE)
    assert rollout.state == State.ROLLING_BACK
    with tenant_transaction(world.tenant.id):
        rows = OutboxMessage.objects.filter(topic="alert.raise").order_by("created_at", "id")
        assert [row.payload["key"].rpartition(":")[2] for row in rows] == ["rollback", "unverified"]


@pytest.mark.parametrize("traffic", [(0, 0), (10, 0), (40, 2)])
def test_without_a_pass_the_bake_is_extended_once_and_then_held(world: World, traffic: tuple[int, int]) -> None:
    """ROLL-6: no data is no success, few data neither, and inconclusive is for a person."""
    rollout = running(world)
    if traffic == (0, 0):
        rollout, _ = baked(rollout, start=NOW, minutes=1, n=1)
        rollout = look(rollout, NOW + 20 * MINUTE)
        assert (rollout.state, rollout.hold_reason, rollout.phase) == (State.HELD, Hold.BLIND, 0)
        return
    rollout, at = baked(rollout, start=NOW, minutes=11, n=traffic[0], failed=traffic[1])
    assert (rollout.state, rollout.extended, rollout.phase) == (State.RUNNING, True, 0)
    rollout, at = baked(rollout, start=at, minutes=10, n=traffic[0] // 10 or 1, failed=0)
    if traffic[0] == 10:
        assert (rollout.state, rollout.hold_reason) == (State.HELD, Hold.INSUFFICIENT)
    assert rollout.phase == 0


def test_blindness_holds_then_steps_back_and_wakes_when_records_return(world: World) -> None:
    """ROLL-6, ROLL-11: a stopped simulator is no healthy agent, and no sick one."""
    rollout, at = baked(running(world), start=NOW, minutes=11)
    assert rollout.phase == 1
    rollout, at = baked(rollout, start=at, minutes=2)
    before = rollout.baked
    rollout = look(rollout, at + 7 * MINUTE)
    assert (rollout.state, rollout.hold_reason, rollout.served.share) == (State.HELD, Hold.BLIND, 1_000)
    rollout = look(rollout, at + timedelta(hours=5))
    assert (rollout.state, rollout.phase, rollout.served.share) == (State.HELD, 0, 500)
    later = at + timedelta(hours=5)
    send(rollout, at=later + MINUTE, agent=(40, 0), control=(40, 0))
    rollout = look(rollout, later + 2 * MINUTE)
    assert (rollout.state, rollout.phase) == (State.RUNNING, 0)
    assert before > timedelta(0)
    assert rollout.baked == timedelta(0)


def test_a_worker_that_slept_has_observed_nothing(world: World) -> None:
    """ROLL-11: 48 h means 48 h of observed exposure."""
    rollout, at = baked(running(world), start=NOW, minutes=2)
    send(rollout, at=at + 59 * MINUTE, agent=(300, 0), control=(300, 0))
    rollout = look(rollout, at + 60 * MINUTE)
    assert rollout.baked == 3 * MINUTE


def test_the_posture_caps_the_step_and_a_fall_freezes(world: World) -> None:
    """ROLL-3."""
    rollout, at = baked(running(world), start=NOW, minutes=11)
    with tenant_transaction(world.tenant.id):
        workloads.set_posture(workload=rollout.workload, posture="pause", actor=SETUP, reason="ownership unsettled")
    rollout, at = baked(rollout, start=at, minutes=15)
    assert (rollout.state, rollout.phase, rollout.served.share) == (State.RUNNING, 1, 1_000)
    assert "The posture is Pause." in rollout.look["waiting_for"]


def test_brakes_are_on_while_held_and_after_all(world: World) -> None:
    """ROLL-11."""
    rollout = running(world)
    with tenant_transaction(world.tenant.id):
        actions.hold_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW, reason="a meeting")
    send(rollout, at=NOW, agent=(40, 20))
    assert look(rollout, NOW + MINUTE).state == State.ROLLING_BACK


def test_a_breach_after_completion_restores_what_served_before(world: World) -> None:
    rollout, at = baked(running(world), start=NOW, minutes=5 * 12)
    send(rollout, at=at, agent=(3_000, 1_500))
    rollout = look(rollout, at + 2 * MINUTE)
    assert rollout.state == State.ROLLING_BACK
    assert rollout.workload.serving_version_id is None


def test_a_move_from_a_stale_page_is_refused(world: World) -> None:
    rollout = running(world)
    with tenant_transaction(world.tenant.id):
        stale = Rollout.objects.select_related("workload").get(id=rollout.id)
        actions.hold_rollout(rollout=rollout, actor=world.actor(world.alice), now=NOW, reason="first")
        with pytest.raises(Conflict):
            moves.move(stale, State.HELD, actor=SETUP, now=NOW, reason="second")
        assert rollout.transitions.count() == 3


def test_every_transition_is_audited_with_its_figures_and_the_chain_holds(world: World) -> None:
    rollout, _ = baked(running(world), start=NOW, minutes=11)
    with tenant_transaction(world.tenant.id):
        written = [entry.action for entry in audit.history(world.tenant.id, rollout)][::-1]
    assert written == [
        "rollout.drafted",
        "rollout.awaiting_approval",
        "rollout.approved",
        "rollout.running",
        "rollout.running",
    ]


def test_a_query_that_fails_holds_and_never_rolls_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = running(world, guardrails=(ERRORS,))
    monkeypatch.setattr(checks, "_read", lambda tenant, rollouts: ({r.id: [] for r in rollouts}, "OperationalError"))
    rollout = look(rollout, NOW + MINUTE)
    assert (rollout.state, rollout.hold_reason) == (State.HELD, Hold.ERROR)


def test_a_rollout_held_resumed_and_held_again_within_a_minute_is_alarmed_each_time(world: World) -> None:
    """Each hold has an alert of its own, ended when the hold is; the two messages may come in either order."""
    rollout, blind = running(world), NOW + 10 * MINUTE
    for at in (blind, blind + timedelta(seconds=20)):
        rollout = look(rollout, at)
        assert rollout.state == State.HELD
        with tenant_transaction(world.tenant.id):
            fresh = Rollout.objects.select_related("workload__team", "version", "approval").get(id=rollout.id)
            actor = world.actor(world.alice)
            rollout = actions.resume_rollout(rollout=fresh, actor=actor, now=at + timedelta(seconds=5), reason="go on")
    with tenant_transaction(world.tenant.id):
        rows = OutboxMessage.objects.filter(topic__in=["alert.raise", "alert.end"]).order_by("created_at", "id")
        keys = [(row.topic, row.payload["key"].rpartition("held:")[2]) for row in rows]
        assert [topic for topic, _ in keys] == ["alert.raise", "alert.end"] * 2
        assert keys[0][1] == keys[1][1] != keys[2][1] == keys[3][1]
        for row in reversed(rows):
            outbox.deliver(tenant_id=world.tenant.id, message_ids=[row.id], now=row.due_at)
        assert not Alert.objects.exists(), "an end that comes first keeps its alert from being opened"
