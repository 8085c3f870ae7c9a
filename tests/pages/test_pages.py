"""Pages: literal query counts at one row and at three, refusals as pages, and nothing inline anywhere."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.rollouts import actions
from apps.rollouts.models import Rollout
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from portal.local import paths
from portal.tenancy.context import tenant_transaction
from tests.rollouts.factory import ERRORS, drafted, running
from tests.signing import request_of
from tests.world import NOW, PASSWORD, SETUP, World, make_workload

TEMPLATES = sorted((paths.PROJECT_ROOT / "templates").rglob("*.html"))


def signed_in(name: str) -> Client:
    client = Client()
    assert client.login(email=f"{name}@example.org", password=PASSWORD)
    return client


def queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def more_workloads(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        for key in ("W-02", "W-03"):
            make_workload(world.tenant, world.alice, key)


def more_rollouts(world: World) -> None:
    for _ in range(2):
        drafted(world)


def more_tokens(world: World) -> None:
    world.token("read")
    world.token("decide")


# The frame of every page: session, user, tenant, savepoint, setting, membership, teams, release, setting.
@pytest.mark.parametrize(
    ("who", "path", "more", "expected"),
    [
        ("alice", "/t/acme/workloads/", more_workloads, 11),
        ("alice", "/t/acme/rollouts/", more_rollouts, 11),
        ("adam", "/t/acme/tokens/", more_tokens, 12),
        ("erin", "/t/acme/", more_rollouts, 13),
    ],
)
def test_a_list_costs_the_same_at_one_row_and_at_three(
    world: World, who: str, path: str, more: Callable[[World], Any], expected: int
) -> None:
    drafted(world)
    world.token("read")
    client = signed_in(who)
    assert queries(client, path) == expected
    more(world)
    assert queries(client, path) == expected


def test_the_current_tenant_is_always_visible_and_strangers_tenants_never(world: World) -> None:
    """TEN-2."""
    page = signed_in("alice").get("/t/acme/workloads/").content.decode()
    assert '<a class="tenant"' in page and "Acme" in page
    assert "Umbra" not in page


def test_a_refusal_is_a_page_that_says_what_to_do_and_changes_nothing(world: World) -> None:
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        actions.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
    answer = signed_in("alice").post(f"/t/acme/rollouts/{rollout.id}/start/")
    assert answer.status_code == 409
    assert "Nobody has approved the plan." in answer.content.decode()
    with tenant_transaction(world.tenant.id):
        assert Rollout.objects.get(id=rollout.id).state == "awaiting_approval"


def test_an_approver_finds_what_waits_approves_it_and_the_owner_starts_it(world: World) -> None:
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        actions.submit_rollout(rollout=rollout, actor=world.actor(world.bob), now=NOW)
    erin, alice = signed_in("erin"), signed_in("alice")
    assert "Waits for you" in erin.get("/t/acme/").content.decode()
    with tenant_transaction(world.tenant.id):
        asked = request_of(rollout)
    url = f"/t/acme/approvals/{asked.id}/"
    assert url in erin.get(f"/t/acme/rollouts/{rollout.id}/").content.decode()
    assert "Approve exactly this" in erin.get(url).content.decode()
    page = alice.get(url).content.decode()
    assert "Approve exactly this" not in page
    assert "owns the workload" in page
    signed = erin.post(f"{url}sign/", {"verdict": "approve", "seen": asked.digest})
    assert signed.status_code == 302
    assert alice.post(f"/t/acme/rollouts/{rollout.id}/start/").status_code == 302
    with tenant_transaction(world.tenant.id):
        assert Rollout.objects.get(id=rollout.id).state == "running"


def test_the_live_part_comes_alone_for_htmx(world: World) -> None:
    rollout = running(world)
    part = signed_in("alice").get(f"/t/acme/rollouts/{rollout.id}/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "At 5 %" in part


def test_at_everybody_relative_limits_are_shown_as_not_judged(world: World) -> None:
    twice = GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5)
    rollout = running(world, guardrails=(ERRORS, twice))
    with tenant_transaction(world.tenant.id):
        Rollout.objects.filter(id=rollout.id).update(phase=4)
    page = signed_in("alice").get(f"/t/acme/rollouts/{rollout.id}/").content.decode()
    assert page.count("absolute limits judge alone") == 1


def test_text_from_people_is_never_markup(world: World) -> None:
    canary = "<script>canary()</script>"
    rollout = running(world)
    with tenant_transaction(world.tenant.id):
        actions.hold_rollout(rollout=rollout, actor=SETUP, now=NOW, reason=canary)
    client = signed_in("alice")
    for path in (f"/t/acme/rollouts/{rollout.id}/", "/t/acme/", "/t/acme/workloads/W-01/"):
        page = client.get(path).content.decode()
        assert canary not in page and "&lt;script&gt;canary" in page


def test_pages_carry_a_strict_policy_and_are_kept_by_no_cache(world: World) -> None:
    answer = signed_in("alice").get("/t/acme/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_anything_inline_or_from_elsewhere(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"\son\w+=|\sstyle=|hx-on|javascript:|<style|\|safe|https?://(?!www\.w3\.org)", text), template
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), template


def test_a_sign_in_with_a_wrong_password_says_nothing_about_the_address(world: World) -> None:
    answers = [
        Client().post("/accounts/login/", {"login": login, "password": "wrong"}).content.decode()
        for login in ("alice@example.org", "nobody@example.org")
    ]
    errors = [re.findall(r"errorlist[^>]*>(.*?)</ul>", page) for page in answers]
    assert errors[0] == errors[1] != []
