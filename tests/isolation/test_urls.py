"""TEN-1 and access by URL, generated from the resolver: every address, every method, four kinds of caller."""

import re
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from apps.workloads import actions
from portal.tenancy.context import tenant_transaction
from tests.isolation import leaks
from tests.isolation.addresses import OURS, TENANTS, Address
from tests.isolation.populate import populate
from tests.world import PASSWORD, SETUP, World

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.mark.parametrize("address", OURS, ids=lambda a: a.route or "/")
def test_every_view_declares_who_may_call_it(address: Address) -> None:
    assert getattr(address.view, "access", None) is not None


def signed_in(world: World, name: str) -> Client:
    client = Client(raise_request_exception=True)
    assert client.login(email=f"{name}@example.org", password=PASSWORD)
    return client


def counts() -> dict[str, int]:
    """All rows of all tenants, as the owner sees them."""
    found = {}
    with connections["owner"].cursor() as cursor:
        for table in leaks.tables():
            cursor.execute(f'select count(*), coalesce(sum(hashtext(t::text)::bigint), 0) from "{table}" t')
            found[table] = cursor.fetchone()
    # When a token was last used is the one thing that a refused request may write.
    found.pop("accounts_apitoken")
    return found


def test_nobody_reaches_another_tenant_by_any_address_or_method(live_world: World) -> None:
    """With real ids: first shown to be there for their own people, then not for anybody else, and unchanged."""
    ours, theirs = populate(live_world)
    mallory, alice, stranger = signed_in(live_world, "mallory"), signed_in(live_world, "alice"), Client()
    foreign_token = {
        "Authorization": f"Bearer {live_world.token('read', 'write', 'operate', 'telemetry', tenant=live_world.other)}"
    }
    before = counts()
    for address in TENANTS:
        path, disguised = address.path("acme", ours.ids), address.path("umbra", ours.ids)
        for method in METHODS:
            assert _ask(mallory, method, path).status_code == 404, f"{method} {path} as a member of another tenant"
            if address.path("umbra", theirs.ids) != disguised:
                status = _ask(mallory, method, disguised).status_code
                assert status in {404, 405}, f"{method} {disguised}: our ids under their address gave {status}"
            refused = _ask(stranger, method, path)
            assert refused.status_code == (401 if path.startswith("/api/") else 302), f"{method} {path} anonymously"
            if path.startswith("/api/"):
                answer = _ask(stranger, method, path, headers=foreign_token)
                assert answer.status_code == 404, f"{method} {path} with another tenant's token"
    assert counts() == before
    assert alice.get(f"/t/acme/workloads/{ours.workload.key}/").status_code == 200


def test_the_404_of_a_foreign_tenant_is_that_of_none(world: World) -> None:
    mallory = signed_in(world, "mallory")
    foreign, none = mallory.get("/t/acme/workloads/"), mallory.get("/t/nowhere/workloads/")
    assert foreign.status_code == none.status_code == 404
    clean = [_without_ids(answer.content.decode()) for answer in (foreign, none)]
    assert clean[0] == clean[1]


def test_a_member_without_a_grant_gets_404_can_act_with_one_and_loses_it_at_once(world: World) -> None:
    ours, _ = populate(world)
    charlie = signed_in(world, "charlie")
    pages = [a.path("acme", ours.ids) for a in TENANTS if "<str:key>" in a.route or "<uuid:rollout_id>" in a.route]
    assert len(pages) > 15
    for path in pages:
        assert {_ask(charlie, method, path).status_code for method in METHODS} <= {404, 405}, path
    hold = f"/t/acme/rollouts/{ours.rollout.id}/hold/"
    arguments = {"workload": ours.workload, "user": world.charlie, "permission": "operate_workload", "actor": SETUP}
    with tenant_transaction(world.tenant.id):
        actions.permit_person(**arguments)
    assert charlie.post(hold, {"reason": "too loud"}).status_code == 302
    with tenant_transaction(world.tenant.id):
        ours.rollout.refresh_from_db()
        assert ours.rollout.state == "held"
        actions.forbid_person(**arguments)
    assert charlie.post(f"/t/acme/rollouts/{ours.rollout.id}/resume/", {"reason": "x"}).status_code == 404


def test_every_page_answers_its_own_people(world: World) -> None:
    ours, _ = populate(world)
    seen = {name: signed_in(world, name) for name in ("alice", "adam", "erin")}
    for address in TENANTS:
        path = address.path("acme", ours.ids)
        statuses = {name: client.get(path).status_code for name, client in seen.items()}
        # 405 is a button: it takes a POST alone.
        assert 200 in statuses.values() or set(statuses.values()) <= {405, 403}, f"{path}: {statuses}"


def _ask(client: Client, method: str, path: str, **options: Any) -> Any:
    return getattr(client, method)(path, **({} if method == "get" else {"content_type": "application/json"}), **options)


def _without_ids(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"|request \w+', "", page)
