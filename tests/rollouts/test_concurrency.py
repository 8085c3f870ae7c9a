"""ROLL-7 over real connections: two that move a rollout at once, one that wins."""

from threading import Barrier, Thread

from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.rollouts import actions
from apps.rollouts.machine import State
from apps.rollouts.models import Rollout
from apps.rollouts.queries import due
from portal.errors import Refused
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.rollouts.factory import MINUTE, look, running, send
from tests.world import NOW, World


def at_once(*works: object) -> list[str]:
    """Run these at the same moment, each on a connection of its own; what each came to."""
    barrier, found = Barrier(len(works)), [""] * len(works)

    def work(place: int) -> None:
        barrier.wait()
        try:
            works[place]()  # type: ignore[operator]
            found[place] = "done"
        except Refused as error:
            found[place] = error.code
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def test_of_two_people_who_roll_back_at_once_one_does(live_world: World) -> None:
    rollout = running(live_world)
    alice = live_world.actor(live_world.alice)

    def roll_back() -> None:
        with tenant_transaction(live_world.tenant.id):
            fresh = Rollout.objects.select_related("workload", "version").get(id=rollout.id)
            actions.roll_back(rollout=fresh, actor=alice, now=NOW, reason="rude")

    outcome = at_once(roll_back, roll_back, roll_back)
    assert outcome.count("done") == 1
    with tenant_transaction(live_world.tenant.id):
        assert OutboxMessage.objects.filter(topic="alert.raise").count() == 1
        assert rollout.transitions.filter(after=State.ROLLING_BACK).count() == 1


def test_of_many_workers_on_one_due_rollout_one_acts(live_world: World) -> None:
    rollout = running(live_world)
    send(rollout, at=NOW, agent=(60, 40), control=(60, 0))
    assert at_once(*[lambda: look(rollout, NOW + MINUTE)] * 5) == ["done"] * 5
    with tenant_transaction(live_world.tenant.id):
        assert rollout.transitions.filter(after=State.ROLLING_BACK).count() == 1


def test_what_is_due_is_found_across_tenants_in_one_statement(live_world: World) -> None:
    rollout = running(live_world)
    with CaptureQueriesContext(connections["ops"]) as captured:
        assert due(NOW + MINUTE) == {live_world.tenant.id: [rollout.id]}
    assert len(captured) == 1
    assert due(NOW - MINUTE) == {}
