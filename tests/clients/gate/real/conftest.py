"""The real portal behind the same tests: one live server for all of them, a fresh tenant for each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.budgets import holds
from apps.budgets.rules import LEAST_HELD, Offer, Pattern
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import SONNET, gated, held, settled
from tests.clients.gate.ledger import PRIMARY, SMALLER
from tests.clients.gate.real.books import Forwarding, Real
from tests.clients.gate.serving import Portal, portal
from tests.clients.server import served
from tests.pricing.cast import priced
from tests.world import World

CALLS = 50


@pytest.fixture(scope="session")
def live_address(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), served() as address:
        yield address


@pytest.fixture
def open_portal(live_world: World, live_address: str) -> Callable[..., Portal]:
    """Its workload W-01 is in service. ``learned``: what a call holds was, from fifty calls of somebody else."""

    def make(
        *, ceiling: int = 1_000, pattern: Pattern = Pattern.HARD, may_degrade: bool = True, learned: bool = False
    ) -> Portal:
        _in_service(live_world)
        gated(live_world, ceiling=ceiling, pattern=pattern)
        with tenant_transaction(live_world.tenant.id):
            Workload.objects.filter(id=live_world.workload.id).update(may_degrade=may_degrade)
        if learned:
            _learn(live_world)
        return Portal(live_address, live_world.token("decide"), Real(live_world))

    return make


@pytest.fixture
def open_door(open_portal: Callable[..., Portal]) -> Iterator[Callable[..., Portal]]:
    """The same behind a door at which answers get lost."""
    with ExitStack() as stack:

        def make(**gate: Any) -> Portal:
            real = open_portal(**gate)
            assert isinstance(real.ledger, Real)
            books = Forwarding(real.ledger.world, real.address)
            return stack.enter_context(portal(books, real.token))

        yield make


def _in_service(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        Workload.objects.filter(id=world.workload.id).update(serving_version=world.candidate)
    now = datetime.now(UTC)
    for model, given, taken in ((PRIMARY, "3", "15"), (SMALLER, "1", "5")):
        priced(world, model, now.date(), given, taken, now=now)


def _learn(world: World) -> None:
    """Ten tokens each, so what is held is the least that ever is."""
    now = datetime.now(UTC)
    offer = Offer(PRIMARY, 20, SONNET.input_price, SONNET.output_price)
    for number in range(CALLS):
        found = held(world, user_key=f"before-{number}", now=now, primary=offer)
        settled(world, found, 10, 10, now=now)
    with tenant_transaction(world.tenant.id):
        assert holds.learn(tenant_id=world.tenant.id, now=now) == 1
        assert set(holds.sizes(world.tenant.id).values()) == {LEAST_HELD}
