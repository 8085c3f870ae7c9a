"""FEED-4, H8 against the database, the pages and the API."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.gates import queries as gates
from apps.gates.freshness import Standing, State
from apps.rollouts.assignment import Cohort as PhaseCohort
from apps.rollouts.training import _cohorts_trained
from apps.tenants import actions as tenants
from apps.tenants.queries import membership
from apps.training import actions, queries
from apps.training.models import Cohort, Completion, Module
from apps.training.rules import TOPICS
from portal.errors import Forbidden, Invalid, NotFound, Refused
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import PHASES, drafted
from tests.world import NOW, World

DAY = timedelta(days=1)
QUESTION = {"text": "Is it sure?", "answers": ["yes", "no"], "right": 1}


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def taught(world: World, topic: str = "reading", **fields: Any) -> Module:
    values: dict[str, Any] = {
        "topic": topic,
        "title": f"On {topic}",
        "text": "Read.",
        "questions": [QUESTION],
        **fields,
    }
    return actions.write_module(workload=world.workload, actor=world.actor(world.alice), **values)


def all_taught(world: World) -> list[Module]:
    return [taught(world, topic) for topic in TOPICS]


def cohort(world: World, *names: str, **fields: Any) -> Cohort:
    alice = world.actor(world.alice)
    made = actions.form_cohort(workload=world.workload, actor=alice, **{"name": "Pioneers", "is_first": True, **fields})
    actions.set_members(cohort=made, people=[getattr(world, name).id for name in names], actor=alice)
    return made


def answered(world: World, module: Module, name: str, *answers: int, now: Any = NOW) -> Completion:
    user = getattr(world, name)
    return actions.complete_module(
        module=module, answers=list(answers or [1]), person=user, actor=world.actor(user), now=now
    )


def h8(world: World, now: Any = NOW) -> Standing:
    return next(s for s in gates.gate(world.workload, "harden", now).standings if s.criterion.id == "H8")


def test_h8_wants_the_first_users_trained_in_all_three(world: World, tenant: None) -> None:
    assert h8(world).state == State.NOT_REPORTED
    cohort(world, "bob", "charlie")
    assert h8(world).why == (
        "Not taught yet: how to read what the agent says; how to spot a hallucination; how to step in."
    )
    modules = all_taught(world)
    assert h8(world).why == "Too few are trained in Pioneers: Pioneers 0 of 2."
    for name in ("bob", "charlie"):
        for module in modules:
            answered(world, module, name)
    found = h8(world)
    assert (found.state, found.why) == (State.PASS, "Trained: Pioneers 2 of 2.")
    assert found.valid_until == NOW + timedelta(days=365)
    assert h8(world, NOW + timedelta(days=300)).state == State.WARN
    lapsed = h8(world, NOW + timedelta(days=365))
    assert (lapsed.state, lapsed.why) == (State.FAIL, "Too few are trained in Pioneers: Pioneers 0 of 2, 2 ran out.")


def test_every_cohort_of_first_users_has_to_be_trained_and_an_empty_one_is_not(world: World, tenant: None) -> None:
    modules = all_taught(world)
    cohort(world, "bob")
    for module in modules:
        answered(world, module, "bob")
    assert h8(world).state == State.PASS
    cohort(world, name="Second")
    assert h8(world).why == "Too few are trained in Second: Pioneers 1 of 1; Second 0 of 0."


def test_a_wrong_answer_keeps_nothing(world: World, tenant: None) -> None:
    module = taught(world, questions=[QUESTION, {**QUESTION, "text": "And now?"}])
    with pytest.raises(Refused) as refusal:
        answered(world, module, "bob", 1, 0)
    assert refusal.value.data["wrong"] == [2]
    assert not Completion.objects.exists()


def test_a_text_that_everybody_takes_again_drops_what_was_completed_and_another_does_not(
    world: World, tenant: None
) -> None:
    module, alice = taught(world), world.actor(world.alice)
    pioneers = cohort(world, "bob")
    answered(world, module, "bob")

    def trained() -> int:
        return queries.covered(world.workload, [pioneers], NOW)[0].coverage.trained

    assert trained() == 1
    common: dict[str, Any] = {"module": module, "text": "Read on.", "questions": [QUESTION], "actor": alice}
    assert actions.rewrite_module(again=False, **common).counts_from == 1
    assert trained() == 1
    assert actions.rewrite_module(again=True, **common).counts_from == 3
    assert trained() == 0
    answered(world, Module.objects.get(id=module.id), "bob")
    assert trained() == 1


def test_nobody_records_their_own_attendance(world: World, tenant: None) -> None:
    module, alice = taught(world), world.actor(world.alice)
    with pytest.raises(Forbidden, match="leave yourself out"):
        actions.record_attendance(
            module=module, people=[world.alice.id, world.bob.id], recorder=world.alice, actor=alice, now=NOW
        )
    assert not Completion.objects.exists()
    made = actions.record_attendance(module=module, people=[world.bob.id], recorder=world.alice, actor=alice, now=NOW)
    assert [(each.how, each.recorded_by) for each in made] == [("attended", world.alice)]
    with pytest.raises(IntegrityError), transaction.atomic():
        Completion.objects.create(
            tenant=world.tenant,
            module=module,
            person=world.bob,
            revision=1,
            how="attended",
            recorded_by=world.bob,
            completed_at=NOW,
            until=NOW + DAY,
        )


def test_who_recorded_attendance_is_an_author_of_the_evidence(world: World, tenant: None) -> None:
    """APPR-2."""
    module = taught(world)
    cohort(world, "bob")
    erin = world.actor(world.erin)
    actions.record_attendance(module=module, people=[world.bob.id], recorder=world.erin, actor=erin, now=NOW)
    found = h8(world).reported
    assert found is not None
    assert found.authors == (world.erin.id,)


def test_a_completion_never_changes(world: World, tenant: None) -> None:
    answered(world, taught(world), "bob")
    with pytest.raises(ProgrammingError), transaction.atomic():
        Completion.objects.update(until=NOW + 900 * DAY)


def test_who_leaves_the_tenant_no_longer_counts(world: World, tenant: None) -> None:
    taught(world)
    pioneers = cohort(world, "bob", "charlie")
    gone = membership(world.tenant.id, world.charlie.id)
    assert gone is not None
    tenants.end_membership(member=gone, actor=world.actor(world.adam), now=NOW)
    assert queries.covered(world.workload, [pioneers], NOW)[0].coverage.people == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"text": "<b>x</b>"}, "Text, line 1: HTML isn't taken; write it in Markdown."),
        ({"questions": []}, "Ask 1 to 20 questions: reading alone shows nothing."),
        ({"questions": [{**QUESTION, "right": 2}]}, "Question 1: say which answer is right, counted from 0."),
        ({"questions": [{**QUESTION, "answers": ["a", "a"]}]}, "Question 1: two answers are the same."),
        ({"questions": [{**QUESTION, "answers": ["a"]}]}, "Question 1: give a question and 2 to 6 answers."),
        ({"valid_days": 0}, "It counts for 1 to 1,000 days."),
        ({"topic": "juggling"}, "topic: one of reading, spotting, stepping_in."),
    ],
)
def test_a_module_that_cannot_be_taken_says_why(
    world: World, tenant: None, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        taught(world, **change)
    assert refusal.value.data["problems"] == [problem]
    assert not Module.objects.exists()


def test_a_threshold_is_never_under_eighty_and_strangers_are_in_no_cohort(world: World, tenant: None) -> None:
    with pytest.raises(Invalid, match="80 to 100"):
        cohort(world, threshold=79)
    with pytest.raises(Invalid, match="Only members"):
        cohort(world, "bob", "mallory")
    assert not Cohort.objects.get().members.exists()


def test_a_phase_by_cohort_waits_until_that_cohort_is_trained(world: World, tenant: None) -> None:
    first, *rest = PHASES
    department = PhaseCohort("department", frozenset({"berlin", "wien"}))
    rollout = drafted(world, phases=(replace(first, cohort=department), *rest))
    modules = all_taught(world)
    cohort(world, "bob", name="Berlin", attribute="department", value="berlin", is_first=False)
    assert _cohorts_trained(rollout, NOW) == (
        "Form the cohort department = wien and train it. Berlin: 0 of 1 are trained; 80 % are wanted."
    )
    cohort(world, "charlie", name="Wien", attribute="department", value="wien", is_first=False)
    for name in ("bob", "charlie"):
        for module in modules:
            answered(world, module, name)
    assert _cohorts_trained(rollout, NOW) == ""
    assert "Berlin" in _cohorts_trained(rollout, NOW + timedelta(days=365))


def test_a_rollout_by_share_asks_no_cohort(world: World, tenant: None) -> None:
    assert _cohorts_trained(drafted(world), NOW) == ""


def test_a_first_user_without_any_right_takes_what_is_asked_and_sees_no_other(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        module = taught(world)
        charlie = world.actor(world.charlie)
        with pytest.raises(NotFound):
            queries.module_for(world.tenant.id, charlie, module.id)
        cohort(world, "charlie")
        assert queries.module_for(world.tenant.id, charlie, module.id) == module
    client = signed_in("charlie")
    assert b"1 module to go" in client.get("/t/acme/training/").content
    url = f"/t/acme/training/modules/{module.id}/"
    wrong = client.post(url, {"q0": "0"})
    assert (wrong.status_code, b"look at question 1 again" in wrong.content) == (409, True)
    assert client.post(url, {"q0": "1"}).status_code == 302
    assert b"You are up to date" in client.get("/t/acme/training/").content
    assert client.get("/t/acme/workloads/W-01/training/").status_code == 404
    assert client.get(f"{url}rewrite/").status_code == 404


def test_an_owner_writes_a_module_and_a_cohort_on_the_pages(world: World) -> None:
    client = signed_in("alice")
    data = {"title": "Doubt", "topic": "spotting", "text": "Look.", "questions": "Sure?\n- yes\n+ no", "valid_days": 90}
    assert client.post("/t/acme/workloads/W-01/training/new/", data).status_code == 302
    bad = client.post("/t/acme/workloads/W-01/training/new/", {**data, "title": "B", "questions": "Sure?\n- yes\n- no"})
    assert (bad.status_code, b"say which answer is right" in bad.content) == (400, True)
    made = client.post("/t/acme/workloads/W-01/cohorts/new/", {"name": "Pioneers", "is_first": "on", "threshold": 80})
    assert made.status_code == 302
    assert client.post(made["Location"], {"people": [str(world.bob.id)]}).status_code == 302
    page = client.get("/t/acme/workloads/W-01/training/").content.decode()
    assert "Not yet taught: how to read what the agent says; how to step in" in page
    with tenant_transaction(world.tenant.id):
        assert Module.objects.get().valid_days == 90


def test_the_api_writes_modules_fills_cohorts_and_records_attendance(world: World) -> None:
    client: Client = signed_in("alice")
    base = "/api/v1/t/acme/"
    body = {"topic": "reading", "title": "Read", "text": "x", "questions": [QUESTION]}
    made = client.post(f"{base}workloads/W-01/modules", body, content_type="application/json")
    assert made.status_code == 201, made.json()
    cohort_made = client.post(
        f"{base}workloads/W-01/cohorts", {"name": "P", "is_first": True}, content_type="application/json"
    ).json()
    people = f"{base}cohorts/{cohort_made['id']}/people"
    wrong = client.put(people, {"people": ["mallory@example.org"]}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["people"]) == (400, ["mallory@example.org"])
    filled = client.put(people, {"people": ["Bob@example.org"]}, content_type="application/json").json()
    assert (filled["people"], filled["trained"], filled["holds"]) == (1, 0, False)
    attended = client.post(
        f"{base}modules/{made.json()['id']}/attendance",
        {"people": ["bob@example.org"]},
        content_type="application/json",
    )
    assert [each["how"] for each in attended.json()] == ["attended"]
    listed = client.get(f"{base}workloads/W-01/cohorts").json()["results"]
    assert [(each["name"], each["trained"]) for each in listed] == [("P", 1)]
    assert [each["title"] for each in client.get(f"{base}workloads/W-01/modules").json()["results"]] == ["Read"]


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_a_fixed_number_of_statements(world: World, count: int) -> None:
    with tenant_transaction(world.tenant.id):
        for number in range(count):
            taught(world, title=f"M{number}")
            answered(world, Module.objects.get(title=f"M{number}"), "bob")
            cohort(world, "alice", "bob", name=f"C{number}")
    client = signed_in("alice")
    for url, statements in (("/t/acme/training/", 12), ("/t/acme/workloads/W-01/training/", 16)):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        assert len(captured) == statements, url
