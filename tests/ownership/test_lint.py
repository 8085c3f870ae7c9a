"""What is odd about who answers is said before it hurts: channels, absences, empty steps, everybody's own time."""

from datetime import UTC, datetime, timedelta

from django.test import Client

from apps.ownership import presenter
from apps.ownership import queries as rotas
from apps.ownership.channels import actions as channels
from apps.ownership.models import Rota
from apps.tenants import actions as tenants
from apps.tenants.models import Membership
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import opened, reachable
from tests.world import PASSWORD, World


def findings(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        rota = Rota.objects.select_related("team").get(team=world.team, rank=1)
        return presenter.present(rota, datetime.now(UTC), UTC).findings


def test_a_rota_of_people_whom_nothing_reaches_says_so(world: World) -> None:
    assert "Nobody can be woken: not one of them has a verified channel." in findings(world)
    reachable(world.tenant, world.bob, verified_at=None)
    assert "Nobody can be woken: not one of them has a verified channel." in findings(world)
    reachable(world.tenant, world.bob)
    assert not any("channel" in finding for finding in findings(world))


def test_a_shift_of_somebody_who_will_be_away_is_a_clash(world: World) -> None:
    start = datetime.now(UTC) + timedelta(days=2)
    with tenant_transaction(world.tenant.id):
        channels.plan_absence(
            tenant_id=world.tenant.id,
            person=world.bob,
            start=start,
            end=start + timedelta(days=1),
            note="",
            actor=world.actor(world.bob),
            now=datetime.now(UTC),
        )
    assert f"Bob is away and on call from {start:%d %b %H:%M} UTC." in findings(world)


def test_everybody_is_shown_on_their_own_clock(world: World) -> None:
    client = Client()
    assert client.login(email="bob@example.org", password=PASSWORD)
    assert client.post("/t/acme/rotas/me/zone/", {"zone": "Mars/Base"}).status_code == 400
    client.post("/t/acme/rotas/me/zone/", {"zone": "Asia/Kathmandu"})
    with tenant_transaction(world.tenant.id):
        rota = rotas.of_team(world.tenant.id, "support")
        assert rota is not None
    shown = client.get(f"/t/acme/rotas/{rota.id}/").content.decode()
    assert "Asia/Kathmandu" in shown and "Begins for Bob" in shown


def test_a_step_behind_which_nobody_ever_stands_is_named(world: World) -> None:
    client = Client()
    assert client.login(email="bob@example.org", password=PASSWORD)
    shown = client.get("/t/acme/rotas/teams/support/").content.decode()
    assert "Step 2 is always empty" in shown and "Step 1 is always empty" not in shown


def test_what_a_team_carries_at_once_is_limited_with_a_reason(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        tenants.limit_rollouts(team=world.team, at_once=3, actor=world.actor(world.adam), reason="two more people")
        world.team.refresh_from_db()
        assert world.team.rollouts_at_once == 3


def test_a_workload_without_a_team_or_whose_owner_left_is_unowned_wherever_it_is_shown(world: World) -> None:
    client = Client()
    assert client.login(email="audrey@example.org", password=PASSWORD)
    pages = ("workloads/", "workloads/W-01/", "workloads/W-01/people/")
    assert not any("nowned" in client.get(f"/t/acme/{page}").content.decode() for page in pages)
    with tenant_transaction(world.tenant.id):
        Membership.objects.filter(user=world.alice).update(ended_at=datetime.now(UTC))
    assert all("nowned" in client.get(f"/t/acme/{page}").content.decode() for page in pages)
    with tenant_transaction(world.tenant.id):
        Membership.objects.filter(user=world.alice).update(ended_at=None)
        Workload.objects.filter(id=world.workload.id).update(team=None)
    assert all("nowned" in client.get(f"/t/acme/{page}").content.decode() for page in pages)
    headers = {"Authorization": f"Bearer {world.token('read')}"}
    assert Client(headers=headers).get("/api/v1/t/acme/workloads/W-01").json()["is_unowned"] is True


def test_home_says_first_what_is_wrong(world: World) -> None:
    client = Client()
    assert client.login(email="bob@example.org", password=PASSWORD)
    assert "Open alerts" not in client.get("/t/acme/").content.decode()
    opened(world, datetime.now(UTC))
    shown = client.get("/t/acme/").content.decode()
    assert "1 open alert nobody has: It is broken." in shown and "nobody has it" in shown
