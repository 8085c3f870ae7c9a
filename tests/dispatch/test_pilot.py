"""DISP-2: before its rollout a workload serves a named cohort, marked as a pilot, or answers in shadow."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.models import AuditEntry
from apps.budgets.models import Reservation
from apps.dispatch import ofrep, snapshot, tasks
from apps.dispatch.pilot import actions, queries
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.rules import Mode, Terms, problems
from apps.rollouts import actions as rollouts
from apps.workloads import actions as workloads
from apps.workloads.policy import Stage
from portal.errors import Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.dispatch.test_entry import ask, post
from tests.dispatch.test_ofrep import ask as evaluate
from tests.pricing.cast import priced
from tests.rollouts.factory import running
from tests.world import SETUP, World

COHORT = Terms(Mode.COHORT, "Team A", frozenset({"u-1", "u-2"}))
BY_ATTRIBUTE = Terms(Mode.COHORT, "Berlin", attribute="city", values=frozenset({"Berlin", "Potsdam"}))
PAGE = "/t/acme/workloads/W-01/pilot/"
API = "/api/v1/t/acme/workloads/W-01/pilot"


def shadow(share: int) -> Terms:
    return Terms(Mode.SHADOW, share=share)


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    snapshot.snapshots.clear()
    ofrep._credentials.clear()


@pytest.fixture
def token(world: World) -> str:
    """A gate, a price for the version that is tried, and a token that may ask."""
    gated(world, ceiling=100_000)
    priced(world, "sonnet-4.5", timezone.now().date(), "3", "15", now=timezone.now())
    return world.token("decide")


def served(world: World, terms: Terms, **changes: Any) -> PilotService:
    now = changes.pop("now", timezone.now())
    options: dict[str, Any] = {"ends_at": now + timedelta(days=7), "reason": "to see how it does", **changes}
    with tenant_transaction(world.tenant.id):
        row = actions.set_service(
            workload=world.workload, version=world.candidate, terms=terms, actor=SETUP, now=now, **options
        )
    snapshot.snapshots.clear()
    return row


def said(token: str, **changes: Any) -> tuple[str, bool, str]:
    body = ask(token, **changes).json()
    return body["handler"], body["pilot"], body["reasons"][0]


def in_stage(world: World, stage: Stage) -> None:
    with tenant_transaction(world.tenant.id):
        workloads.set_stage(workload=world.workload, stage=stage, actor=SETUP, reason="for a test")
    snapshot.snapshots.clear()


def standing(world: World) -> PilotService | None:
    with tenant_transaction(world.tenant.id):
        return queries.service_of(world.workload, timezone.now())


def test_a_unit_of_the_cohort_gets_the_agent_marked_as_a_pilot_and_nobody_else_does(world: World, token: str) -> None:
    served(world, COHORT)
    body = ask(token, user="u-1").json()
    assert {key: body[key] for key in ("handler", "pilot", "version", "arm", "decision", "model", "reasons")} == {
        "handler": "agent",
        "pilot": True,
        "version": "1.1",
        "arm": "none",
        "decision": "admitted",
        "model": "sonnet-4.5",
        "reasons": ["in_pilot", "within_budget"],
    }
    assert said(token, user="u-3") == ("fallback", False, "not_in_pilot")
    with tenant_transaction(world.tenant.id):
        assert Reservation.objects.count() == 1, "held like every call (COST-4)"


def test_a_cohort_is_known_by_an_attribute_too(world: World, token: str) -> None:
    served(world, BY_ATTRIBUTE)
    assert said(token, attributes={"city": "Potsdam"}) == ("agent", True, "in_pilot")
    for other in ({"city": "Bonn"}, {"city": None}, {}):
        assert said(token, attributes=other) == ("fallback", False, "not_in_pilot")


def test_in_shadow_the_user_gets_the_fallback_and_the_agent_is_held_for_and_answers_too(
    world: World, token: str
) -> None:
    served(world, shadow(10_000))
    body = ask(token).json()
    assert (body["handler"], body["pilot"], body["version"], body["model"]) == ("shadow", False, "1.1", "sonnet-4.5")
    assert body["fallback"]["address"] == "https://support.example/form"
    assert body["max_output_tokens"] == 400
    used = {"reservation": body["reservation"]["id"], "input_tokens": 100, "output_tokens": 10}
    assert post(token, "settle", used).json()["state"] == "settled"


def test_a_request_that_began_in_pilot_or_shadow_goes_on_there(world: World, token: str) -> None:
    for terms, handler in ((COHORT, "agent"), (shadow(10_000), "shadow")):
        served(world, terms)
        request = ask(token).json()["request_id"]
        again = {"request_id": request, "attempt": 2, "input_tokens": 10}
        assert post(token, "reserve", again).json()["handler"] == handler
    with tenant_transaction(world.tenant.id):
        actions.end_service(workload=world.workload, actor=SETUP, reason="enough", now=timezone.now())
    snapshot.snapshots.clear()
    gone = post(token, "reserve", {**again, "attempt": 3}).json()
    assert (gone["handler"], gone["reasons"]) == ("fallback", ["version_not_in_service"])


def test_a_share_of_nothing_shadows_nobody_and_the_same_unit_gets_the_same_answer(world: World, token: str) -> None:
    served(world, shadow(0))
    units = [f"unit-{n}" for n in range(60)]

    def shadowed() -> set[str]:
        return {unit for unit in units if said(token, user=unit)[0] == "shadow"}

    assert shadowed() == set()
    served(world, shadow(3_000))
    first = shadowed()
    assert 5 <= len(first) <= 35
    assert shadowed() == first
    served(world, shadow(6_000))
    assert first < shadowed(), "it grows, and moves nobody out"
    served(world, shadow(10_000))
    assert shadowed() == set(units)


@pytest.mark.usefixtures("bare")
def test_a_workload_without_a_gate_holds_nothing_and_serves_nobody(world: World) -> None:
    """COST-9"""
    for terms in (COHORT, shadow(10_000)):
        served(world, terms)
        body = ask(world.token("decide")).json()
        assert (body["handler"], body["pilot"], body["reservation"]) == ("fallback", False, None)


@pytest.mark.parametrize("stage", [Stage.PILOT, Stage.VALIDATE])
def test_it_stands_in_pilot_and_validate_and_ends_when_the_stage_leaves(world: World, token: str, stage: Stage) -> None:
    in_stage(world, stage)
    served(world, COHORT)
    assert said(token)[0] == "agent"
    in_stage(world, Stage.HARDEN)
    assert said(token)[0] == "fallback"
    in_stage(world, Stage.VALIDATE)
    assert said(token)[0] == "fallback", "going back doesn't bring it back"
    with tenant_transaction(world.tenant.id):
        row = PilotService.objects.get()
        assert row.ended_at is not None and row.ended_why == "the stage is 3 Harden"
        assert AuditEntry.objects.filter(action="pilot.ended").count() == 1


@pytest.mark.parametrize("stage", [Stage.HARDEN, Stage.DEPLOY, Stage.OPTIMIZE])
def test_after_validate_none_is_set(world: World, stage: Stage) -> None:
    in_stage(world, stage)
    with pytest.raises(Refused, match="a rollout decides"):
        served(world, COHORT)
    assert standing(world) is None


def test_a_rollout_that_starts_ends_it_and_none_is_set_beside_one(world: World, token: str) -> None:
    served(world, COHORT)
    rollout = running(world)
    snapshot.snapshots.clear()
    assert said(token)[2] in {"in_rollout", "control_arm", "not_in_rollout"}
    with pytest.raises(Refused, match="being rolled out"):
        served(world, COHORT)
    with tenant_transaction(world.tenant.id):
        rollouts.roll_back(rollout=rollout, actor=world.actor(world.alice), now=timezone.now(), reason="rude")
    snapshot.snapshots.clear()
    assert said(token)[0] == "fallback", "it stays ended when the rollout is over"
    with tenant_transaction(world.tenant.id):
        assert PilotService.objects.get().ended_why == "a rollout started"


def test_a_version_in_service_serves_everybody_already(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        workloads.serve_version(workload=world.workload, version=world.stable, actor=SETUP, reason="earned")
        world.workload.refresh_from_db()
    with pytest.raises(Refused, match="in service"):
        served(world, COHORT)


def test_its_time_ends_it_within_a_second_in_every_process_whatever_is_written_down(
    world: World, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = served(world, COHORT)
    clock = [0.0]
    fresh = snapshot.Snapshots(clock=lambda: clock[0])
    assert fresh.get(world.tenant.id).flags["W-01"].pilot is not None
    monkeypatch.setattr(snapshot.timezone, "now", lambda: row.ends_at)
    clock[0] += snapshot.CHECK_EVERY
    assert fresh.get(world.tenant.id).flags["W-01"].pilot is None
    with tenant_transaction(world.tenant.id):
        assert PilotService.objects.get().ended_at is None


def test_an_answer_that_a_client_keeps_is_old_when_its_time_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = served(world, COHORT)
    token = world.token("decide", expires_at=row.ends_at + timedelta(days=1))
    tag = evaluate(token, "").headers["ETag"]
    assert evaluate(token, "", **{"If-None-Match": tag}).status_code == 304
    snapshot.snapshots.clear()
    monkeypatch.setattr(snapshot.timezone, "now", lambda: row.ends_at)
    answer = evaluate(token, "", **{"If-None-Match": tag})
    assert (answer.status_code, answer.json()["flags"][0]["value"]["handler"]) == (200, "fallback")


def test_a_change_is_seen_by_every_process_within_a_second(world: World) -> None:
    clock = [0.0]
    other = snapshot.Snapshots(clock=lambda: clock[0])
    assert other.get(world.tenant.id).flags["W-01"].pilot is None
    served(world, COHORT)
    clock[0] += snapshot.CHECK_EVERY
    assert other.get(world.tenant.id).flags["W-01"].pilot is not None


def test_the_end_of_its_time_is_found_and_written_down(live_world: World) -> None:
    began = datetime.now(UTC) - timedelta(days=8)
    row = served(live_world, COHORT, now=began)
    assert queries.over(datetime.now(UTC)) == {live_world.tenant.id: [row.id]}
    tasks.end_pilots(tenant_id=str(live_world.tenant.id), ids=[str(row.id)])
    tasks.end_pilots(tenant_id=str(live_world.tenant.id), ids=[str(row.id)])
    assert queries.over(datetime.now(UTC)) == {}
    with tenant_transaction(live_world.tenant.id):
        assert PilotService.objects.get().ended_why == "its time was over"
        assert AuditEntry.objects.filter(action="pilot.ended").count() == 1


def test_setting_changing_and_ending_stand_in_the_trail_with_their_reasons(world: World) -> None:
    first = served(world, COHORT, reason="they asked for it")
    second = served(world, shadow(500), reason="unseen first")
    assert (first.id, first.seed) == (second.id, second.seed)
    with tenant_transaction(world.tenant.id):
        actions.end_service(workload=world.workload, actor=SETUP, reason="seen enough", now=timezone.now())
        rows = AuditEntry.objects.filter(action__startswith="pilot.").order_by("seq")
        assert [(row.action, json.loads(row.body)["reason"]) for row in rows] == [
            ("pilot.set", "they asked for it"),
            ("pilot.set", "unseen first"),
            ("pilot.ended", "seen enough"),
        ]
    assert served(world, COHORT).seed != first.seed, "another service is another assignment"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(Mode.COHORT, "", frozenset({"u"})), "name"),
        (Terms(Mode.COHORT, "Nobody"), "units"),
        (Terms(Mode.COHORT, "Half", attribute="city"), "attribute"),
        (Terms(Mode.COHORT, "Both", frozenset({"u"}), share=10), "share"),
        (Terms(Mode.COHORT, "Many", frozenset(str(n) for n in range(1_001))), "units"),
        (Terms(Mode.COHORT, "Long", frozenset({"u" * 201})), "units"),
        (Terms(Mode.SHADOW, "Named", share=10), "mode"),
        (Terms(Mode.SHADOW, share=10_001), "share"),
    ],
)
def test_terms_that_cannot_be_are_named_and_change_nothing(world: World, terms: Terms, field: str) -> None:
    with pytest.raises(Invalid) as error:
        served(world, terms)
    assert error.value.data["problems"][0]["field"] == field
    assert standing(world) is None


@pytest.mark.parametrize("after", [timedelta(0), timedelta(days=-1), timedelta(days=90, seconds=1)])
def test_it_ends_and_within_ninety_days(world: World, after: timedelta) -> None:
    now = timezone.now()
    with pytest.raises(Invalid, match="when it ends"):
        served(world, COHORT, now=now, ends_at=now + after)
    with pytest.raises(Invalid, match="Say why"):
        served(world, COHORT, reason=" ")
    assert standing(world) is None


@given(unit=st.text(max_size=30), share=st.integers(0, 10_000), seed=st.text(max_size=10))
def test_whoever_is_in_shadow_at_a_share_is_in_at_every_larger_one(unit: str, share: int, seed: str) -> None:
    if shadow(share).takes(unit, {}, seed=seed):
        assert all(shadow(more).takes(unit, {}, seed=seed) for more in range(share, 10_001, 997))
    assert shadow(10_000).takes(None, {}, seed=seed) and not shadow(0).takes(unit, {}, seed=seed)


def test_a_listed_unit_is_itself_however_its_letters_are_composed(world: World, token: str) -> None:
    served(world, Terms(Mode.COHORT, "One", frozenset({"Zoe\u0308"})))
    assert said(token, user="Zo\u00eb")[0] == "agent"
    assert problems(COHORT, datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)) == []


def test_ofrep_says_the_same_and_wants_to_know_who_asks(world: World) -> None:
    token = world.token("decide")
    gated(world)
    served(world, COHORT)
    inside, outside = (evaluate(token, context={"targetingKey": unit}).json() for unit in ("u-1", "u-9"))
    assert (inside["reason"], inside["variant"], inside["metadata"]["pilot"]) == ("TARGETING_MATCH", "agent", True)
    assert {key: inside["value"][key] for key in ("handler", "version", "pilot", "arm")} == {
        "handler": "agent",
        "version": "1.1",
        "pilot": True,
        "arm": "none",
    }
    assert (outside["reason"], outside["value"]["handler"], outside["value"]["pilot"]) == ("DEFAULT", "fallback", False)
    assert evaluate(token, context={}).json()["errorCode"] == "TARGETING_KEY_MISSING"
    served(world, shadow(10_000))
    found = evaluate(token, context={}).json()
    assert (found["variant"], found["value"]["version"], found["value"]["pilot"]) == ("shadow", "1.1", False)
    assert found["value"]["fallback"]["address"] == "https://support.example/form"


def signed_in(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


def form(world: World, **changes: Any) -> dict[str, Any]:
    day = (timezone.now() + timedelta(days=10)).date().isoformat()
    version = str(world.candidate.id)
    cohort = {"mode": "cohort", "version": version, "name": "Team A", "units": "u-1\n u-2 \n\n", "values": ""}
    return {**cohort, "last_day": day, "reason": "they know", **changes}


def test_whoever_manages_the_workload_sets_changes_and_ends_it_on_its_page(world: World) -> None:
    alice = signed_in(world, "alice")
    assert "The fallback answers everybody." in alice.get(PAGE).content.decode()
    assert alice.post(f"{PAGE}set/", form(world)).status_code == 302
    row = standing(world)
    assert row is not None and (row.units, row.set_by, row.share) == (["u-1", "u-2"], "alice@example.org", 0)
    day = (timezone.now() + timedelta(days=11)).date()
    assert row.ends_at == datetime(day.year, day.month, day.day, tzinfo=UTC), "when the last day is over"
    page = alice.get(PAGE).content.decode()
    assert "Version 1.1 answers “Team A” as a pilot; the fallback answers everybody else." in page
    assert "answers “Team A” as a pilot" in alice.get("/t/acme/workloads/W-01/").content.decode()
    assert 'value="Team A"' in alice.get(f"{PAGE}set/").content.decode(), "the form stands as it is"
    change = form(world, mode="shadow", name="", units="", share="2.5")
    assert alice.post(f"{PAGE}set/", change).status_code == 302
    assert "version 1.1 answers 2.5 % of units too, unseen." in alice.get(PAGE).content.decode()
    assert alice.post(f"{PAGE}end/", {"reason": " "}).status_code == 302
    assert standing(world) is not None
    alice.post(f"{PAGE}end/", {"reason": "enough"})
    assert standing(world) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"units": ""}, "Say who is in"),
        ({"name": ""}, "Name the cohort"),
        ({"last_day": "2020-01-01"}, "Say when it ends"),
        ({"share": "5"}, "A cohort has no share"),
        ({"share": "101"}, "less than or equal to 100"),
        ({"mode": "shadow"}, "no cohort"),
        ({"version": "x"}, "valid choice"),
        ({"reason": ""}, "required"),
        ({"last_day": "9999-12-31"}, "Say when it ends"),
    ],
)
def test_what_cannot_be_set_is_said_at_its_field(world: World, change: dict[str, Any], words: str) -> None:
    answer = signed_in(world, "alice").post(f"{PAGE}set/", form(world, **change))
    assert (answer.status_code, words in answer.content.decode()) == (400, True)
    assert standing(world) is None


def test_others_see_it_or_not_and_change_nothing(world: World) -> None:
    served(world, COHORT)
    page = signed_in(world, "audrey").get(PAGE).content.decode()
    assert "Team A" in page and "Change it" not in page
    for name, status in (("charlie", 404), ("mallory", 404), ("audrey", 403), ("bob", 403)):
        client = signed_in(world, name)
        assert client.post(f"{PAGE}set/", form(world)).status_code == status, name
        assert client.post(f"{PAGE}end/", {"reason": "r"}).status_code == status, name
    row = standing(world)
    assert row is not None and row.set_by == "task:setup"


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_at_one_row_and_at_three(
    world: World, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        served(world, COHORT)
        with tenant_transaction(world.tenant.id):
            actions.end_service(workload=world.workload, actor=SETUP, reason="enough", now=timezone.now())
    alice = signed_in(world, "alice")
    alice.get(PAGE)
    with django_assert_num_queries(14):
        page = alice.get(PAGE).content.decode()
    assert page.count("Team A: 2 listed units") == rows


def test_over_the_api_it_is_set_read_and_ended(world: World) -> None:
    owner = Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"})
    ends = (timezone.now() + timedelta(days=3)).isoformat()
    wanted = {"version": "1.1", "mode": "shadow", "share": 12.5, "ends_at": ends, "reason": "V4"}

    def put(body: Any, client: Client = owner) -> Any:
        return client.put(API, body, content_type="application/json")

    assert owner.get(API).json() == {"service": None}
    made = put(wanted)
    service = made.json()["service"]
    assert (made.status_code, service["share"], service["mode"], service["version"]) == (200, 12.5, "shadow", "1.1")
    assert owner.get(API).json() == made.json()
    for wrong, status in (
        ({"share": 101}, 400),
        ({"mode": "loud"}, 400),
        ({"version": "9.9"}, 404),
        ({"units": ["u"]}, 400),
        ({"ends_at": "2020-01-01T00:00:00Z"}, 400),
        ({"ends_at": "9999-12-31T23:59:59-14:00"}, 400),
        ({"ends_at": "0001-01-01T00:00:00+14:00"}, 400),
        ({"reason": ""}, 400),
    ):
        assert put({**wanted, **wrong}).status_code == status, wrong
    reader = Client(headers={"Authorization": f"Bearer {world.token('read', user=world.audrey)}"})
    assert put(wanted, reader).status_code == 403
    assert owner.get(API).json() == made.json()
    ended = owner.post(f"{API}/end", {"reason": "seen"}, content_type="application/json")
    assert (ended.status_code, ended.json()) == (200, {"service": None})
    again = owner.post(f"{API}/end", {"reason": "seen"}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "no_pilot")
