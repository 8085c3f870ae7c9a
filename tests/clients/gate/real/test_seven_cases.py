"""COST-4 over HTTP on the real portal: the seven cases that LiteLLM's own budgets were measured in, with the clients
that are shipped. Nothing goes over in any, and less than 1 % can't be used.

Where a call holds what was learned, the rest is what the least answer doesn't fit into: at most 25 tokens, of 2,600.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import litellm
import pytest

from apps.budgets.models import Closure
from causeway_client import AsyncClient, BudgetRefused
from causeway_client.litellm_hook import CausewayHook, GateRefused
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.clients.gate.callers import REPLY_SECONDS, SAID, SENT, Plan, use_up
from tests.clients.gate.ledger import PRIMARY
from tests.clients.gate.serving import Model, Portal
from tests.clients.gate.test_seven_cases import processes, used_up
from tests.world import World

CEILING, SMALL = 2_600, 1_300
PAUSE = 0.2  # of a refused caller
Maker = Callable[..., Any]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(callers=1, seconds=0, is_patient=True), id="1: one caller, limit as the reply"),
        pytest.param(Plan(is_patient=True), id="2: 64 callers, limit as the reply"),
        pytest.param(Plan(limit=None, is_patient=True), id="3: 64 callers, no limit asked for"),
        pytest.param(Plan(limit=SAID // 4, is_patient=True), id="4: 64 callers, limit a quarter of the reply"),
    ],
)
def test_the_client_uses_up_the_ceiling_and_no_more(open_portal: Maker, plan: Plan) -> None:
    ceiling = SMALL if plan.limit else CEILING
    portal = open_portal(ceiling=ceiling, learned=plan.limit is None)
    use_up(portal.address, portal.token, plan)
    used_up(portal, ceiling)


def test_the_client_for_event_loops_does_too(open_portal: Maker) -> None:
    portal = open_portal(ceiling=CEILING, learned=True)
    asyncio.run(use_up_in_a_loop(portal))
    used_up(portal, CEILING)


async def use_up_in_a_loop(portal: Portal) -> None:
    async with AsyncClient(portal.address, portal.token, timeout=20.0) as client:
        await asyncio.gather(*(_asks(client) for _ in range(64)))


async def _asks(client: AsyncClient) -> None:
    while True:
        try:
            async with client.request(workload="W-01", user="u", input_tokens=SENT) as call:
                await asyncio.sleep(REPLY_SECONDS)
                call.used(input_tokens=SENT, output_tokens=min(SAID, call.max_output_tokens or 0))
        except BudgetRefused as error:
            if not error.budget["held"]:
                return
            await asyncio.sleep(PAUSE)


def test_4_a_model_that_ignores_its_limit_is_recorded_alerts_and_is_shut_out(
    open_portal: Maker, live_world: World
) -> None:
    portal = open_portal(ceiling=CEILING)
    plan = Plan(limit=SAID // 4, obeys=False)
    seen = use_up(portal.address, portal.token, plan)
    book = portal.book()
    assert book.is_closed and seen["closed"] == plan.callers
    assert len(book.rows) == seen["answered"] <= 2 * plan.callers
    assert book.settled == seen["answered"] * (SENT + SAID) <= CEILING
    with tenant_transaction(live_world.tenant.id):
        assert Closure.objects.get().over == SAID - SAID // 4
        alerts = OutboxMessage.objects.filter(topic="alert.raise", payload__source="budget")
        assert {row.payload["severity"] for row in alerts} == {"critical"}
    other = Portal(portal.address, live_world.token("decide"), portal.ledger)
    assert use_up(other.address, other.token, Plan(callers=1, seconds=0))["answered"] > 0, "another token goes on"


def test_5_two_processes_share_one_budget(open_portal: Maker) -> None:
    portal = open_portal(ceiling=SMALL)
    plan = Plan(callers=32, is_patient=True)
    with processes(portal, plan, plan) as workers:
        for worker in workers:
            worker.join(60)
    used_up(portal, SMALL)


def test_6_one_of_two_processes_is_killed_and_its_holds_stand(open_portal: Maker) -> None:
    """What it may have spent is not given out again; the other uses the rest."""
    portal = open_portal(ceiling=SMALL)
    all_of_its = 32 * (SENT + SAID)
    with processes(portal, Plan(callers=32, seconds=300)) as (victim,):
        while portal.book().held < all_of_its:
            time.sleep(0.02)
        with processes(portal, Plan(callers=32)) as (other,):
            while portal.book().settled < SMALL // 8:
                time.sleep(0.02)
            victim.kill()
            other.join(60)
    assert (portal.book().settled, portal.book().held) == (SMALL - all_of_its, all_of_its)


@pytest.mark.parametrize(("limit", "ceiling"), [(60, SMALL), (None, CEILING), (15, 650)])
def test_7_litellms_router_with_our_hook(
    open_portal: Maker, open_model: Maker, limit: int | None, ceiling: int
) -> None:
    """A reply of 60 tokens: with a limit as the reply, with none, and with a quarter of it."""
    portal, provider = open_portal(ceiling=ceiling, learned=not limit), open_model(words=60, delay=REPLY_SECONDS)
    asyncio.run(use_up_through_litellm(portal, provider, limit))
    used_up(portal, ceiling)
    assert provider.billed == portal.book().settled


async def use_up_through_litellm(portal: Portal, provider: Model, limit: int | None) -> None:
    deployment = {"model": "openai/gpt", "api_base": provider.address, "api_key": "k"}
    router = litellm.Router(model_list=[{"model_name": PRIMARY, "litellm_params": deployment}])
    message = {"role": "user", "content": "word " * SENT}
    body = {"messages": [message], **({"max_tokens": limit} if limit else {})}
    async with AsyncClient(portal.address, portal.token, timeout=20.0) as client:
        hook = CausewayHook(client, count=lambda body: SENT)
        litellm.callbacks = [hook]
        await asyncio.gather(*(_routes(hook, router, body) for _ in range(64)))
    litellm.logging_callback_manager._reset_all_callbacks()


async def _routes(hook: CausewayHook, router: Any, body: dict[str, Any]) -> None:
    while True:
        try:
            async with hook.request(body, workload="W-01", user="u") as request:
                await router.acompletion(**request)
        except GateRefused as refused:
            assert isinstance(refused.error, BudgetRefused)
            if not refused.error.budget["held"]:
                return
            await asyncio.sleep(PAUSE)
