"""ROLL-1 and ROLL-5 from outside: a plan sent to the API, and a plan filled in on the page."""

from typing import Any

import pytest
from django.test import Client

from apps.rollouts.models import Rollout
from apps.rollouts.plan import DEFAULT_GUARDRAILS, DEFAULT_PHASES
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.world import World

URL = "/api/v1/t/acme/rollouts"
PAGE = "/t/acme/workloads/W-01/rollouts/new/"
ASKED = {"workload": "W-01", "version": "1.1", "why": "it answers better"}


def phases(*shares: int, **changes: Any) -> list[dict[str, Any]]:
    return [{"share": share, "bake_seconds": 3_600, **changes} for share in shares]


def post(
    world: World, body: dict[str, Any], *, name: str = "alice", scopes: tuple[str, ...] = ("read", "write")
) -> Any:
    headers = {"Authorization": f"Bearer {world.token(*scopes, user=getattr(world, name))}"}
    return Client().post(URL, body, content_type="application/json", headers=headers)


def planned(world: World) -> list[Rollout]:
    with tenant_transaction(world.tenant.id):
        return list(Rollout.objects.select_related("author").order_by("created_at"))


def test_the_api_plans_with_the_defaults_and_answers_with_the_whole_plan(world: World) -> None:
    answer = post(world, ASKED)
    assert answer.status_code == 201, answer.content
    (rollout,) = planned(world)
    assert (answer.json()["id"], answer.json()["state"]) == (str(rollout.id), "draft")
    assert (rollout.phases, rollout.guardrails) == (DEFAULT_PHASES, DEFAULT_GUARDRAILS)
    assert rollout.author == world.alice


def test_what_the_api_shows_of_a_plan_can_be_sent_back(world: World) -> None:
    guardrail = {"metric": "error_rate", "kind": "absolute", "limit": 0.02, "on_breach": "hold"}
    cohort = {"attribute": "department", "values": ["sales"]}
    steps = [*phases(500, cohort=cohort), *phases(1_000, 2_500, 7_500, 10_000, min_transactions=300)]
    first = post(world, {**ASKED, "phases": steps, "guardrails": [guardrail], "check_seconds": 30})
    assert first.status_code == 201, first.content
    plan = first.json()["plan"]
    assert plan["guardrails"] == [guardrail]
    assert plan["phases"][0]["cohort"] == cohort
    assert post(world, {**ASKED, **plan}).json()["plan"] == plan


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ((500, 1_000, 800, 10_000), "share_shrinks"),
        ((1_100, 2_500, 5_000, 10_000), "first_share_too_large"),
        ((500, 1_600, 4_000, 10_000), "step_too_large"),
        ((1_000, 3_000, 9_000), "no_full_phase"),
        ((1_000, 3_000, 10_000), "too_few_phases"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_by_name_and_place(
    world: World, shares: tuple[int, ...], code: str
) -> None:
    answer = post(world, {**ASKED, "phases": phases(*shares)})
    assert (answer.status_code, answer.json()["code"]) == (400, "plan_invalid")
    assert code in [problem["code"] for problem in answer.json()["problems"]]
    assert planned(world) == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"version": "9.9"}, 400),
        ({"workload": "W-77"}, 404),
        ({"phases": [{"share": 0, "bake_seconds": 60}]}, 400),
        ({"phases": "all"}, 400),
        ({"phases": phases(500, 1_000, 2_500, 10_000, bake_seconds=1e300)}, 400),
        ({"phases": phases(500, 1_000, 2_500, 10_000, bake_seconds="NaN")}, 400),
        ({"guardrails": []}, 400),
        ({"guardrails": [{"metric": "luck", "kind": "absolute", "limit": 1}]}, 400),
        ({"guardrails": [{"metric": "error_rate", "kind": "absolute", "limit": "NaN"}]}, 400),
        ({"check_seconds": 3_600}, 400),
        ({"blind_high_seconds": 86_400}, 400),
        ({"why": ""}, 400),
        ({"why": "zero\x00byte"}, 400),
    ],
)
def test_bad_input_changes_nothing(world: World, change: dict[str, Any], status: int) -> None:
    answer = post(world, {**ASKED, **change})
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert planned(world) == []


def test_planning_takes_the_permission_and_the_scope(world: World) -> None:
    assert post(world, ASKED, name="charlie").status_code == 404
    assert post(world, ASKED, name="bob").status_code == 403
    assert post(world, ASKED, scopes=("read",)).status_code == 403
    assert planned(world) == []


def filled(client: Client, **changes: str) -> dict[str, str]:
    """The form as the page proposes it, with changes."""
    form = client.get(PAGE).context["form"]
    fields = [field for part in (form.phases.management_form, form.guardrails.management_form) for field in part]
    fields += [field for rows in (form.phases, form.guardrails) for row in rows for field in row]
    values = {field.html_name: "" if field.value() is None else str(field.value()) for field in fields}
    version = form.head.fields["version"].choices[0][0]
    return {**values, "version": version, "why": "it answers better", **changes}


def test_the_page_proposes_the_defaults_and_saves_what_was_changed(world: World) -> None:
    client = signed_in("alice")
    changed = filled(client, **{"phase-0-share": "3", "phase-1-share": "9", "guardrail-0-limit": "0.01"})
    answer = client.post(PAGE, {**changed, "guardrail-0-on_breach": "hold"})
    assert answer.status_code == 302, answer.context["problems"]
    (rollout,) = planned(world)
    assert [phase.share for phase in rollout.phases] == [300, 900, 2_500, 5_000, 10_000]
    assert (rollout.guardrails[0].limit, rollout.guardrails[0].on_breach) == (0.01, "hold")
    assert rollout.guardrails[1:] == DEFAULT_GUARDRAILS[1:]


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(world: World) -> None:
    client = signed_in("alice")
    answer = client.post(PAGE, filled(client, **{"phase-0-share": "20", "phase-1-share": ""}))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Begin with 10 % at most, not with 20 %." in page
    assert 'value="20"' in page
    assert planned(world) == []


def test_a_fallback_without_records_gets_no_relative_limits_proposed(world: World) -> None:
    """ROLL-4: there is nothing to compare with."""
    with tenant_transaction(world.tenant.id):
        type(world.workload).objects.filter(id=world.workload.id).update(
            serving_version=None, fallback_sends_records=False
        )
    client = signed_in("alice")
    assert client.post(PAGE, filled(client)).status_code == 302
    (rollout,) = planned(world)
    assert {guardrail.kind for guardrail in rollout.guardrails} == {"absolute"}
