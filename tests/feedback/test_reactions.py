"""FEED-3, ROLL-5: what people do with answers is counted where the answer was, once, and brakes a rollout."""

import json
from datetime import datetime, timedelta

import pytest

from apps.audit.models import AuditEntry
from apps.feedback import actions, counting
from apps.feedback.models import ReactionRecord, Source
from apps.rollouts.models import Rollout, RolloutTransition
from apps.rollouts.plan import GuardrailPlan, Kind, Metric, OnBreach
from apps.rollouts.verdict import Figures, Verdict, judge, sentence
from apps.telemetry.models import ExposedUnit, MinuteSummary
from portal.errors import Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import MINUTE, SERVICE, answered_by_agent, filed, reacted, sums, told
from tests.ownership.alerts.test_races import together
from tests.rollouts.factory import look, running
from tests.world import NOW, World

TRUST = GuardrailPlan(Metric.TRUST, Kind.ABSOLUTE, 0.10, OnBreach.HOLD)
SOFT = GuardrailPlan(Metric.SOFT_FAILURES, Kind.ABSOLUTE, 0.02, OnBreach.HOLD)
ERRORS = GuardrailPlan(Metric.ERROR_RATE, Kind.ABSOLUTE, 0.05)


def test_a_reaction_is_counted_in_the_minute_of_its_answer(world: World) -> None:
    rollout = running(world)
    answered_by_agent(world, "r-1", rollout=rollout, arm="agent")
    assert sums(world) == (1, 1, 0, 0, 0)
    assert reacted(world, ("r-1", "rechecked"), now=NOW + timedelta(hours=3)) == 1
    assert sums(world) == (1, 1, 1, 1, 0)
    with tenant_transaction(world.tenant.id):
        row = MinuteSummary.objects.get()
        assert (row.minute, row.arm, row.phase, row.last_at) == (NOW, "agent", rollout.step, NOW)


def test_the_same_thing_said_again_changes_nothing(world: World) -> None:
    rollout = running(world)
    answered_by_agent(world, "r-1", rollout=rollout, arm="agent")
    assert [reacted(world, ("r-1", "redone")) for _ in range(3)] == [1, 0, 0]
    assert reacted(world, ("r-1", "rechecked")) == 1, "another kind is another thing"
    assert sums(world) == (1, 1, 1, 1, 0), "and still one user who doubts, and one answer that was heard of"


def test_a_user_who_doubts_ten_times_is_one_doubting_user(world: World) -> None:
    rollout = running(world)
    for n in range(10):
        answered_by_agent(world, f"r-{n}", user="ann", rollout=rollout, arm="agent")
    reacted(world, *((f"r-{n}", "rechecked") for n in range(10)))
    assert sums(world) == (10, 1, 1, 10, 0)


def test_a_reaction_that_comes_before_its_record_is_counted_when_that_arrives(world: World) -> None:
    reacted(world, ("r-1", "rechecked"))
    filed(world, request_id="r-1")
    assert sums(world) == (0, 0, 0, 0, 0)
    rollout = running(world)
    answered_by_agent(world, "r-1", rollout=rollout, arm="agent")
    with tenant_transaction(world.tenant.id):
        waiting = list(ReactionRecord.objects.order_by("kind").values_list("kind", "next_look_at"))
        assert waiting == [("rechecked", NOW + timedelta(seconds=5)), ("unhelpful", NOW + timedelta(seconds=5))]
        ids = list(ReactionRecord.objects.values_list("id", flat=True))
        later = NOW + timedelta(seconds=5)
        assert counting.count(tenant_id=world.tenant.id, ids=ids, now=later) == 2
        assert counting.count(tenant_id=world.tenant.id, ids=ids, now=later) == 0
    assert sums(world) == (1, 1, 1, 1, 1)


def test_what_was_given_up_is_looked_for_again_when_it_is_said_again(world: World) -> None:
    reacted(world, ("r-1", "used"))
    with tenant_transaction(world.tenant.id):
        ReactionRecord.objects.update(next_look_at=None)
    answered_by_agent(world, "r-1")
    assert reacted(world, ("r-1", "used")) == 0
    assert sums(world)[3] == 1


def test_one_tenant_that_floods_keeps_no_other_one_waiting(live_world: World) -> None:
    for tenant, workload, many in (
        (live_world.tenant, live_world.workload, 1_200),
        (live_world.other, live_world.foreign, 1),
    ):
        with tenant_transaction(tenant.id):
            said = [(f"r-{n}", "used", "") for n in range(many)]
            actions.react(workload=workload, said=said, actor=SERVICE, now=NOW)
    found = counting.due(NOW + timedelta(seconds=5))
    assert {tenant: len(ids) for tenant, ids in found.items()} == {live_world.tenant.id: 200, live_world.other.id: 1}


def test_a_ticket_speaks_for_its_own_user_alone(world: World) -> None:
    rollout = running(world)
    answered_by_agent(world, "r-1", user="victim", rollout=rollout, arm="agent")
    with tenant_transaction(world.tenant.id):
        said = [("r-1", "rechecked", "mallory")]
        actions.react(workload=world.workload, said=said, actor=SERVICE, is_own=True, now=NOW)
    assert sums(world) == (1, 1, 0, 0, 0)


def test_a_ticket_says_no_more_than_anybody_reads_in_an_hour(world: World) -> None:
    def say(first: int, many: int, user: str = "u", now: datetime = NOW) -> None:
        said = [(f"r-{n}", "used", user) for n in range(first, first + many)]
        with tenant_transaction(world.tenant.id):
            actions.react(workload=world.workload, said=said, actor=SERVICE, is_own=True, now=now)

    say(0, actions.MOST_REACTIONS_AN_HOUR)
    with pytest.raises(Refused, match="within an hour"):
        say(1_000, 1)
    say(2_000, 1, user="another")
    say(1_000, 1, now=NOW + timedelta(hours=1))


def test_one_reporter_is_one_soft_failure_a_stay(world: World) -> None:
    """Thirty reports by one person on other people's answers are no thirty people."""
    rollout = running(world)
    for n in range(5):
        answered_by_agent(world, f"r-{n}", user=f"u{n}", rollout=rollout, arm="agent")
        filed(world, request_id=f"r-{n}")
    filed(world, by=world.erin, request_id="r-0")
    assert sums(world)[4] == 1, "the same answer again, by somebody else, is the same failure"
    answered_by_agent(world, "r-9", rollout=rollout, arm="agent")
    filed(world, by=world.erin, request_id="r-9")
    assert sums(world)[4] == 2
    rollout.step += 1
    answered_by_agent(world, "r-10", rollout=rollout, arm="agent")
    filed(world, request_id="r-10")
    assert sums(world)[4] == 3, "another stay begins anew"


def test_reacting_is_written_down(world: World) -> None:
    reacted(world, ("r-1", "used"), ("r-2", "rechecked"))
    with tenant_transaction(world.tenant.id):
        found = AuditEntry.objects.get(action="feedback.reacted")
    assert (found.actor, json.loads(found.body)["after"]) == ("app", {"reactions": 2})


def test_a_record_that_never_comes_is_looked_for_less_and_less_and_given_up_after_a_day(world: World) -> None:
    reacted(world, ("nothing", "used"))
    at, looks = NOW, 0
    with tenant_transaction(world.tenant.id):
        row = ReactionRecord.objects.get()
        while row.next_look_at is not None:
            at, looks = row.next_look_at, looks + 1
            counting.count(tenant_id=world.tenant.id, ids=[row.id], now=at)
            row.refresh_from_db()
    assert (looks, row.counted_at) == (16, None)
    assert timedelta(days=1) <= at - NOW < timedelta(days=2)


def test_what_is_due_is_found_across_tenants(live_world: World) -> None:
    reacted(live_world, ("r-1", "used"))
    assert counting.due(NOW) == {}
    with tenant_transaction(live_world.tenant.id):
        row = ReactionRecord.objects.get()
    assert counting.due(NOW + timedelta(seconds=5)) == {live_world.tenant.id: [row.id]}


@pytest.mark.parametrize(
    ("said", "code"), [(("r", "liked"), "kind"), (("", "used"), "request_id"), (("x" * 201, "used"), "request_id")]
)
def test_an_unknown_reaction_is_refused_with_all_that_came_with_it(
    world: World, said: tuple[str, str], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        reacted(world, ("r-1", "used"), said)
    assert refused.value.code == code
    with tenant_transaction(world.tenant.id):
        assert not ReactionRecord.objects.exists()


def test_one_that_is_said_at_once_by_many_counts_once(live_world: World) -> None:
    world = live_world
    rollout = running(world)
    answered_by_agent(world, "r-1", rollout=rollout, arm="agent")
    assert together(world, *[lambda: reacted(world, ("r-1", "rechecked"))] * 6) == ["done"] * 6
    assert sums(world) == (1, 1, 1, 1, 0)


def test_a_stay_begins_with_fresh_users_and_the_split_counts_each_once(world: World) -> None:
    """ROLL-6: what was seen before a step is never taken for what came after."""
    rollout = running(world)
    answered_by_agent(world, "r-1", rollout=rollout, arm="agent")
    rollout.step += 1
    answered_by_agent(world, "r-2", rollout=rollout, arm="agent")
    answered_by_agent(world, "r-3", rollout=rollout, arm="control")
    with tenant_transaction(world.tenant.id):
        rows = MinuteSummary.objects.order_by("phase", "arm").values_list("phase", "arm", "seen", "units", "crossed")
        step = rollout.step
        assert list(rows) == [(step - 1, "agent", 1, 1, 0), (step, "agent", 1, 0, 0), (step, "control", 1, 1, 1)]
    reacted(world, ("r-2", "rechecked"))
    with tenant_transaction(world.tenant.id):
        doubted = ExposedUnit.objects.filter(doubted=True).values_list("phase", "arm")
        assert list(doubted) == [(step, "agent")]


def judged(guardrail: GuardrailPlan, **figures: int) -> tuple[Verdict, str]:
    found = judge(guardrail, Figures(**figures), Figures(), alpha=0.005, least=200)
    return found.verdict, sentence(found)


def test_silence_is_no_trust(world: World) -> None:
    """Where nobody says anything the meter isn't connected: no data, and no data never passes."""
    assert judged(TRUST, n=5_000, seen=1_000)[0] is Verdict.NO_DATA
    assert judged(TRUST, n=5_000, seen=1_000, heard=19) == (
        Verdict.INSUFFICIENT,
        "trust signal is 0 % over 1000 users; the limit is 10 %. About 1 more users would tell.",
    )
    assert judged(TRUST, n=5_000, seen=1_000, heard=20)[0] is Verdict.PASS
    assert judged(TRUST, n=60, seen=60, doubting=12, heard=12)[0] is Verdict.INSUFFICIENT
    assert judged(TRUST, n=60, seen=60, doubting=19, heard=19)[0] is Verdict.BREACH, "a fall is seen at once"


def test_trust_is_judged_by_users_and_asks_for_fewer_of_them() -> None:
    few, many = judged(TRUST, n=900, seen=40, heard=40), judged(TRUST, n=900, seen=400, doubting=120, heard=400)
    assert few == (
        Verdict.INSUFFICIENT,
        "trust signal is 0 % over 40 users; the limit is 10 %. About 10 more users would tell.",
    )
    assert many == (Verdict.BREACH, "trust signal is 30 % over 400 users; the limit is 10 %.")


def test_no_report_is_good_news_for_the_soft_failure_rate() -> None:
    assert judged(SOFT, n=1_000)[0] is Verdict.PASS
    assert judged(SOFT, n=1_000, soft_failures=60)[0] is Verdict.BREACH
    assert judged(SOFT)[0] is Verdict.NO_DATA


def traffic(world: World, rollout: Rollout, minute: int, at: datetime, doubting: int, users: int = 40) -> None:
    """A minute of both arms without a single error, in which some of the agent's users re-check."""
    for n in range(users):
        answered_by_agent(world, f"a-{minute}-{n}", user=f"a{minute}-{n}", at=at, rollout=rollout, arm="agent")
        answered_by_agent(world, f"c-{minute}-{n}", user=f"c{minute}-{n}", at=at, rollout=rollout, arm="control")
    kinds = ["rechecked" if n < doubting else "used" for n in range(users)]
    reacted(world, *((f"a-{minute}-{n}", kind) for n, kind in enumerate(kinds)), now=at)


def test_a_rise_in_rechecking_holds_a_rollout_while_every_error_metric_is_well(world: World) -> None:
    rollout, at = running(world, guardrails=(ERRORS, TRUST)), NOW
    for minute in range(3):
        at += MINUTE
        traffic(world, rollout, minute, at - timedelta(seconds=5), doubting=2)
        rollout = look(rollout, at)
    assert rollout.state == "running"
    for minute in range(3, 8):
        at += MINUTE
        traffic(world, rollout, minute, at - timedelta(seconds=5), doubting=20)
        rollout = look(rollout, at)
        if rollout.state != "running":
            break
    assert (rollout.state, rollout.hold_reason) == ("held", "breach")
    assert rollout.note.startswith("trust signal is ") and rollout.note.endswith("the limit is 10 %.")
    with tenant_transaction(world.tenant.id):
        held = RolloutTransition.objects.get(rollout=rollout.id, after="held")
    verdicts = {j["metric"]: (j["verdict"], j["figures"].get("events")) for j in held.figures["judgements"]}
    assert verdicts["trust_signal"][0] == "breach"
    assert verdicts["error_rate"][1] == 0


def test_soft_failures_hold_it_too(world: World) -> None:
    rollout = running(world, guardrails=(ERRORS, SOFT))
    for n in range(30):
        answered_by_agent(world, f"r-{n}", user=f"u{n}", at=NOW + timedelta(seconds=30), rollout=rollout, arm="agent")
    with tenant_transaction(world.tenant.id):
        for n in range(12):
            actions.file_report(
                workload=world.workload,
                told=told(request_id=f"r-{n}"),
                person=actions.outsider(world.tenant.id, f"u{n}"),
                source=Source.API,
                actor=SERVICE,
                now=NOW + timedelta(seconds=40),
            )
    rollout = look(rollout, NOW + MINUTE)
    assert (rollout.state, rollout.note) == (
        "held",
        "soft failure rate is 40 % over 30 transactions; the limit is 2 %.",
    )


def test_reactions_older_than_a_trend_are_forgotten_and_their_sums_stay(world: World) -> None:
    answered_by_agent(world, "r-1")
    reacted(world, ("r-1", "rechecked"))
    with tenant_transaction(world.tenant.id):
        counting.forget(tenant_id=world.tenant.id, now=NOW + timedelta(days=60))
        assert ReactionRecord.objects.count() == 1
        counting.forget(tenant_id=world.tenant.id, now=NOW + timedelta(days=60, seconds=1))
        assert ReactionRecord.objects.count() == 0
    assert sums(world) == (1, 0, 0, 1, 0)
