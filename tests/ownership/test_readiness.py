"""H6 and the on-call start condition (ROLL-2) against the database: somebody answers, or nothing goes on."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.gates import queries as gates
from apps.gates.freshness import Standing
from apps.ownership import actions, queries
from apps.ownership.models import Rota, TeamOfThree
from apps.ownership.schedule import Change
from apps.rollouts import actions as rollouts
from apps.rollouts.oncall import _somebody_answers
from apps.workloads.models import Workload
from portal.errors import Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.gates.test_gates import name_three
from tests.ownership.test_rotas import night
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import approved, drafted
from tests.world import NOW, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def h6(world: World, now: Any = NOW) -> Standing:
    world.workload.refresh_from_db()
    return next(s for s in gates.gate(world.workload, "harden", now).standings if s.criterion.id == "H6")


def absent(world: World, start: Any, end: Any) -> None:
    """Bob, who alone answers for W-01, is away."""
    rota = queries.primary(world.workload)
    assert rota is not None
    actions.add_override(
        rota=rota,
        change=Change.REMOVE,
        start=start,
        end=end,
        person=world.bob,
        by=world.bob,
        reason="holidays",
        actor=world.actor(world.bob),
        now=NOW,
    )


def test_h6_wants_three_jobs_named_and_thirty_days_without_a_gap(world: World, tenant: None) -> None:
    assert h6(world).why == "Nobody is named as Workflow optimizer, AI-data engineer, Incident responder."
    name_three(world)
    assert (h6(world).state, h6(world).why) == ("pass", "Three jobs, Support on call covered for 44 days.")
    absent(world, NOW + 20 * DAY, NOW + 21 * DAY)
    assert h6(world).why == "Support on call has a gap in 20 days; 30 days without one are wanted."
    Workload.objects.update(team=None)
    assert h6(world).why == "No rota answers for it."
    TeamOfThree.objects.all().delete()
    assert h6(world).state == "not_reported"


def test_the_tick_looks_further_ahead_as_time_passes(world: World, tenant: None) -> None:
    name_three(world)
    rota = queries.primary(world.workload)
    assert rota is not None
    assert h6(world, NOW + 20 * DAY).state == "fail", "nobody has looked beyond that yet"
    actions.freeze(rota=rota, now=NOW + 20 * DAY)
    assert h6(world, NOW + 20 * DAY).state == "pass"


def test_a_team_of_three_is_three_jobs_two_for_one_person_at_most(world: World, tenant: None) -> None:
    alice = world.actor(world.alice)
    same: dict[str, Any] = {key: [world.bob.id] for key in ("optimizer", "engineer", "responder")}
    for named in (same, {**same, "engineer": []}, {**same, "engineer": [world.mallory.id]}, {**same, "juggler": []}):
        with pytest.raises(Invalid):
            actions.name_team(workload=world.workload, named=named, actor=alice)
    assert not TeamOfThree.objects.exists()
    actions.name_team(workload=world.workload, named={**same, "engineer": [world.erin.id]}, actor=alice)
    assert TeamOfThree.objects.count() == 3


def test_nobody_starts_a_rollout_while_nobody_would_be_woken(world: World) -> None:
    rollout = approved(world)
    with tenant_transaction(world.tenant.id):
        absent(world, NOW, NOW + HOUR)
        alice = world.actor(world.alice)
        with pytest.raises(Refused, match="Nobody is on call now: Support on call has a gap"):
            rollouts.start_rollout(rollout=rollout, actor=alice, now=NOW)
        rollout.refresh_from_db()
        assert rollout.state == "awaiting_approval"
        assert rollouts.start_rollout(rollout=rollout, actor=alice, now=NOW + HOUR).state == "running"


def test_a_workload_without_a_team_or_whose_team_has_no_rota_is_not_rolled_out(world: World) -> None:
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        assert _somebody_answers(rollout, NOW) == ""
        rollout.workload.team = night(world)
        assert _somebody_answers(rollout, NOW) == "The team Night has no rota."
        rollout.workload.team = None
        assert _somebody_answers(rollout, NOW) == "No team answers for this workload."


def test_the_page_says_who_answers_and_takes_the_three(world: World) -> None:
    alice, url = signed_in("alice"), "/t/acme/workloads/W-01/people/"
    assert "Nobody is named as" in alice.get(url).content.decode()
    same = {job: [str(world.bob.id)] for job in ("optimizer", "engineer", "responder")}
    assert alice.post(url, same).status_code == 400
    assert signed_in("bob").post(url, {**same, "engineer": [str(world.alice.id)]}).status_code == 403
    assert alice.post(url, {**same, "engineer": [str(world.alice.id)]}).status_code == 302
    page = alice.get(url).content.decode()
    assert "Bob, for Support" in page and "Nobody is named" not in page
    with tenant_transaction(world.tenant.id):
        assert Rota.objects.filter(team=world.team).count() == 1
