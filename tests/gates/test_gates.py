"""STAGE-1 to STAGE-6 against the database: a workload walked from Pilot to the Harden gate, and all that is refused."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.approvals import actions as approving
from apps.approvals import breakglass
from apps.approvals import queries as approvals
from apps.approvals.models import ApprovalRequest
from apps.gates import actions, queries, sources
from apps.gates.attachments import File
from apps.gates.criteria import of_stage
from apps.gates.freshness import Reported, State
from apps.gates.models import Evidence, GateAttempt, Waiver
from apps.gates.replaying import replay_gate
from apps.ownership import actions as rotas
from apps.rollouts.gates import _harden_holds
from apps.telemetry import ingest
from apps.telemetry.records import ActionRecord, Reading
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_signing import join
from tests.budgets.factory import add_tier, cap
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import drafted
from tests.runbooks.test_drills import drilled, published, written
from tests.signing import sign
from tests.training.test_training import all_taught, answered, cohort
from tests.world import NOW, World

DAY = timedelta(days=1)
JOURNEY = {
    "journey": "A customer asks, the agent answers.",
    "cost_before": 4,
    "seconds_before": 420,
    "rows": [{"kpi": "Solved at once", "threshold": "80 %"}],
}
CASES = {"rows": [{"case": f"case {n}", "expected": "e", "handled": True} for n in range(10)]}
MATRIX = {
    "rows": [
        {"failure_mode": mode, "noticed_by": "the validator", "path": "team Support", "severity": "high"}
        for mode in ("timeout", "refusal")
    ]
}
SEAT = {"representative": "Bob", "represents": "support", "good_looks_like": "less typing", "agreed_on": "2026-11-01"}
STRESS = {
    "rows": [
        {"input": "half a JSON", "what": "broken", "failed_into": "timeout"},
        {"input": "no order number", "what": "incomplete", "failed_into": "refusal"},
    ]
}


def summary(right: int, n: int = 200) -> Reported:
    """What an import says: so many of so many real inputs were right, half of them of each user group."""
    count, half = {"n": n, "right": right}, {"n": n // 2, "right": right // 2}
    none = {"n": 0, "right": 0}
    facts: dict[str, Any] = {
        "all": count,
        "real": count,
        "synthetic": none,
        "selected": none,
        "categories": {"": n},
        "groups": {"sales": half, "support": half},
        "working_days": 5,
        "rows": n,
        "file": "f.csv",
        "version": "1.1",
        "mix": [],
        "red_flags": [],
    }
    return Reported(facts, NOW - DAY)


@pytest.fixture
def staged(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Inside the tenant, with approvers for every gate, and with figures for what is imported or measured."""
    with tenant_transaction(world.tenant.id):
        for name, role in (("olga", "ops_lead"), ("fay", "finance"), ("sam", "security")):
            join(world, name, role)
        yield world


@pytest.fixture
def imported(staged: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Reported]:
    """What the imports say; a test may change it."""
    facts = {i: summary(190) for i in ("P1", "V3", "V4")}
    for i in facts:
        monkeypatch.setitem(sources._sources, i, lambda look, i=i: facts[i])
    return facts


def put(
    world: World, kind: str, data: Any, by: str = "alice", files: Sequence[File] = (), now: datetime = NOW
) -> Evidence:
    user = getattr(world, by)
    return actions.record_evidence(
        workload=world.workload, kind=kind, data=data, author=user, actor=world.actor(user), now=now, files=files
    )


def ask(world: World, stage: str, by: str = "alice") -> GateAttempt:
    user = getattr(world, by)
    return actions.ask_for_gate(workload=world.workload, stage=stage, requester=user, actor=world.actor(user), now=NOW)


def request_for(world: World, kind: str, subject: Any) -> ApprovalRequest:
    found = approvals.latest(world.tenant.id, kind, subject.id)
    assert found is not None
    return found


def signed(world: World, kind: str, subject: Any, *names: str) -> str:
    """The request's state after these have signed."""
    request = request_for(world, kind, subject)
    for name in names:
        request = sign(request, getattr(world, name), world.actor(getattr(world, name)), NOW)
    world.workload.refresh_from_db()
    return request.state


def arrive(world: World, now: datetime = NOW) -> None:
    """Whole records, a minute ago."""
    records = [
        ActionRecord(
            record_id=uuid4(),
            workload="W-01",
            started_at=now - timedelta(minutes=1),
            latency_ms=300.0,
            outcome="ok",
            request_id=f"r-{number}",
            model_served="sonnet-4",
            tokens_in=100,
            tokens_out=20,
        )
        for number in range(5)
    ]
    service = Actor(kind="service", id=None, label="t", scopes=frozenset({"telemetry"}))
    ingest.store(tenant_id=world.tenant.id, reading=Reading(records=records), actor=service, source="test", now=now)


def name_three(world: World) -> None:
    jobs = {"optimizer": [world.alice.id], "engineer": [world.bob.id], "responder": [world.bob.id]}
    rotas.name_team(workload=world.workload, named=jobs, actor=world.actor(world.alice))


def missing(world: World, stage: str) -> list[str]:
    return [standing.criterion.id for standing in queries.gate(world.workload, stage, NOW).missing]


def through_pilot(world: World) -> GateAttempt:
    put(world, "core_journey", JOURNEY)
    attempt = ask(world, "pilot")
    assert signed(world, "gate", attempt, "erin") == "granted"
    return attempt


def through_validate(world: World) -> None:
    through_pilot(world)
    put(world, "edge_cases", CASES)
    matrix = put(world, "exception_matrix", MATRIX)
    signed(world, "evidence", matrix, "erin", "gina")
    put(world, "stakeholder_seat", SEAT, by="bob")
    put(world, "stress_run", STRESS)
    attempt = ask(world, "validate")
    assert signed(world, "gate", attempt, "erin", "gina") == "granted"


def test_a_workload_walks_from_pilot_to_the_harden_gate_and_each_gate_refuses_first(
    staged: World, imported: dict[str, Reported]
) -> None:
    imported["P1"] = summary(84)
    with pytest.raises(Refused) as refusal:
        ask(staged, "pilot")
    assert refusal.value.data["criteria"] == {
        "P1": "Accuracy 0.420 (0.354 to 0.489, n = 200); 0.950 is wanted.",
        "P2": "Nothing has been reported yet.",
    }
    imported["P1"] = summary(190)
    through_pilot(staged)
    assert staged.workload.stage == "validate"

    assert missing(staged, "validate") == ["V1", "V2", "V5", "V6"]
    put(staged, "edge_cases", CASES)
    matrix = put(staged, "exception_matrix", MATRIX)
    put(staged, "stakeholder_seat", SEAT, by="bob")
    put(staged, "stress_run", STRESS)
    with pytest.raises(Refused, match="V2: The matrix isn't signed"):
        ask(staged, "validate")
    assert signed(staged, "evidence", matrix, "erin", "gina") == "granted"
    attempt = ask(staged, "validate")
    assert signed(staged, "gate", attempt, "erin") == "pending"
    assert staged.workload.stage == "validate"
    assert signed(staged, "gate", attempt, "gina") == "granted"
    assert staged.workload.stage == "harden"

    unreported = [criterion.id for criterion in queries.unreported("harden")]
    put(staged, "data_path", {"rows": [{"system": "CRM", "interface": "API", "secured": "yes", "by_hand": "no"}]})
    load = {"forecast_peak": 40, "reached_peak": 44, "error_share": 0.01, "run_on": "2026-11-10"}
    put(staged, "load_run", load)
    review = put(staged, "permission_review", {"rows": [{"permission": "search", "needed": "yes", "why": "answers"}]})
    assert "H5" in missing(staged, "harden")
    signed(staged, "evidence", review, "sam")
    drilled(staged, published(staged, written(staged)), timedelta(minutes=9), NOW - DAY)
    arrive(staged)
    put(staged, "content_record", {"system": "ticket archive", "retention_days": 90, "reached_by": "by request"})
    free = add_tier(staged, "free")
    assert missing(staged, "harden") == ["H2", "H6", "H7", "H8"]
    name_three(staged)
    assert missing(staged, "harden") == ["H2", "H7", "H8"]
    cohort(staged, "charlie")
    for module in all_taught(staged):
        answered(staged, module, "charlie")
    assert missing(staged, "harden") == ["H2", "H7"]
    cap(staged, free)
    assert missing(staged, "harden") == unreported == ["H2"]
    with pytest.raises(Refused, match="H2: Nothing has been reported yet"):
        ask(staged, "harden")


def test_no_stage_is_skipped_and_none_is_opened_twice(staged: World, imported: dict[str, Reported]) -> None:
    for stage in ("validate", "harden", "optimize"):
        with pytest.raises(Refused, match="no stage is skipped"):
            ask(staged, stage)
    through_pilot(staged)
    with pytest.raises(Refused, match="none is opened twice"):
        ask(staged, "pilot")


def test_what_is_measured_cannot_be_typed_in(staged: World) -> None:
    for kind in ("evaluation", "drill", "records", "production", "improvement", "shadow_run"):
        with pytest.raises(Invalid, match="can't be typed in"):
            put(staged, kind, {"holds": True})
    assert not Evidence.objects.exists()


def test_the_seat_of_those_concerned_is_not_recorded_by_the_owner(staged: World) -> None:
    with pytest.raises(Forbidden, match="somebody else"):
        put(staged, "stakeholder_seat", SEAT)
    assert put(staged, "stakeholder_seat", SEAT, by="bob").author == staged.bob


def test_a_document_about_a_day_ages_from_that_day_and_never_lies_ahead(staged: World) -> None:
    load = {"forecast_peak": 40, "reached_peak": 44, "error_share": 0, "run_on": "2026-11-10"}
    assert put(staged, "load_run", load).observed_at.date().isoformat() == "2026-11-10"
    with pytest.raises(Invalid, match="lies ahead"):
        put(staged, "load_run", {**load, "run_on": "2026-11-21"})


def test_the_owner_the_requester_and_the_authors_of_the_evidence_cannot_sign(
    staged: World, imported: dict[str, Reported]
) -> None:
    put(staged, "core_journey", JOURNEY, by="erin")
    attempt = ask(staged, "pilot")
    request = request_for(staged, "gate", attempt)
    assert request.excluded == {
        str(staged.alice.id): "asked for it",
        str(staged.erin.id): "wrote evidence for it",
    }
    with pytest.raises(Forbidden, match="wrote evidence"):
        signed(staged, "gate", attempt, "erin")


def test_a_criterion_that_lapses_before_the_last_signature_keeps_the_gate_closed(
    staged: World, imported: dict[str, Reported]
) -> None:
    put(staged, "core_journey", JOURNEY)
    attempt = ask(staged, "pilot")
    imported["P1"] = summary(100)
    with pytest.raises(Refused, match=r"P1: Accuracy 0\.500"), transaction.atomic():
        signed(staged, "gate", attempt, "erin")


def test_break_glass_replaces_the_signatures_and_never_a_criterion(
    staged: World, imported: dict[str, Reported]
) -> None:
    """STAGE-4."""
    put(staged, "core_journey", JOURNEY)
    attempt = ask(staged, "pilot")
    request = request_for(staged, "gate", attempt)

    def call(name: str) -> ApprovalRequest:
        user = getattr(staged, name)
        return breakglass.break_glass(
            request=request, person=user, seen=request.digest, reason="r", actor=staged.actor(user), now=NOW
        )

    call("olga")
    imported["P1"] = summary(100)
    with pytest.raises(Refused, match=r"P1: Accuracy 0\.500"), transaction.atomic():
        call("fay")
    imported["P1"] = summary(190)
    assert call("fay").state == "granted"


def test_new_evidence_ends_what_was_being_signed_on_the_old(staged: World, imported: dict[str, Reported]) -> None:
    put(staged, "core_journey", JOURNEY)
    attempt = ask(staged, "pilot")
    put(staged, "core_journey", {**JOURNEY, "cost_before": 5})
    attempt.refresh_from_db()
    assert attempt.end_reason == "new evidence: Core journey and its KPIs"
    assert request_for(staged, "gate", attempt).state == "withdrawn"
    assert signed(staged, "gate", ask(staged, "pilot"), "erin") == "granted"


def test_a_waiver_takes_two_approvers_lasts_thirty_days_at_most_and_is_counted(
    staged: World, imported: dict[str, Reported]
) -> None:
    through_pilot(staged)
    common: dict[str, Any] = {"workload": staged.workload, "requester": staged.alice, "now": NOW}
    actor = staged.actor(staged.alice)
    with pytest.raises(Invalid, match="1 to 30 days"):
        actions.ask_for_waiver(criterion_id="V5", days=31, reason="r", actor=actor, **common)
    with pytest.raises(Refused, match="no criterion of"):
        actions.ask_for_waiver(criterion_id="H3", days=5, reason="r", actor=actor, **common)
    waiver = actions.ask_for_waiver(criterion_id="V5", days=30, reason="on leave", actor=actor, **common)
    assert signed(staged, "waiver", waiver, "erin") == "pending"
    assert "V5" in missing(staged, "validate")
    assert signed(staged, "waiver", waiver, "gina") == "granted"
    (standing,) = [s for s in queries.gate(staged.workload, "validate", NOW).standings if s.criterion.id == "V5"]
    assert (standing.state, standing.waived_until) == (State.WAIVED, NOW + 30 * DAY)
    assert queries.waivers(staged.workload, NOW + 30 * DAY) == {}
    assert queries.gate(staged.workload, staged.workload.stage, NOW).waivers == 1


def test_harden_has_no_waiver(staged: World, imported: dict[str, Reported]) -> None:
    through_validate(staged)
    with pytest.raises(Refused, match="never waived"):
        actions.ask_for_waiver(
            workload=staged.workload,
            criterion_id="H2",
            days=5,
            reason="r",
            requester=staged.alice,
            actor=staged.actor(staged.alice),
            now=NOW,
        )
    assert not Waiver.objects.exists()


def test_a_red_flag_stands_until_the_workload_goes_back_and_nothing_waives_it(
    staged: World, imported: dict[str, Reported]
) -> None:
    through_pilot(staged)
    common: dict[str, Any] = {"workload": staged.workload, "now": NOW}
    with pytest.raises(Forbidden):
        actions.raise_flag(stage="validate", what="x", by=staged.charlie, actor=staged.actor(staged.charlie), **common)
    actions.raise_flag(
        stage="validate",
        what="The cases were picked by hand.",
        by=staged.gina,
        actor=staged.actor(staged.gina),
        **common,
    )
    assert queries.gate(staged.workload, "validate", NOW).red_flags == ["The cases were picked by hand."]
    actions.go_back(
        workload=staged.workload,
        stage="pilot",
        by=staged.alice,
        actor=staged.actor(staged.alice),
        now=NOW + DAY,
        reason="earn it again",
    )
    assert staged.workload.stage == "pilot"
    assert queries.open_gates(staged.workload) == {}
    assert queries.gate(staged.workload, "validate", NOW + DAY).red_flags == []


def test_hardening_before_the_edge_cases_are_mapped_is_seen_by_itself(
    staged: World, imported: dict[str, Reported]
) -> None:
    through_pilot(staged)
    put(staged, "data_path", {"rows": [{"system": "CRM", "interface": "API", "secured": "yes", "by_hand": "no"}]})
    put(staged, "edge_cases", CASES)
    assert queries.gate(staged.workload, "validate", NOW).red_flags == [
        "Hardening began before the edge cases were mapped."
    ]


def test_a_breaking_source_is_an_error_of_its_own_criterion_alone(
    staged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S5, with the statement that failed undone."""

    def broken(look: Any) -> None:
        connection.cursor().execute("select 1/0")

    monkeypatch.setitem(sources._sources, "P1", broken)
    put(staged, "core_journey", JOURNEY)
    states = {s.criterion.id: s.state for s in queries.gate(staged.workload, "pilot", NOW).standings}
    assert states == {"P1": State.ERROR, "P2": State.PASS}


def test_a_tighter_threshold_holds_for_every_workload_and_a_looser_one_is_refused(staged: World) -> None:
    common: dict[str, Any] = {"tenant_id": staged.tenant.id, "criterion_id": "V1", "name": "cases", "reason": "r"}
    put(staged, "edge_cases", CASES)
    with pytest.raises(Invalid, match="default is 10"):
        actions.tighten(value=9, actor=staged.actor(staged.adam), **common)
    with pytest.raises(Forbidden):
        actions.tighten(value=12, actor=staged.actor(staged.alice), **common)
    actions.tighten(value=12, actor=staged.actor(staged.adam), **common)
    (standing,) = [s for s in queries.gate(staged.workload, "validate", NOW).standings if s.criterion.id == "V1"]
    assert standing.why == "10 cases are listed; list the 12 most important."


def test_an_opened_gate_is_judged_again_from_what_was_stored(staged: World, imported: dict[str, Reported]) -> None:
    attempt = through_pilot(staged)
    # What is true today doesn't matter any more.
    imported["P1"] = summary(0)
    found = replay_gate(staged.tenant.id, attempt.id)
    assert found is not None
    assert found[1].agrees(attempt.digest)


def test_one_altered_byte_of_evidence_is_named(live_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources._sources, "P1", lambda look: summary(190))
    with tenant_transaction(live_world.tenant.id):
        attempt = through_pilot(live_world)
        frozen = Evidence.objects.get(kind="evaluation", source="frozen")
    out = StringIO()
    call_command("replay_gate", str(attempt.id), stdout=out)
    assert "The same verdict and the same digest." in out.getvalue()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "update gates_evidence set content = jsonb_set(content, '{real,right}', '191') where id = %s",
            [frozen.id],
        )
    out = StringIO()
    with pytest.raises(CommandError, match="not what was decided upon"):
        call_command("replay_gate", str(attempt.id), stdout=out)
    assert f"P1: evidence {frozen.id} is not what it was" in out.getvalue()


def test_the_database_lets_nobody_change_evidence_or_a_snapshot(staged: World, imported: dict[str, Reported]) -> None:
    attempt = through_pilot(staged)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Evidence.objects.update(content={})
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        GateAttempt.objects.filter(id=attempt.id).update(digest="x")


STATEMENTS = {"pilot": 17, "validate": 19, "harden": 24, "deploy": 18, "optimize": 18}


@pytest.mark.parametrize("stage", STATEMENTS)
def test_the_gate_page_costs_the_same_however_much_was_recorded(world: World, stage: str) -> None:
    """At most thirteen of its own, in a savepoint (two); the other nine are the frame of every page."""
    client, path = signed_in("alice"), f"/t/acme/workloads/W-01/gates/{stage}/"

    def cost() -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    with tenant_transaction(world.tenant.id):
        for name, role in (("fay", "finance"), ("sam", "security")):
            join(world, name, role)
        drilled(world, published(world, written(world)), timedelta(minutes=9), NOW - DAY)
        arrive(world, datetime.now(UTC))
        taught = all_taught(world)
        cohort(world, "charlie")
        _record_everything(world)
    assert cost() == STATEMENTS[stage]
    with tenant_transaction(world.tenant.id):
        for n in range(3):
            cohort(world, "alice", "bob", name=f"Cohort {n}")
            answered(world, taught[n], "charlie")
            _record_everything(world)
            actions.raise_flag(
                workload=world.workload, stage=stage, what="w", by=world.erin, actor=world.actor(world.erin), now=NOW
            )
    assert cost() == STATEMENTS[stage]


def _record_everything(world: World) -> None:
    put(world, "edge_cases", CASES)
    put(world, "exception_matrix", MATRIX)
    put(world, "stress_run", STRESS)
    put(world, "permission_review", {"rows": [{"permission": "search", "needed": "yes", "why": "answers"}]})


def test_the_page_shows_the_ladder_takes_a_document_and_says_what_is_wrong(world: World) -> None:
    alice = signed_in("alice")
    page = alice.get("/t/acme/workloads/W-01/").content.decode()
    assert "2 of 2 criteria are open. Next: <b>P1" in page
    url = "/t/acme/workloads/W-01/evidence/core_journey/record/"
    filled = {
        "head-journey": "j",
        "head-cost_before": "four",
        "head-seconds_before": "420",
        "row-TOTAL_FORMS": "1",
        "row-INITIAL_FORMS": "0",
        "row-0-kpi": "k",
        "row-0-threshold": "t",
    }
    refused = alice.post(url, filled)
    assert refused.status_code == 400
    assert "Cost of one transaction before the automation: write a number." in refused.content.decode()
    assert alice.post(url, {**filled, "head-cost_before": "4"}).status_code == 302
    with tenant_transaction(world.tenant.id):
        assert Evidence.objects.get().content["cost_before"] == 4
        put(world, "edge_cases", {"rows": [{**row, "handled": False} for row in CASES["rows"]]})
    shown = alice.get("/t/acme/workloads/W-01/evidence/edge_cases/").content.decode()
    assert ("<td>case 0</td>" in shown, shown.count("<td>no</td>")) == (True, 10)
    refused = alice.post("/t/acme/workloads/W-01/gate/ask/")
    assert refused.status_code == 409
    assert "P1: Nothing has been reported yet." in refused.content.decode()


def test_the_api_shows_a_gate_takes_evidence_and_refuses_to_open_it(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token('read', 'write', user=world.alice)}"}
    base = "/api/v1/t/acme/workloads/W-01"
    made = Client().post(f"{base}/evidence/core_journey", JOURNEY, content_type="application/json", headers=headers)
    assert made.status_code == 201, made.content
    wrong = Client().post(f"{base}/evidence/core_journey", {}, content_type="application/json", headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "document_invalid")
    gate = Client().get(f"{base}/gates/pilot", headers=headers).json()
    assert [(c["id"], c["state"]) for c in gate["criteria"]] == [("P1", "not_reported"), ("P2", "pass")]
    asked = Client().post(f"{base}/gates/pilot", headers=headers)
    assert (asked.status_code, asked.json()["criteria"]) == (409, {"P1": "Nothing has been reported yet."})
    assert Client().get(f"{base}/gates/heaven", headers=headers).status_code == 404


def test_going_back_and_withdrawing_end_what_was_asked(staged: World, imported: dict[str, Reported]) -> None:
    through_pilot(staged)
    with pytest.raises(Refused, match="choose an earlier stage"):
        actions.go_back(
            workload=staged.workload,
            stage="harden",
            by=staged.alice,
            actor=staged.actor(staged.alice),
            now=NOW,
            reason="r",
        )
    assert [criterion.id for criterion in of_stage("pilot")] == ["P1", "P2"]
    actions.go_back(
        workload=staged.workload, stage="pilot", by=staged.alice, actor=staged.actor(staged.alice), now=NOW, reason="r"
    )
    attempt = ask(staged, "pilot")
    approving.withdraw_request(
        request=request_for(staged, "gate", attempt), actor=staged.actor(staged.alice), now=NOW, reason="not yet"
    )
    attempt.refresh_from_db()
    assert attempt.end_reason == "the approval was withdrawn"


def test_a_stale_signature_on_a_gate_gets_a_409(staged: World, imported: dict[str, Reported]) -> None:
    put(staged, "core_journey", JOURNEY)
    request = request_for(staged, "gate", ask(staged, "pilot"))
    with pytest.raises(Conflict):
        sign(request, staged.erin, staged.actor(staged.erin), NOW, seen="0" * 64)


def test_a_rollout_in_flight_waits_when_something_of_harden_has_run_out(staged: World) -> None:
    """ROLL-2: each later step checks the same again."""
    rollout = drafted(staged)
    put(staged, "data_path", {"rows": [{"system": "CRM", "interface": "API", "secured": "yes", "by_hand": "no"}]})
    assert _harden_holds(rollout, NOW) == ""
    assert "H9 Data arrives through secured interfaces: It was passing until" in _harden_holds(rollout, NOW + 180 * DAY)
