"""A tenant keeps an admin: by page, admin site and API, and when two shut each other out at once."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from apps.tenants import actions, queries
from apps.tenants.models import Membership
from apps.tenants.roles import Role
from portal.errors import Refused
from portal.tenancy.context import tenant_transaction
from tests.signingin import by_password
from tests.world import World

NOW = datetime.now(UTC)


def of(world: World, name: str) -> Membership:
    with tenant_transaction(world.tenant.id):
        found = queries.membership(world.tenant.id, world.people[name].id)
        assert found is not None
        return found


def admins(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        rows = queries.members(world.tenant.id).filter(roles__contains=[Role.ADMIN])
        return sorted(row.user.email.split("@")[0] for row in rows)


def test_by_page_admin_and_api_the_last_admin_stays(world: World) -> None:
    adam, one = by_password("adam"), of(world, "adam").id
    adam.post("/admin/tenant/", {"slug": "acme", "reason": "r"})
    page, api = f"/t/acme/people/{one}/", f"/api/v1/t/acme/members/{one}"
    assert b"last admin" in adam.post(page, {"roles": ["frontline"]}).content
    assert adam.post(f"{page}end/").status_code == 409
    answer = adam.put(api, {"roles": []}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert adam.delete(api).status_code == 409
    adam.post(f"/admin/tenants/membership/{one}/change/", {"roles": ["frontline"]})
    adam.post("/admin/tenants/membership/", {"action": "end_memberships", "_selected_action": [str(one)]})
    assert admins(world) == ["adam"]


def test_with_another_admin_one_may_leave(world: World) -> None:
    adam, erin = by_password("adam"), of(world, "erin").id
    assert adam.post(f"/t/acme/people/{erin}/", {"roles": ["admin"]}).status_code == 302
    assert adam.delete(f"/api/v1/t/acme/members/{of(world, 'adam').id}").status_code == 204
    assert admins(world) == ["erin"]
    assert adam.get("/t/acme/").status_code == 404


def demote(world: World, victim: str, by: str) -> None:
    actions.set_roles(member=of(world, victim), roles=[], actor=world.actor(world.people[by]))


def shut_out(world: World, victim: str, by: str) -> None:
    actions.end_membership(member=of(world, victim), actor=world.actor(world.people[by]), now=NOW)


@pytest.mark.parametrize("how", [demote, shut_out], ids=["demoted", "shut out"])
def test_of_two_admins_who_shut_each_other_out_at_once_one_is_refused(
    live_world: World, how: Callable[[World, str, str], None]
) -> None:
    """Over two real connections, both inside their transactions before either has committed."""
    world = live_world
    with tenant_transaction(world.tenant.id):
        actions.set_roles(member=of(world, "erin"), roles=["admin"], actor=world.actor(world.adam))
    both, outcomes = threading.Barrier(2), dict[str, Any]()

    def run(victim: str, by: str) -> None:
        try:
            with tenant_transaction(world.tenant.id):
                both.wait(timeout=10)
                how(world, victim, by)
            outcomes[by] = "done"
        except Refused as error:
            outcomes[by] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in (("erin", "adam"), ("adam", "erin"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes.values()) == ["done", "last_admin"]
    assert len(admins(world)) == 1
