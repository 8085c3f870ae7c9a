"""The first page answers each role's question first; the navigation shows one's own first and hides nothing."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.rollouts import actions as rollouts
from apps.tenants import actions as tenants
from apps.workspace.models import Dismissal
from apps.workspace.rules import Standing, next_step
from portal.tenancy.context import tenant_transaction
from tests.feedback.factory import filed
from tests.ownership.alerts.cast import opened
from tests.pages.test_pages import more_rollouts, queries, signed_in
from tests.rollouts.factory import drafted
from tests.world import NOW, PASSWORD, SETUP, World, make_user, make_workload


def plain(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def text(client: Client, path: str = "/t/acme/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return plain(answer.content.decode())


def first_answer(client: Client) -> str:
    found = re.search(r'<p class="answer">(.*?)</p>', client.get("/t/acme/").content.decode(), re.S)
    assert found is not None
    return plain(found[1])


# --- What stops a workload ----------------------------------------------------------------------------------------

READY = {"posture": "authorize", "has_team": True, "has_fallback": True, "has_version": True, "label": "1.1"}


@pytest.mark.parametrize(
    ("changed", "words", "stops"),
    [
        ({}, "Nothing stops it; it was never rolled out", False),
        ({"rollout": "completed"}, "Nothing stops it", False),
        ({"rollout": "running"}, "1.1 is on its way", False),
        ({"rollout": "running", "has_old_gate": True}, "Its ceilings were sized more than a quarter ago", False),
        ({"has_team": False, "has_old_gate": True}, "No team answers for it", True),
        ({"rollout": "draft"}, "The plan of 1.1 isn't submitted", True),
        ({"rollout": "awaiting_approval"}, "1.1 waits for approval or start", True),
        ({"has_version": False}, "No version is registered yet", True),
        ({"has_fallback": False}, "It names no fallback", True),
        ({"has_team": False}, "No team answers for it", True),
        ({"posture": "pause", "has_team": False}, "Its posture is “pause”: nothing may be rolled out", True),
        ({"rollout": "held", "note": "errors", "posture": "pause"}, "1.1 is held: errors", True),
        ({"rollout": "rolled_back", "note": "errors"}, "1.1 was rolled back: errors", True),
        ({"rollout": "rolling_back"}, "1.1 is being rolled back", True),
    ],
)
def test_the_worst_that_stops_a_workload_is_said_first(changed: dict[str, Any], words: str, stops: bool) -> None:
    step = next_step(Standing(**{**READY, **changed}))
    assert (step.words, step.stops) == (words, stops)


# --- One question first -------------------------------------------------------------------------------------------


def test_an_owner_reads_what_stops_their_workload(world: World) -> None:
    drafted(world)
    assert first_answer(signed_in("alice")) == "W-01 doesn't go on: the plan of 1.1 isn't submitted. All workloads"
    assert "What stops your workloads" not in text(signed_in("erin"))


def test_an_approver_reads_what_waits_for_them(world: World) -> None:
    erin = signed_in("erin")
    assert first_answer(erin) == "Nothing waits for your signature. All approvals"
    with tenant_transaction(world.tenant.id):
        rollouts.submit_rollout(rollout=drafted(world), actor=world.actor(world.bob), now=NOW)
    assert first_answer(erin).startswith("1 request waits for your signature, the first: ")


def test_whoever_is_woken_reads_what_is_open(world: World) -> None:
    bob = signed_in("bob")
    assert first_answer(bob) == "Nothing is open. My shifts"
    opened(world, NOW, "disk", summary="The disk is full")
    assert first_answer(bob) == "1 open alert nobody has: The disk is full. My shifts"


def test_a_frontline_user_reads_what_became_of_theirs(world: World) -> None:
    charlie = signed_in("charlie")
    assert first_answer(charlie).startswith("An answer that didn't help? Say so in 30 seconds")
    filed(world)
    assert first_answer(charlie) == "Your last report, on W-01: new. All your reports"
    assert "It quoted last year's price." in text(charlie)
    assert "It quoted last year's price." not in text(signed_in("alice"))


def test_an_auditor_reads_what_moves(world: World) -> None:
    assert first_answer(signed_in("audrey")) == "Nothing is being rolled out. All rollouts"


@pytest.mark.parametrize(
    ("who", "expected"),
    [("alice", 15), ("erin", 13), ("bob", 13), ("adam", 14), ("charlie", 14), ("gina", 13), ("audrey", 13)],
)
def test_the_first_page_costs_at_most_fifteen_statements_whoever_looks(world: World, who: str, expected: int) -> None:
    drafted(world)
    assert queries(signed_in(who), "/t/acme/") == expected
    more_rollouts(world)
    with tenant_transaction(world.tenant.id):
        make_workload(world.tenant, world.alice, "W-02")
    filed(world)
    filed(world)
    assert queries(signed_in(who), "/t/acme/") == expected


# --- First steps --------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(db: None) -> Client:
    """A tenant in which there is its admin, who owns workloads, too, and nothing else."""
    user = make_user("nora")
    tenant = tenants.create_tenant(slug="fresh", name="Fresh", actor=SETUP)
    with tenant_transaction(tenant.id):
        tenants.add_member(tenant_id=tenant.id, user=user, roles=["admin", "workload_owner"], actor=SETUP)
    client = Client()
    assert client.login(email="nora@example.org", password=PASSWORD)
    return client


def test_a_new_tenant_s_admin_reads_the_first_steps_each_with_its_way(fresh: Client) -> None:
    page = fresh.get("/t/fresh/").content.decode()
    assert "0 of 8 done" in text(fresh, "/t/fresh/")
    for path in ("people/", "rotas/new/", "workloads/new/", "tokens/"):
        assert f'href="/t/fresh/{path}"' in page
        assert fresh.get(f"/t/fresh/{path}").status_code == 200
    assert page.count("after the first workload") == 4


def test_steps_are_told_from_the_records_and_are_gone_when_all_are_done(world: World) -> None:
    """The world's tenant has everything but a token, a record and a plan."""
    adam = signed_in("adam")
    assert "5 of 8 done" in text(adam)
    world.token("telemetry")
    drafted(world)
    assert "7 of 8 done" in text(adam)
    assert "First steps" not in text(signed_in("erin")), "who can't take any of them isn't shown them"


def test_whoever_dismisses_them_sees_them_no_more_and_can_undo_that(world: World) -> None:
    adam, alice = signed_in("adam"), signed_in("alice")
    page = adam.post("/t/acme/first-steps/dismiss/", follow=True).content.decode()
    assert "First steps</h2>" not in page
    assert 'action="/t/acme/first-steps/show/"' in page, "the banner offers to undo it"
    assert "First steps" in text(alice), "for others they stay"
    adam.post("/t/acme/first-steps/show/")
    assert "First steps" in text(adam)
    with tenant_transaction(world.tenant.id):
        assert not Dismissal.objects.exists()


# --- Navigation ---------------------------------------------------------------------------------------------------


def shown(client: Client, path: str = "/t/acme/") -> tuple[list[str], list[str]]:
    page = client.get(path).content.decode()
    own, more = re.findall(r'<div class="(?:own|menu)">(.*?)</div>', page, re.S)
    first, rest = (re.findall(r">([^<]+)</a>", part) for part in (own, more))
    return first, rest


@pytest.mark.parametrize(
    ("who", "first"),
    [
        ("charlie", ["Home", "Feedback", "My usage", "Training"]),
        ("erin", ["Home", "Approvals"]),
        ("bob", ["Home", "Alerts", "On call"]),
        ("alice", ["Home", "Workloads", "Rollouts"]),
        ("gina", ["Home", "Approvals", "Workloads"]),
        ("adam", ["Home", "Workloads", "People", "Tokens"]),
    ],
)
def test_one_s_own_entries_come_first_and_none_is_lost(world: World, who: str, first: list[str]) -> None:
    found, rest = shown(signed_in(who))
    assert found == first
    everybody = {"Home", "Approvals", "Alerts", "On call", "Feedback", "Training", "Workloads", "Rollouts", "Runbooks"}
    assert {*found, *rest} >= everybody
    assert not set(found) & set(rest)


def test_the_entry_of_the_page_one_is_on_is_shown_wherever_it_belongs(world: World) -> None:
    first, rest = shown(signed_in("charlie"), "/t/acme/runbooks/")
    assert first == ["Home", "Feedback", "My usage", "Training", "Runbooks"] and "Runbooks" not in rest


def test_whoever_may_not_open_a_page_has_no_entry_for_it(world: World) -> None:
    first, rest = shown(signed_in("charlie"))
    assert not {"People", "Tokens", "Events"} & {*first, *rest}
