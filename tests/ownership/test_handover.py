"""CALL-1: one owner and one team at any time; handing over is an event that the new ones accept."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.approvals import queries as approvals
from apps.ownership import handover
from apps.ownership.models import Handover, OwnershipPeriod
from apps.rollouts import actions as rollouts
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_races import at_once
from tests.ownership.test_rotas import night
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import drafted
from tests.signing import approve, sign
from tests.world import NOW, World

HOUR = timedelta(hours=1)


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def offered(world: World, to: Any, reason: str = "a new job") -> Handover:
    alice = world.actor(world.alice)
    return handover.offer(workload=world.workload, to=to, reason=reason, by=world.alice, actor=alice, now=NOW)


def accepted(world: World, row: Handover, name: str, now: Any = NOW + HOUR) -> Handover:
    user = getattr(world, name)
    return handover.accept(handover=row, by=user, actor=world.actor(user), now=now)


def may(world: World, name: str) -> frozenset[str]:
    return workloads.permissions_on(world.workload, world.actor(getattr(world, name)))


def test_a_workload_changes_hands_when_the_new_owner_accepts_and_rights_go_with_it(world: World, tenant: None) -> None:
    row = offered(world, world.charlie)
    world.workload.refresh_from_db()
    assert world.workload.owner == world.alice, "an offer changes nothing"
    with pytest.raises(Forbidden):
        accepted(world, row, "bob")
    accepted(world, row, "charlie")
    world.workload.refresh_from_db()
    assert world.workload.owner == world.charlie
    assert ("manage_workload" in may(world, "charlie"), "manage_workload" in may(world, "alice")) == (True, False)
    with pytest.raises(Conflict):
        accepted(world, row, "charlie")


def test_a_team_takes_it_on_by_anybody_in_it(world: World, tenant: None) -> None:
    row = offered(world, night(world))
    with pytest.raises(Forbidden):
        accepted(world, row, "charlie")
    accepted(world, row, "bob")
    world.workload.refresh_from_db()
    assert world.workload.team is not None
    assert (world.workload.team.slug, world.workload.owner) == ("night", world.alice)


def test_its_periods_follow_each_other_without_a_hole(world: World, tenant: None) -> None:
    accepted(world, offered(world, world.charlie), "charlie", NOW + 24 * 365 * HOUR)
    row = handover.offer(
        workload=Workload.objects.get(id=world.workload.id),
        to=night(world),
        reason="r",
        by=world.charlie,
        actor=world.actor(world.charlie),
        now=NOW,
    )
    accepted(world, row, "bob", NOW + 24 * 366 * HOUR)
    periods = list(OwnershipPeriod.objects.order_by("start"))
    assert [(p.owner, p.team and p.team.slug) for p in periods] == [
        (world.alice, "support"),
        (world.charlie, "support"),
        (world.charlie, "night"),
    ]
    assert [p.end for p in periods] == [periods[1].start, periods[2].start, None]
    with pytest.raises(IntegrityError), transaction.atomic():
        OwnershipPeriod.objects.create(tenant=world.tenant, workload=world.workload, owner=world.bob, start=NOW)


def test_who_takes_it_on_can_no_longer_sign_for_what_waits(world: World) -> None:
    """APPR-2: the owner of today can't either."""
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        rollouts.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
        accepted(world, offered(world, world.erin), "erin")
        request = approvals.latest(world.tenant.id, "rollout", rollout.id)
        assert request is not None
        with pytest.raises(Forbidden, match="owns the workload"), transaction.atomic():
            sign(request, world.erin, world.actor(world.erin), NOW + HOUR)
        with pytest.raises(Forbidden), transaction.atomic():
            approve(rollout, world.alice, world.actor(world.alice), NOW + HOUR)


def test_an_offer_is_one_with_a_reason_and_to_somebody_else_of_this_tenant(world: World, tenant: None) -> None:
    with pytest.raises(Invalid, match="Say why"):
        offered(world, world.charlie, " ")
    with pytest.raises(Invalid, match="member"):
        offered(world, world.mallory)
    with pytest.raises(Refused, match="theirs already"):
        offered(world, world.alice)
    offered(world, world.charlie)
    with pytest.raises(Refused, match="offered to somebody already"):
        offered(world, world.bob)
    offered(world, night(world))


def test_an_offer_is_declined_or_withdrawn_by_those_concerned(world: World, tenant: None) -> None:
    row = offered(world, world.charlie)
    with pytest.raises(Forbidden):
        handover.end(handover=row, by=world.bob, actor=world.actor(world.bob), now=NOW)
    handover.end(handover=row, by=world.charlie, actor=world.actor(world.charlie), now=NOW)
    with pytest.raises(Conflict):
        accepted(world, row, "charlie")
    assert not OwnershipPeriod.objects.exists()


def test_of_an_acceptance_and_a_withdrawal_at_once_one_counts(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        row = offered(live_world, live_world.charlie)
    alice, charlie = live_world.actor(live_world.alice), live_world.actor(live_world.charlie)

    def mine() -> Handover:
        return Handover.objects.select_related("workload", "to_owner").get(id=row.id)

    answers = at_once(
        live_world,
        lambda: handover.accept(handover=mine(), by=live_world.charlie, actor=charlie, now=NOW + HOUR),
        lambda: handover.end(handover=mine(), by=live_world.alice, actor=alice, now=NOW + HOUR),
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    with tenant_transaction(live_world.tenant.id):
        taken = Handover.objects.get().accepted_by_id is not None
        assert (Workload.objects.get(key="W-01").owner == live_world.charlie) is taken


def test_it_is_offered_on_the_page_and_accepted_by_somebody_who_could_not_even_see_it(world: World) -> None:
    alice, charlie = signed_in("alice"), signed_in("charlie")
    url = "/t/acme/workloads/W-01/people/"
    both = {"to_owner": str(world.charlie.id), "to_team": str(world.team.id), "reason": "r"}
    assert alice.post(f"{url}offer/", both).status_code == 400
    assert alice.post(f"{url}offer/", {"to_owner": str(world.charlie.id), "reason": "leaving"}).status_code == 302
    assert "Offered to Charlie by Alice" in alice.get(url).content.decode()
    assert charlie.get(url).status_code == 404
    page = charlie.get("/t/acme/handovers/").content.decode()
    assert "leaving" in page and "Accept" in page
    with tenant_transaction(world.tenant.id):
        row = Handover.objects.get()
    assert signed_in("bob").post(f"/t/acme/handovers/{row.id}/accept/").status_code == 404
    assert charlie.post(f"/t/acme/handovers/{row.id}/accept/").status_code == 302
    assert "Charlie" in charlie.get(url).content.decode()
    assert charlie.post(f"/t/acme/handovers/{row.id}/accept/").status_code == 404


def test_the_api_says_who_answers_names_the_three_and_hands_over(world: World) -> None:
    alice, charlie = signed_in("alice"), signed_in("charlie")
    base = "/api/v1/t/acme/"

    def send(client: Any, method: str, url: str, body: Any) -> Any:
        return getattr(client, method)(f"{base}{url}", json.dumps(body), content_type="application/json")

    three = {"optimizer": ["alice@example.org"], "engineer": ["bob@example.org"], "responder": ["bob@example.org"]}
    assert send(signed_in("bob"), "put", "workloads/W-01/people", three).status_code == 403
    stranger = {**three, "engineer": ["mallory@example.org"]}
    assert send(alice, "put", "workloads/W-01/people", stranger).status_code == 400
    assert send(alice, "put", "workloads/W-01/people", {"optimizer": []}).status_code == 400
    shown = send(alice, "put", "workloads/W-01/people", three).json()
    assert (shown["responder"], shown["on_call"]) == (["bob@example.org"], ["bob@example.org"])
    assert alice.get(f"{base}workloads/W-01/people").json() == shown

    body = {"to_owner": "charlie@example.org", "reason": "leaving"}
    assert send(alice, "post", "workloads/W-01/handovers", {**body, "to_team": "support"}).status_code == 400
    assert send(alice, "post", "workloads/W-01/handovers", {"to_team": "nowhere", "reason": "r"}).status_code == 404
    made = send(alice, "post", "workloads/W-01/handovers", body)
    assert (made.status_code, made.json()["to_owner"]) == (201, "charlie@example.org")
    assert [row["workload"] for row in charlie.get(f"{base}handovers").json()["results"]] == ["W-01"]
    one = f"handovers/{made.json()['id']}"
    assert send(alice, "post", one, {"accept": True}).status_code == 403
    assert send(charlie, "post", one, {"accept": "perhaps"}).status_code == 400
    assert send(charlie, "post", one, {"accept": True}).json()["ended_at"]
    assert charlie.get(f"{base}workloads/W-01/people").json()["owner"] == "charlie@example.org"
