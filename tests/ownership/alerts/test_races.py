"""CALL-3: the row lock decides between an acknowledgement and a step; whoever comes second knows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.ownership.alerts import actions, climb
from apps.ownership.models import Alert, Notification
from apps.ownership.models.channels import SendState
from portal.errors import PortalError
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_races import at_once
from tests.ownership.alerts.cast import LEAD, MINUTE, events, fresh, opened, person_step, policy_of, reachable
from tests.world import World


def together(world: World, *works: Any) -> list[str]:
    """Each in a transaction and on a connection of its own, at the same moment; what each came to."""
    return [each.code if isinstance(each, PortalError) else "done" for each in at_once(world, *works)]


@pytest.fixture
def alert(live_world: World) -> Alert:
    """Bob was woken five minutes ago; Alice's step is due now."""
    for person in (live_world.bob, live_world.alice):
        reachable(live_world.tenant, person)
    policy_of(live_world, person_step(live_world.bob, 5), person_step(live_world.alice, 10))
    return opened(live_world, datetime.now(UTC) - 5 * MINUTE - timedelta(seconds=1))


@pytest.mark.parametrize("turn", range(6))
def test_never_a_page_that_waits_after_an_acknowledgement(live_world: World, alert: Alert, turn: int) -> None:
    now = datetime.now(UTC)

    def acknowledge() -> None:
        actions.acknowledge(alert=alert, by=live_world.bob, actor=LEAD, now=now)

    def step() -> None:
        climb.run(tenant_id=live_world.tenant.id, ids=[alert.id], now=now)

    works = [acknowledge, step, step] if turn % 2 else [step, step, acknowledge]
    assert together(live_world, *works) == ["done"] * 3
    found = fresh(alert)
    assert (found.state, found.acknowledged_by_id) == ("acknowledged", live_world.bob.id)
    with tenant_transaction(live_world.tenant.id):
        rows = Notification.objects.filter(alert=alert.id, channel__isnull=False)
        assert set(rows.values_list("state", flat=True)) == {SendState.CANCELLED}
        assert rows.count() == found.entry <= 2, "each entry woke one person once"
    kinds = [kind for _, kind in events(alert)]
    assert kinds.count("entered") == found.entry and kinds[-1] == "acknowledged"


def test_of_two_who_escalate_the_same_step_at_once_one_does(live_world: World, alert: Alert) -> None:
    def escalate() -> None:
        actions.escalate(alert=alert, actor=LEAD, now=datetime.now(UTC), entry_seen=1)

    assert sorted(together(live_world, escalate, escalate, escalate)) == ["done", "stale", "stale"]
    assert fresh(alert).entry == 2


def test_of_two_who_acknowledge_at_once_one_has_it_and_the_other_is_told(live_world: World, alert: Alert) -> None:
    def by(person: Any) -> Any:
        return lambda: actions.acknowledge(alert=alert, by=person, actor=LEAD, now=datetime.now(UTC))

    outcome = together(live_world, by(live_world.bob), by(live_world.alice))
    assert sorted(outcome) == ["acknowledged", "done"]
