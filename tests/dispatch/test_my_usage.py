"""COST-6: a user's own page and the API say of a swapped call what its decision's body and headers said."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.budgets import actions
from apps.budgets.models import Reservation, Subject, UserTier
from apps.budgets.months import month_at
from apps.budgets.rules import Pattern
from apps.telemetry.ingest import user_key
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.dispatch.test_entry import _fresh_process, ask, in_service, post  # noqa: F401
from tests.world import SETUP, World, make_workload

PAGE, API = "/t/acme/my-usage/", "/api/v1/t/acme/my-usage"


def signed_in(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


def api(world: World, name: str, **options: Any) -> Any:
    token = world.token("read", user=world.people[name], **options)
    return Client(headers={"Authorization": f"Bearer {token}"}).get(API)


def linked(world: World, user: str, name: str) -> None:
    with tenant_transaction(world.tenant.id):
        actions.put_subject(
            tier=UserTier.objects.get(),
            user_key=user_key(world.tenant.id, user),
            label=name,
            member=world.people[name],
            actor=SETUP,
        )


@pytest.fixture
def token(world: World) -> str:
    """A soft cap of 1,000 tokens: one call of 500 fits, and a second is moved once the first is settled."""
    in_service(world)
    gated(world, ceiling=900, pattern=Pattern.SOFT)
    linked(world, "u-1", "charlie")
    return world.token("decide")


def test_my_usage_says_what_the_decision_said(world: World, token: str) -> None:
    first = ask(token).json()
    post(token, "settle", {"reservation": first["reservation"]["id"], "input_tokens": 100, "output_tokens": 350})
    answer = ask(token)
    body = answer.json()
    assert (body["decision"], body["model"], body["requested_model"]) == ("degraded", "haiku-4.5", "sonnet-4")
    # What happens afterwards changes nothing about what was said.
    post(token, "settle", {"reservation": body["reservation"]["id"], "input_tokens": 100, "output_tokens": 9})
    ask(token, user="u-2")
    shown = api(world, "charlie").json()
    call = shown["moved"][0]
    same = ("request_id", "workload", "version", "decision", "requested_model", "model", "tier", "max_output_tokens")
    assert {name: call[name] for name in (*same, "budget", "disclosure")} == {
        name: body[name] for name in (*same, "budget", "disclosure")
    }
    assert call["reasons"] == ["soft_cap"] and call["reasons"][0] in body["reasons"]
    assert answer.headers["X-Gate-Model-Requested"] == call["requested_model"]
    assert answer.headers["X-Gate-Model-Served"] == call["model"]
    assert answer.headers["X-Request-Id"] == call["request_id"]
    budget = call["budget"]
    assert answer.headers["X-Gate-Budget"] == (
        f"workload=W-01;tier={budget['user_tier']};period={budget['month']};"
        f"used={budget['used']};held={budget['held']};limit={budget['limit']}"
    )
    assert (shown["is_linked"], len(shown["moved"])) == (True, 1)
    assert [(row["workload"], row["used"], row["limit"], row["left"], row["moved"]) for row in shown["budgets"]] == [
        ("W-01", 559, 900, 341, 1)
    ]


def test_the_page_says_it_in_words_and_in_the_same_fields(world: World, token: str) -> None:
    ask(token)
    body = ask(token).json()
    page = signed_in(world, "charlie").get(PAGE).content.decode()
    assert "A smaller model answered 1 of your calls this month." in page
    assert "haiku-4.5 answered in place of sonnet-4." in page
    assert "At the ceiling a smaller model answers, and you are told." in page
    for said in (body["request_id"], body["requested_model"], body["model"], "soft_cap", body["disclosure"]):
        assert said in page
    assert body["budget"]["resets_at"] in page


def test_nobody_sees_anybody_elses_usage(world: World, token: str) -> None:
    ask(token), ask(token)
    assert "A smaller model answered" in signed_in(world, "charlie").get(PAGE).content.decode(), "there is some"
    page = signed_in(world, "bob").get(PAGE).content.decode()
    assert "No budget here is linked to you" in page
    assert "haiku" not in page and "W-01" not in page
    shown = api(world, "bob").json()
    assert (shown["is_linked"], shown["budgets"], shown["moved"]) == (False, [], [])
    assert signed_in(world, "mallory").get(PAGE).status_code == 404
    linked(world, "u-2", "bob")
    assert "You have used nothing this month" in signed_in(world, "bob").get(PAGE).content.decode()


def test_a_token_reads_it_for_its_person_and_its_workloads_alone(world: World, token: str) -> None:
    ask(token), ask(token)
    with tenant_transaction(world.tenant.id):
        other, _, _ = make_workload(world.tenant, world.erin, "W-07")
    bound = api(world, "charlie", workload_ids=[other.id]).json()
    assert (bound["budgets"], bound["moved"]) == ([], [])
    assert len(api(world, "charlie", workload_ids=[world.workload.id]).json()["moved"]) == 1
    service = Client(headers={"Authorization": f"Bearer {world.token('read')}"})
    assert service.get(API).status_code == 403
    blind = Client(headers={"Authorization": f"Bearer {world.token('decide', user=world.charlie)}"})
    assert blind.get(API).status_code == 403


def test_everybody_finds_it_in_the_navigation(world: World) -> None:
    for name in ("charlie", "alice", "audrey"):
        assert f'href="{PAGE}"' in signed_in(world, name).get("/t/acme/").content.decode(), name


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_at_one_row_and_at_three(
    world: World, token: str, rows: int, django_assert_num_queries: Any
) -> None:
    ask(token)
    for _ in range(rows):
        ask(token)
    now, client = timezone.now(), signed_in(world, "charlie")
    with tenant_transaction(world.tenant.id):
        assert Reservation.objects.filter(decision="degraded").count() == rows
        assert Subject.objects.get().user_key == user_key(world.tenant.id, "u-1")
        assert Workload.objects.filter(id=world.workload.id, may_degrade=True).exists()
    client.get(PAGE)
    with django_assert_num_queries(13):
        page = client.get(PAGE).content.decode()
    assert page.count("answered in place of") == rows
    assert month_at(now, "UTC").key in page
