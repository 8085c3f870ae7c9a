"""CALL-3, CALL-4: the timing and dedup vectors on the database, and what people do with an alert."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.ownership.alerts import actions, climb, incidents, pager, queries
from apps.ownership.alerts.actions import trigger
from apps.ownership.alerts.escalation import Aim, Step, Target
from apps.ownership.alerts.simulate import simulate
from apps.ownership.models import Alert, Incident, Notification
from apps.ownership.models.alerts import AlertState, Severity, Source
from apps.ownership.models.channels import SendState
from apps.ownership.rotation import Hours
from apps.tenants import actions as tenants
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import (
    LEAD,
    MINUTE,
    at,
    events,
    fresh,
    look,
    opened,
    person_step,
    policy_of,
    reachable,
    signal,
    woken,
)
from tests.world import SETUP, World, put_on_call


@pytest.fixture
def two(world: World) -> World:
    """Bob after five minutes, then Alice after ten, once more."""
    reachable(world.tenant, world.bob)
    reachable(world.tenant, world.alice)
    policy_of(world, person_step(world.bob, 5), person_step(world.alice, 10))
    return world


def watch(world: World, *clocks: str) -> None:
    for clock in clocks:
        look(world, at(clock))


def acknowledge(world: World, alert: Alert, clock: str, who: str = "bob", round_seen: int | None = None) -> Alert:
    person = world.people[who]
    with tenant_transaction(world.tenant.id):
        return actions.acknowledge(
            alert=alert, by=person, actor=world.actor(person), now=at(clock), round_seen=round_seen
        )


def test_steps_at_12_00_05_15_20_and_exhausted_at_12_30(two: World) -> None:
    alert = opened(two, at("12:00"))
    watch(two, "12:04", "12:05", "12:06", "12:15", "12:20", "12:29", "12:30", "13:30")
    assert woken(alert) == [("12:00", "Bob"), ("12:05", "Alice"), ("12:15", "Bob"), ("12:20", "Alice")]
    assert events(alert) == [
        ("12:00", "opened"),
        ("12:00", "entered"),
        ("12:05", "entered"),
        ("12:15", "entered"),
        ("12:20", "entered"),
        ("12:30", "exhausted"),
    ]
    assert (fresh(alert).state, fresh(alert).exhausted_at, fresh(alert).due_at) == ("triggered", at("12:30"), None)


def test_an_ack_at_12_04_59_leaves_step_0_alone(two: World) -> None:
    alert = opened(two, at("12:00"))
    acknowledge(two, alert, "12:04:59")
    watch(two, "12:05", "12:15", "12:30")
    assert woken(alert) == [("12:00", "Bob")]
    assert (fresh(alert).state, fresh(alert).acknowledged_by_id) == ("acknowledged", two.bob.id)


def test_an_empty_step_0_wakes_step_1_at_12_00_and_is_told_to_its_team(world: World) -> None:
    reachable(world.tenant, world.alice)
    policy_of(world, person_step(world.bob, 5), person_step(world.alice, 10), repeats=0)
    alert = opened(world, at("12:00"))
    assert woken(alert) == [("12:00", "Alice")]
    assert events(alert) == [("12:00", "opened"), ("12:00", "skipped"), ("12:00", "entered")]
    with tenant_transaction(world.tenant.id):
        told = OutboxMessage.objects.get(topic="alert.hole")
        assert told.payload == {"team": str(world.team.id), "step": 0}
        outbox.deliver(tenant_id=world.tenant.id, message_ids=[told.id], now=told.due_at)
        notice = Notification.objects.get(alert=None)
        assert (notice.person_id, notice.title) == (world.bob.id, "Step 1 of Support reached nobody")


def test_maintenance_from_12_03_to_12_33_holds_step_1_until_12_33_and_it_fires_once(two: World) -> None:
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        actions.hold(
            workload=two.workload,
            start=at("12:03"),
            end=at("12:33"),
            by=two.alice,
            actor=two.actor(two.alice),
            now=at("12:03"),
            reason="disk swap",
        )
    watch(two, "12:05", "12:10", "12:20", "12:32")
    assert woken(alert) == [("12:00", "Bob")]
    watch(two, "12:33", "12:34", "12:42")
    assert woken(alert) == [("12:00", "Bob"), ("12:33", "Alice")]
    assert fresh(alert).due_at == at("12:43")


def test_maintenance_that_ends_early_releases_what_it_held(two: World) -> None:
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        held = actions.hold(
            workload=two.workload,
            start=at("12:03"),
            end=at("13:33"),
            by=two.alice,
            actor=two.actor(two.alice),
            now=at("12:03"),
            reason="disk swap",
        )
    watch(two, "12:05")
    with tenant_transaction(two.tenant.id):
        actions.release(maintenance=held, actor=two.actor(two.alice), now=at("12:10"))
        with pytest.raises(Refused):
            actions.release(maintenance=held, actor=two.actor(two.alice), now=at("12:11"))
    watch(two, "12:10")
    assert woken(alert)[-1] == ("12:10", "Alice")


def test_a_late_look_says_how_late_it_was(two: World) -> None:
    alert = opened(two, at("12:00"))
    watch(two, "12:07:30")
    with tenant_transaction(two.tenant.id):
        entered = queries.story(alert).filter(kind="entered").last()
        assert entered is not None and entered.data["late"] == 150.0


def test_an_acknowledgement_that_runs_out_wakes_the_holder_and_who_acknowledged(world: World) -> None:
    for person in (world.bob, world.alice):
        reachable(world.tenant, person)
    policy_of(world, person_step(world.bob, 5), ack_timeout=timedelta(minutes=30))
    alert = opened(world, at("12:00"))
    acknowledge(world, alert, "12:02", "alice")
    watch(world, "12:31", "12:32")
    assert woken(alert) == [("12:00", "Bob"), ("12:32", "Alice"), ("12:32", "Bob")]
    found = fresh(alert)
    assert (found.state, found.round, found.acknowledged_by, found.due_at) == ("triggered", 1, None, at("12:37"))


def test_a_button_of_an_earlier_round_does_nothing(world: World) -> None:
    reachable(world.tenant, world.bob)
    policy_of(world, person_step(world.bob, 5), ack_timeout=timedelta(minutes=30))
    alert = opened(world, at("12:00"))
    acknowledge(world, alert, "12:02")
    watch(world, "12:32")
    with pytest.raises(Conflict, match="Nothing was done"):
        acknowledge(world, alert, "12:33", round_seen=0)
    assert fresh(alert).state == AlertState.TRIGGERED
    acknowledge(world, alert, "12:33", round_seen=1)
    assert fresh(alert).state == AlertState.ACKNOWLEDGED


def test_a_second_person_is_told_that_somebody_has_it(two: World) -> None:
    alert = opened(two, at("12:00"))
    acknowledge(two, alert, "12:01")
    with pytest.raises(Conflict, match="Bob has acknowledged this already"):
        acknowledge(two, alert, "12:02", "alice")
    assert fresh(alert).acknowledged_at == at("12:01")


def test_escalating_takes_the_next_step_now_and_a_stale_button_none(two: World) -> None:
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        actions.escalate(alert=alert, actor=LEAD, now=at("12:01"), entry_seen=1)
        with pytest.raises(Conflict, match="Nothing was done"):
            actions.escalate(alert=alert, actor=LEAD, now=at("12:01"), entry_seen=1)
    assert woken(alert) == [("12:00", "Bob"), ("12:01", "Alice")]
    assert fresh(alert).due_at == at("12:11")


def test_escalating_wakes_although_somebody_acknowledged_or_it_had_ended(two: World) -> None:
    alert = opened(two, at("12:00"))
    acknowledge(two, alert, "12:01")
    with tenant_transaction(two.tenant.id):
        actions.escalate(alert=alert, actor=LEAD, now=at("12:02"), entry_seen=1)
    assert (woken(alert)[-1], fresh(alert).state) == (("12:02", "Alice"), "triggered")
    watch(two, "12:12", "12:17", "12:27")
    assert fresh(alert).exhausted_at == at("12:27")
    with tenant_transaction(two.tenant.id):
        actions.escalate(alert=alert, actor=LEAD, now=at("12:40"), entry_seen=4)
    assert (woken(alert)[-1], fresh(alert).exhausted_at) == (("12:40", "Bob"), None)


def test_handing_over_to_somebody_wakes_them_and_goes_on_without_an_answer(two: World) -> None:
    reachable(two.tenant, two.erin)
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        actions.hand_over(alert=alert, to=two.erin, actor=LEAD, now=at("12:01"), reason="she knows the disks")
    watch(two, "12:05", "12:06")
    assert woken(alert) == [("12:00", "Bob"), ("12:01", "Erin"), ("12:06", "Alice")]


def test_handing_over_to_another_team_climbs_its_policy_and_names_a_commander(two: World) -> None:
    reachable(two.tenant, two.erin)
    with tenant_transaction(two.tenant.id):
        other = tenants.create_team(tenant_id=two.tenant.id, slug="storage", name="Storage", actor=SETUP)
        put_on_call(other, two.erin)
    alert = opened(two, at("12:00"))
    bob = two.actor(two.bob)
    with tenant_transaction(two.tenant.id):
        actions.hand_over(alert=alert, to=other, actor=bob, now=at("12:01"), reason="it is their disk")
    found = fresh(alert)
    assert (woken(alert)[-1], found.team, found.step) == (("12:01", "Erin"), other, 0)
    assert found.incident is not None
    assert (found.incident.crosses_teams, found.incident.commander_id) == (True, two.bob.id)


def test_an_incident_across_teams_can_not_be_without_a_commander(two: World) -> None:
    reachable(two.tenant, two.erin)
    with tenant_transaction(two.tenant.id):
        other = tenants.create_team(tenant_id=two.tenant.id, slug="storage", name="Storage", actor=SETUP)
    first = fresh(opened(two, at("12:00"))).incident
    second = fresh(opened(two, at("12:00"), "theirs", workload=None, team=other)).incident
    assert first is not None and second is not None and first != second
    with tenant_transaction(two.tenant.id):
        with pytest.raises(Refused, match="name one commander"):
            incidents.merge(incident=second, into=first, commander=None, actor=LEAD, now=at("12:02"))
        incidents.merge(incident=second, into=first, commander=two.erin, actor=LEAD, now=at("12:03"))
        merged = Incident.objects.get(id=first.id)
        assert (merged.crosses_teams, merged.commander_id, merged.alerts.count()) == (True, two.erin.id, 2)
        assert Incident.objects.get(id=second.id).resolved_at == at("12:03")


def test_who_acknowledges_first_commands_and_the_last_alert_ends_the_incident(two: World) -> None:
    first, second = opened(two, at("12:00")), opened(two, at("12:01"), "other")
    assert fresh(first).incident == fresh(second).incident
    acknowledge(two, first, "12:02")
    acknowledge(two, second, "12:03", "alice")
    incident = fresh(first).incident
    assert incident is not None and incident.commander_id == two.bob.id
    with tenant_transaction(two.tenant.id):
        actions.resolve(alert=first, actor=LEAD, now=at("12:05"))
        assert Incident.objects.get(id=incident.id).resolved_at is None
        actions.resolve(alert=second, actor=LEAD, now=at("12:06"))
        assert Incident.objects.get(id=incident.id).resolved_at == at("12:06")


def test_trigger_resolve_trigger_are_two_alerts(world: World) -> None:
    first = opened(world, at("12:00"))
    with tenant_transaction(world.tenant.id):
        ended = actions.end_signal(tenant_id=world.tenant.id, signal=signal(world), now=at("12:01"))
    second = opened(world, at("12:02"))
    assert ended is not None and ended.id == first.id
    assert (first.id != second.id, fresh(first).state, fresh(second).state) == (True, "resolved", "triggered")


def test_resolve_before_trigger_makes_no_alert(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        assert actions.end_signal(tenant_id=world.tenant.id, signal=signal(world), now=at("12:00")) is None
        assert not Alert.objects.exists()


def test_the_same_key_in_two_tenants_is_two_alerts(world: World) -> None:
    opened(world, at("12:00"))
    with tenant_transaction(world.other.id):
        theirs = signal(world, workload=world.foreign)
        _, is_new = trigger(tenant_id=world.other.id, signal=theirs, now=at("12:00"))
        assert is_new and Alert.objects.count() == 1
    with tenant_transaction(world.tenant.id):
        assert Alert.objects.count() == 1


def test_the_same_key_from_two_sources_is_two_alerts(world: World) -> None:
    opened(world, at("12:00"))
    opened(world, at("12:00"), source=Source.BUDGET)
    with tenant_transaction(world.tenant.id):
        assert Alert.objects.count() == 2


def test_said_again_it_wakes_nobody_again_unless_it_became_graver(two: World) -> None:
    alert = opened(two, at("12:00"), severity=Severity.WARNING)
    acknowledge(two, alert, "12:01")
    opened(two, at("12:02"), severity=Severity.WARNING)
    assert (fresh(alert).occurrences, woken(alert)) == (2, [("12:00", "Bob")])
    opened(two, at("12:03"), severity=Severity.CRITICAL)
    assert woken(alert) == [("12:00", "Bob"), ("12:03", "Bob")]
    assert (fresh(alert).severity, fresh(alert).state) == ("critical", "triggered")


def test_a_quiet_alert_wakes_nobody_and_is_collected(two: World) -> None:
    alert = opened(two, at("12:10"), severity=Severity.INFO)
    watch(two, "12:15", "13:00")
    assert (woken(alert), fresh(alert).incident, fresh(alert).is_quiet) == ([], None, True)
    with tenant_transaction(two.tenant.id):
        digest = OutboxMessage.objects.get(topic="notify.digest")
        assert (digest.kind, digest.due_at) == ("digest", at("13:00"))
        shown = Notification.objects.get(alert=alert.id)
        assert (shown.person_id, shown.channel_id) == (two.bob.id, None)


def test_each_intent_has_its_message_and_no_second(two: World) -> None:
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        intents = Notification.objects.filter(alert=alert.id, channel__isnull=False)
        messages = OutboxMessage.objects.filter(topic="notify")
        assert {row.id for row in intents} == {row.id for row in messages} != set()
        assert {row.key for row in messages} == {str(row.id) for row in intents}


def test_an_ack_cancels_what_has_not_gone_out_follow_ups_included(two: World) -> None:
    alert = opened(two, at("12:00"))
    acknowledge(two, alert, "12:01")
    with tenant_transaction(two.tenant.id):
        states = Notification.objects.filter(alert=alert.id, channel__isnull=False).values_list("state", flat=True)
        assert set(states) == {SendState.CANCELLED}


def test_a_policy_that_reaches_nobody_goes_to_whoever_catches_everything(world: World) -> None:
    reachable(world.tenant, world.adam)
    policy_of(world, person_step(world.bob, 5), repeats=0)
    alert = opened(world, at("12:00"))
    assert woken(alert) == [("12:00", "Adam")]
    assert ("12:00", "caught") in events(alert)


def test_an_unowned_workload_goes_to_whoever_catches_everything(world: World) -> None:
    reachable(world.tenant, world.adam)
    alert = opened(world, at("12:00"), workload=None)
    assert (woken(alert), alert.team_id) == ([("12:00", "Adam")], None)


def test_a_drill_counts_for_d2_when_somebody_who_was_paged_acknowledges_in_time(two: World) -> None:
    with tenant_transaction(two.tenant.id):
        alert = simulate(workload=two.workload, actor=two.actor(two.alice), now=at("12:00"))
        with pytest.raises(Refused, match="open already"):
            simulate(workload=two.workload, actor=two.actor(two.alice), now=at("12:01"))
        Notification.objects.filter(channel__isnull=False).update(state=SendState.SENT, sent_at=at("12:00:02"))
    acknowledge(two, alert, "12:15")
    with tenant_transaction(two.tenant.id):
        found = queries.acknowledged_in_time(two.workload)
        assert found is not None and found.id == alert.id


@pytest.mark.parametrize(
    ("who", "clock", "sent"), [("erin", "12:05", "12:01"), ("bob", "12:16", "12:01"), ("bob", "12:05", "12:06")]
)
def test_an_ack_by_somebody_else_too_late_or_before_the_page_does_not_count(
    two: World, who: str, clock: str, sent: str
) -> None:
    with tenant_transaction(two.tenant.id):
        alert = simulate(workload=two.workload, actor=two.actor(two.alice), now=at("12:00"))
        Notification.objects.filter(channel__isnull=False).update(state=SendState.SENT, sent_at=at(sent))
    acknowledge(two, alert, clock, who)
    with tenant_transaction(two.tenant.id):
        assert queries.acknowledged_in_time(two.workload) is None


def test_only_those_concerned_act(two: World) -> None:
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        for who in (two.alice, two.bob):
            actions.refuse_strangers(fresh(alert), two.actor(who))
        with pytest.raises(Forbidden):
            actions.refuse_strangers(fresh(alert), two.actor(two.charlie))


def test_a_pass_costs_the_same_for_one_alert_and_for_twenty(two: World) -> None:
    opened(two, at("12:00"))
    counts = []
    for n, clock in ((1, "12:05"), (20, "12:10")):
        for number in range(1, n):
            opened(two, at("12:05"), f"more-{number}")
        with (
            tenant_transaction(two.tenant.id),
            CaptureQueriesContext(
                connection,
            ) as captured,
        ):
            ids = list(Alert.objects.values_list("id", flat=True))
            climb.run(tenant_id=two.tenant.id, ids=ids, now=at(clock) + MINUTE * 10)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_acknowledging_a_quiet_alert_wakes_nobody_later(two: World) -> None:
    alert = opened(two, at("12:10"), severity=Severity.INFO)
    acknowledge(two, alert, "12:11")
    assert fresh(alert).due_at is None
    watch(two, "13:11", "23:00")
    assert woken(alert) == []


def test_a_quiet_alert_that_somebody_escalates_or_that_grows_graver_is_an_alert_like_any_other(two: World) -> None:
    one, other = (opened(two, at("12:10"), key, severity=Severity.INFO) for key in ("one", "other"))
    with tenant_transaction(two.tenant.id):
        actions.escalate(alert=one, actor=LEAD, now=at("12:11"), entry_seen=0)
    opened(two, at("12:12"), "other", severity=Severity.CRITICAL)
    for alert, clock in ((one, "12:11"), (other, "12:12")):
        found = fresh(alert)
        assert (found.is_quiet, found.incident is not None, woken(alert)) == (False, True, [(clock, "Bob")])


def test_an_alert_that_grows_graver_under_maintenance_is_held_like_a_new_one(two: World) -> None:
    alert = opened(two, at("12:00"), severity=Severity.WARNING)
    acknowledge(two, alert, "12:01")
    with tenant_transaction(two.tenant.id):
        common = {"by": two.alice, "actor": LEAD, "now": at("12:02"), "reason": "r"}
        actions.hold(workload=two.workload, start=at("12:02"), end=at("13:00"), **common)  # type: ignore[arg-type]
    opened(two, at("12:03"), severity=Severity.CRITICAL)
    assert (woken(alert), fresh(alert).due_at, fresh(alert).state) == ([("12:00", "Bob")], at("13:00"), "triggered")
    with tenant_transaction(two.tenant.id):
        actions.release_all(workload=two.workload, actor=LEAD, now=at("12:10"))
        with pytest.raises(Refused):
            actions.release_all(workload=two.workload, actor=LEAD, now=at("12:11"))
    watch(two, "12:10")
    assert woken(alert)[-1] == ("12:10", "Bob")


def test_handed_over_at_the_end_of_its_policy_it_goes_on_from_the_first_step(two: World) -> None:
    reachable(two.tenant, two.erin)
    alert = opened(two, at("12:00"))
    watch(two, "12:05", "12:15", "12:20", "12:30")
    with tenant_transaction(two.tenant.id):
        actions.hand_over(alert=alert, to=two.erin, actor=LEAD, now=at("12:40"), reason="she is awake")
    watch(two, "12:45")
    assert woken(alert)[-2:] == [("12:40", "Erin"), ("12:45", "Bob")]


def test_who_asks_for_the_next_step_gets_it_outside_its_hours_too(world: World) -> None:
    for person in (world.bob, world.alice):
        reachable(world.tenant, person)
    office = Hours(ZoneInfo("UTC"), starts=time(9), ends=time(11))
    policy_of(world, person_step(world.bob, 5), replace(person_step(world.alice, 5), hours=office), repeats=0)
    alert = opened(world, at("12:00"))
    acknowledge(world, alert, "12:01")
    with tenant_transaction(world.tenant.id):
        actions.escalate(alert=alert, actor=LEAD, now=at("12:02"), entry_seen=1)
    assert woken(alert)[-1] == ("12:02", "Alice")


def test_who_acknowledged_hears_that_it_ran_out_although_the_first_step_waits_for_its_hours(world: World) -> None:
    for person in (world.bob, world.alice):
        reachable(world.tenant, person)
    office = Hours(ZoneInfo("UTC"), starts=time(9), ends=time(12, 30))
    policy_of(world, replace(person_step(world.bob, 5), hours=office), ack_timeout=timedelta(minutes=30))
    alert = opened(world, at("12:10"))
    acknowledge(world, alert, "12:11", "alice")
    watch(world, "12:41")
    assert woken(alert) == [("12:10", "Bob"), ("12:41", "Alice")]
    assert fresh(alert).is_paused


def test_merging_keeps_what_either_incident_had(two: World) -> None:
    """One that crossed teams under Bob, made one with a plain one, still crosses and still has a commander."""
    with tenant_transaction(two.tenant.id):
        storage = tenants.create_team(tenant_id=two.tenant.id, slug="storage", name="Storage", actor=SETUP)
    crossed = opened(two, at("12:00"))
    plain = fresh(opened(two, at("12:00"), "plain", workload=two.workload, team=None)).incident
    with tenant_transaction(two.tenant.id):
        other = Incident.objects.create(tenant_id=two.tenant.id, title="plain", team=two.team, workload=None)
        actions.hand_over(alert=crossed, to=storage, actor=two.actor(two.bob), now=at("12:01"), reason="theirs")
        first = fresh(crossed).incident
        assert first is not None and plain == first
        incidents.merge(incident=first, into=other, commander=None, actor=LEAD, now=at("12:02"))
        merged = Incident.objects.get(id=other.id)
        assert (merged.crosses_teams, merged.commander_id) == (True, two.bob.id)


def test_handing_over_to_the_same_team_crosses_nothing(two: World) -> None:
    alert = opened(two, at("12:00"))
    with tenant_transaction(two.tenant.id):
        actions.hand_over(alert=alert, to=two.team, actor=LEAD, now=at("12:01"), reason="from the start")
    found = fresh(alert)
    assert found.incident is not None and not found.incident.crosses_teams
    assert woken(alert)[-1] == ("12:01", "Bob")


def test_a_policy_names_each_target_once_and_channels_of_its_own_team_alone(two: World) -> None:
    with tenant_transaction(two.tenant.id):
        storage = tenants.create_team(tenant_id=two.tenant.id, slug="storage", name="Storage", actor=SETUP)
    theirs, ours = reachable(two.tenant, storage), reachable(two.tenant, two.team)
    with pytest.raises(Invalid, match="its own team"):
        policy_of(two, Step((Target(Aim.CHANNEL, str(theirs.id)),), 5 * MINUTE))
    with pytest.raises(Invalid, match="once"):
        policy_of(two, Step((Target(Aim.CHANNEL, str(ours.id)),) * 2, 5 * MINUTE))
    policy_of(two, Step((Target(Aim.CHANNEL, str(ours.id)),), 5 * MINUTE))
    assert woken(opened(two, at("12:00"))) == [("12:00", "team")]


def test_one_tenants_alert_that_can_not_be_moved_keeps_no_other_waiting(
    live_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in (live_world.bob, live_world.alice):
        reachable(live_world.tenant, person)
    policy_of(live_world, person_step(live_world.bob, 5), person_step(live_world.alice, 5), repeats=0)
    poisoned, well = (opened(live_world, datetime.now(UTC) - 6 * MINUTE, key) for key in ("bad", "good"))
    whole = climb.climb

    def climbing(tenant_id: UUID, alerts: list[Alert], now: datetime) -> None:
        if any(alert.key == "bad" for alert in alerts):
            raise ValueError("it can't be")
        whole(tenant_id, alerts, now)

    monkeypatch.setattr(climb, "climb", climbing)
    assert pager.climb_due(datetime.now(UTC)) == 1
    assert (fresh(well).entry, fresh(poisoned).entry) == (2, 1)


def test_a_token_bound_to_workloads_acts_on_their_alerts_alone(two: World) -> None:
    alert = opened(two, at("12:00"))
    bob = two.actor(two.bob)
    with tenant_transaction(two.tenant.id):
        assert actions.may_act(fresh(alert), replace(bob, workloads=frozenset({two.workload.id})))
        assert not actions.may_act(fresh(alert), replace(bob, workloads=frozenset({two.tenant.id})))
