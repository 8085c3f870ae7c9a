"""DISP-1, COST-9, WORK-3: the map of the fan-out says what the registry says, to whoever may see it."""

from typing import Any

from django.test import Client

from apps.budgets import actions as budgets
from apps.dispatch.classify import actions as classifying
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.dispatch.classify import factory as classifiers
from tests.dispatch.fanout.factory import five, serve, spend, tooled
from tests.pages.test_pages import more_workloads, queries, signed_in
from tests.world import SETUP, World, make_workload

PAGE, API = "/t/acme/fan-out/", "/api/v1/t/acme/fan-out"


def shown(name: str = "alice", query: str = "") -> str:
    answer = signed_in(name).get(f"{PAGE}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def told(world: World, query: str = "", **options: Any) -> dict[str, Any]:
    client = Client(headers={"Authorization": f"Bearer {world.token('read', **options)}"})
    answer = client.get(f"{API}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_it_says_first_what_stops_a_workload_and_then_shows_each(world: World) -> None:
    five(world)
    page = shown()
    assert (
        "5 workloads, 4 with a complete gate; W-05 has none and gets the fallback. "
        "The spend cap of W-03 is reached: nothing more is admitted there this month. "
        "W-04 is on the way to one agent for everything (AP-01): does the jobs of W-02 and W-03."
    ) in page
    assert "5 workloads; 4 with an agent that may answer." in page
    for said in (
        "5 % get version 1.1, sonnet-4.5",
        "The rest get the fallback",
        "✓ gate complete",
        "! gate complete; spend cap reached",
        "✕ no cost gate",
        "55.1\u202f% of 1,000.00 USD",
        "Standard: 250,000 tokens, soft cap",
        "At a soft cap: sonnet-4.5 → haiku-4.5",
        "! AP-01: does the jobs of W-02 and W-03",
        '<a href="/t/acme/workloads/W-05/cost/">',
        '<a href="/t/acme/workloads/W-01/">',
        '<a href="/t/acme/classifier/">',
    ):
        assert said in page, said


def test_what_the_drawing_cuts_stands_in_the_table(world: World) -> None:
    five(world)
    page = shown()
    assert "W-04 Everything else that customers could ever…" in page
    assert page.count("<td>W-04 Everything else that customers could ever want to ask anybody</td>") == 1
    assert page.count('<th scope="col">') == 9


def test_the_api_says_the_same(world: World) -> None:
    five(world)
    found = told(world)
    assert (found["count"], found["next"], found["previous"]) == (5, None, None)
    assert found["sentence"].startswith("5 workloads, 4 with a complete gate; W-05 has none")
    assert found["dispatcher"] is None, "a token without a person may not read the classifier"
    assert [row["workload"] for row in found["results"]] == ["W-01", "W-02", "W-03", "W-04", "W-05"]
    first, soft, full, wide, bare = found["results"]
    assert (first["stable"], first["rollout"], first["share"]) == (
        None,
        {"version": "1.1", "model": "sonnet-4.5"},
        5.0,
    )
    assert first["gate"] == {
        "spend_cap": "1000.00",
        "currency": "USD",
        "used": 0.01275,
        "is_complete": True,
        "is_reached": False,
    }
    assert soft["tiers"] == [{"tier": "standard", "ceiling": 250_000, "pattern": "soft", "is_opted_in": False}]
    assert (soft["budget_model"], first["budget_model"]) == ("haiku-4.5", "")
    assert full["gate"]["is_reached"] is True
    assert wide["finding"] == "does the jobs of W-02 and W-03"
    assert (bare["gate"]["spend_cap"], bare["gate"]["is_complete"], bare["tiers"][0]["ceiling"]) == (None, False, None)


def test_a_person_who_may_read_the_classifier_sees_what_stands_before_the_workloads(world: World) -> None:
    classifiers.live(world)
    with tenant_transaction(world.tenant.id):
        classifying.add_rule(tenant_id=world.tenant.id, workload=world.workload, written="refund", actor=SETUP)
    page = shown()
    assert "2. By 1 rule" in page and "3. By classifier 1" in page and "sure or more" in page
    found = told(world, user=world.alice)["dispatcher"]
    assert (found["rules"], found["classifier"]) == (1, 1)
    assert "By 1 rule" not in shown("bob"), "an incident responder may not"


def test_one_sees_the_workloads_that_one_may_see_and_no_word_of_the_others(world: World) -> None:
    """TEN-1. What isn't seen is counted nowhere; what it takes part in is said without its name."""
    made = five(world)
    with tenant_transaction(world.tenant.id):
        for key in ("W-01", "W-02", "W-04"):
            workloads.permit_person(workload=made[key], user=world.charlie, permission="see_workload", actor=SETUP)
    page = shown("charlie")
    assert "3 workloads, each with a complete gate." in page
    assert "does the jobs of W-02 and 1 more that you can&#x27;t see" in page
    for hidden in ("W-03", "W-05", "Invoice extraction"):
        assert hidden not in page
    bound = told(world, workload_ids=[made["W-02"].id])
    assert [row["workload"] for row in bound["results"]] == ["W-02"]
    assert "W-04" not in str(bound)
    assert signed_in("mallory").get(PAGE).status_code == 404
    other = Client(headers={"Authorization": f"Bearer {world.token('read', tenant=world.other)}"})
    assert other.get(API).status_code == 404
    assert Client(headers={"Authorization": f"Bearer {world.token('decide')}"}).get(API).status_code == 200


def test_nobody_elses_tenant_is_in_it(world: World) -> None:
    """Both tenants have a W-01, a gate, a month and a version in service; each page knows its own alone."""
    gated(world), gated(world, workload=world.foreign)
    spend(world, world.workload, "250")
    with tenant_transaction(world.other.id):
        workloads.serve_version(workload=world.foreign, version=world.foreign_version, actor=SETUP, reason="r")
        Workload.objects.filter(id=world.foreign.id).update(name="Umbra's own")
    theirs = signed_in("mallory").get("/t/umbra/fan-out/").content.decode()
    assert "Umbra&#x27;s own" in theirs and "0\u202f% of 1,000.00 USD" in theirs, "there is something to leak"
    ours = shown()
    assert "Umbra" not in ours and "25\u202f% of 1,000.00 USD" in ours
    assert "Everybody gets the fallback" in ours


def test_a_tier_without_a_ceiling_makes_a_gate_incomplete_by_name(world: World) -> None:
    """COST-9"""
    gated(world)
    serve(world, world.workload)
    with tenant_transaction(world.tenant.id):
        budgets.create_tier(tenant_id=world.tenant.id, slug="free", name="Free", is_free=True, actor=SETUP)
    page = shown()
    assert "1 workload, none with a complete gate; W-01 has none and gets the fallback." in page
    assert "✕ gate incomplete: no ceiling for Free" in page and "Free: no ceiling" in page


def test_nothing_to_see_says_what_to_do(world: World) -> None:
    page = shown("charlie")
    assert "You see no workload yet." in page and "No workload that you may see" in page
    assert '<svg class="chart"' not in page


def test_many_workloads_are_drawn_in_two_lines_each_a_page_at_a_time(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        row = world.workload
        Workload.objects.bulk_create(
            Workload(
                tenant=world.tenant, key=f"X-{n:02}", name=f"Number {n}", purpose="p", owner=row.owner, team=row.team
            )
            for n in range(59)
        )
    page = shown("audrey")
    assert "60 workloads, 1 with a complete gate; X-00, X-01, X-02 and 56 more have none and get the fallback." in page
    assert "20 of 60 workloads; 0 with an agent that may answer." in page
    assert (page.count('<rect class="box stop"'), page.count("<td>X-18 Number 18</td>")) == (19, 1)
    assert "Fallback:" not in page[page.index('<svg class="chart"') : page.index("</svg>\n<ul")], "two lines a box"
    last = shown("audrey", "?page=3")
    assert "X-58 Number 58" in last and "X-18 Number 18" not in last
    rows = told(world)
    assert (rows["count"], len(rows["results"])) == (60, 50) and "page=2" in rows["next"]
    assert len(told(world, "?page=2")["results"]) == 10
    client = Client(headers={"Authorization": f"Bearer {world.token('read')}"})
    assert client.get(f"{API}?page=9").status_code == client.get(f"{API}?page=x").status_code == 404


def test_too_many_tools_raise_the_finding_and_a_common_tool_does_not(world: World) -> None:
    """WORK-3"""
    with tenant_transaction(world.tenant.id):
        others = [make_workload(world.tenant, world.alice, key)[0] for key in ("W-02", "W-03")]
    tooled(world, world.workload, ["search", "mail"])
    for other in others:
        tooled(world, other, ["search"])
    assert "(AP-01)" not in shown()
    tooled(world, world.workload, [f"tool-{n}" for n in range(13)])
    page = shown()
    assert "W-01 is on the way to one agent for everything (AP-01): 13 tools where 12 are the limit." in page


def test_the_workloads_own_page_says_so_too(world: World) -> None:
    """WORK-3: where its owner looks first, and only there."""
    made = five(world)
    page = signed_in("alice").get(f"/t/acme/workloads/{made['W-04'].key}/").content.decode()
    assert "On the way to one agent for everything: does the jobs of W-02 and W-03." in page
    assert "one agent for everything" not in signed_in("alice").get("/t/acme/workloads/W-02/").content.decode()


def test_the_page_costs_the_same_at_one_workload_and_at_three(world: World) -> None:
    gated(world)
    client = signed_in("alice")
    assert queries(client, PAGE) == 18
    more_workloads(world)
    assert queries(client, PAGE) == 18


def test_the_api_costs_the_same_at_one_workload_and_at_three(world: World) -> None:
    gated(world)
    client = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.alice)}"})
    assert queries(client, API) == 26
    more_workloads(world)
    assert queries(client, API) == 26
