"""RUN-1 to RUN-3 and H1, H3 against the database and the pages: who writes, who publishes, and the running clock."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.gates import queries as gates
from apps.gates.freshness import State
from apps.rollouts.gates import _harden_holds
from apps.runbooks import actions, queries
from apps.runbooks.models import Drill, DrillStep, Runbook, RunbookVersion
from apps.runbooks.rules import Kind, Outcome
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_races import at_once
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import drafted
from tests.runbooks.texts import RUNBOOK
from tests.world import NOW, World

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def tenant(world: World) -> Any:
    with tenant_transaction(world.tenant.id):
        yield


def written(world: World, text: str = RUNBOOK, runbook: Runbook | None = None) -> RunbookVersion:
    alice = world.actor(world.alice)
    runbook = runbook or actions.create_runbook(
        workload=world.workload, title="Rolling back", owner=world.alice, actor=alice
    )
    return actions.write_version(runbook=runbook, text=text, why="first", author=world.alice, actor=alice, now=NOW)


def published(world: World, version: RunbookVersion, now: Any = NOW, is_editorial: bool = False) -> Runbook:
    bob = world.actor(world.bob)
    version = actions.review_version(version=version, reviewer=world.bob, actor=bob, now=now)
    actions.publish_version(version=version, publisher=world.bob, actor=bob, now=now, is_editorial=is_editorial)
    return Runbook.objects.select_related("published", "workload").get(id=version.runbook_id)


def begun(world: World, runbook: Runbook, now: Any = NOW) -> Drill:
    return actions.start_drill(
        runbook=runbook,
        kind=Kind.ROLLBACK,
        wanted=60,
        staff=[world.bob.id],
        starter=world.bob,
        actor=world.actor(world.bob),
        now=now,
    )


def drilled(world: World, runbook: Runbook, took: timedelta, now: Any = NOW) -> Drill:
    drill, bob = begun(world, runbook, now), world.actor(world.bob)
    for step in queries.steps(drill):
        actions.tick_step(drill=drill, number=step.number, by=world.bob, actor=bob, now=now)
    for name in ("fallback_works", "feeds_intact", "people_know"):
        actions.confirm(drill=drill, name=name, by=world.bob, actor=bob, now=now)
    return actions.finish_drill(drill=drill, carried=60, is_real=False, actor=bob, now=now + took)


def h3(world: World, now: Any) -> Any:
    (found,) = [s for s in gates.gate(world.workload, "harden", now).standings if s.criterion.id == "H3"]
    return found


def test_a_draft_may_lack_sections_and_neither_its_review_nor_its_publication_may(world: World, tenant: None) -> None:
    version = written(world, "## Who to call\n\nNobody.\n")
    with pytest.raises(Refused) as refusal:
        actions.review_version(version=version, reviewer=world.bob, actor=world.actor(world.bob), now=NOW)
    assert refusal.value.data["sections"] == [
        "what the agent does and must not do",
        "dashboards and alerts",
        "known failure modes",
        "how to roll back to the fallback",
    ]


def test_whoever_wrote_it_neither_reviews_nor_publishes_it(world: World, tenant: None) -> None:
    version, alice = written(world), world.actor(world.alice)
    with pytest.raises(Forbidden, match="wrote it"):
        actions.review_version(version=version, reviewer=world.alice, actor=alice, now=NOW)
    with pytest.raises(Refused, match="reviewed first"):
        actions.publish_version(version=version, publisher=world.bob, actor=world.actor(world.bob), now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        RunbookVersion.objects.filter(id=version.id).update(published_by=world.alice)
    with pytest.raises(ProgrammingError), transaction.atomic():
        RunbookVersion.objects.filter(id=version.id).update(text="other")


def test_html_is_refused_with_its_line_and_nothing_is_saved(world: World, tenant: None) -> None:
    with pytest.raises(Invalid) as refusal:
        written(world, "## A\n\n<script>x</script>\n")
    assert refusal.value.data["problems"] == ["line 3: HTML isn't taken; write it in Markdown."]
    assert not RunbookVersion.objects.exists()


def test_the_clock_is_the_portals_and_14_59_9_passes_where_15_00_0_does_not(world: World, tenant: None) -> None:
    """S6."""
    runbook = published(world, written(world))
    slow = drilled(world, runbook, 15 * MINUTE)
    assert (slow.outcome, slow.reasons) == (
        Outcome.FAILED,
        ["It took 15:00.0 minutes; a rollback has to take less than 15 minutes."],
    )
    assert h3(world, NOW + DAY).state is State.FAIL
    assert drilled(world, runbook, 15 * MINUTE - timedelta(seconds=0.1), NOW + DAY).outcome == Outcome.PASSED
    assert h3(world, NOW + 2 * DAY).state is State.PASS


def test_a_drill_counts_for_ninety_days_to_the_instant(world: World, tenant: None) -> None:
    runbook = published(world, written(world))
    ended = drilled(world, runbook, 9 * MINUTE).finished_at
    assert ended is not None
    assert h3(world, ended + 90 * DAY - timedelta(microseconds=1)).state is State.WARN
    assert h3(world, ended + 90 * DAY).state is State.STALE


def test_publishing_another_text_makes_the_drill_stale_and_stops_the_rollout_in_flight(
    world: World, tenant: None
) -> None:
    """S7 and ROLL-2."""
    runbook = published(world, written(world))
    drilled(world, runbook, 9 * MINUTE)
    rollout = drafted(world)
    typo = written(world, RUNBOOK.replace("day and night", "day & night"), runbook)
    runbook = published(world, typo, NOW + DAY, is_editorial=True)
    assert h3(world, NOW + 2 * DAY).state is State.PASS
    assert _harden_holds(rollout, NOW + 2 * DAY) == ""
    other = written(world, RUNBOOK.replace("Tell the team", "Call the team"), runbook)
    published(world, other, NOW + 3 * DAY)
    assert h3(world, NOW + 3 * DAY).state is State.STALE
    assert _harden_holds(rollout, NOW + 3 * DAY) == (
        "H3 A rollback drill in under 15 minutes: It was passing until 2026-11-23 12:00 UTC "
        "(the runbook has changed since); show it anew."
    )


def test_one_drill_at_a_time_on_published_text_with_members_alone(world: World, tenant: None) -> None:
    version = written(world)
    with pytest.raises(Refused, match="published"):
        begun(world, version.runbook)
    runbook = published(world, version)
    with pytest.raises(Invalid, match="members alone"):
        actions.start_drill(
            runbook=runbook,
            kind=Kind.ROLLBACK,
            wanted=1,
            staff=[world.mallory.id],
            starter=world.bob,
            actor=world.actor(world.bob),
            now=NOW,
        )
    begun(world, runbook)
    with pytest.raises(Refused, match="is running"):
        begun(world, runbook)
    assert Drill.objects.count() == 1


def test_a_second_tick_changes_nothing_and_a_stranger_confirms_nothing(world: World, tenant: None) -> None:
    drill = begun(world, published(world, written(world)))
    for at in (NOW, NOW + MINUTE):
        actions.tick_step(drill=drill, number=1, by=world.bob, actor=world.actor(world.bob), now=at)
    assert DrillStep.objects.get(number=1).ticked_at == NOW
    with pytest.raises(Invalid, match="no step 9"):
        actions.tick_step(drill=drill, number=9, by=world.bob, actor=world.actor(world.bob), now=NOW)
    with pytest.raises(Forbidden, match="takes part"):
        actions.confirm(drill=drill, name="people_know", by=world.alice, actor=world.actor(world.alice), now=NOW)


def test_of_two_who_finish_at_once_one_clock_counts(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        drill = begun(live_world, published(live_world, written(live_world)))
    bob = live_world.actor(live_world.bob)

    def finish(minutes: int) -> Any:
        return actions.finish_drill(drill=drill, carried=60, is_real=False, actor=bob, now=NOW + minutes * MINUTE)

    answers = at_once(live_world, lambda: finish(5), lambda: finish(7))
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Drill"]
    with tenant_transaction(live_world.tenant.id):
        ended = Drill.objects.get().finished_at
    assert ended == next(answer.finished_at for answer in answers if isinstance(answer, Drill))
    assert any(isinstance(answer, Conflict) for answer in answers)


def test_a_review_is_due_every_ninety_days(world: World, tenant: None) -> None:
    runbook = published(world, written(world))
    assert queries.review_due(world.tenant.id, NOW + 90 * DAY - timedelta(seconds=1)) == []
    assert queries.review_due(world.tenant.id, NOW + 90 * DAY) == [runbook]
    actions.read_through(runbook=runbook, reader=world.bob, actor=world.actor(world.bob), now=NOW + 90 * DAY)
    assert queries.review_due(world.tenant.id, NOW + 100 * DAY) == []


def test_from_the_first_word_to_a_verdict_on_the_pages(world: World) -> None:
    alice, bob = signed_in("alice"), signed_in("bob")
    made = alice.post("/t/acme/workloads/W-01/runbooks/new/", {"title": "Rolling back"})
    assert made.status_code == 302
    with tenant_transaction(world.tenant.id):
        runbook = Runbook.objects.get()
    base = f"/t/acme/runbooks/{runbook.id}/"
    assert "How to roll back to the fallback" in alice.get(f"{base}write/").content.decode()
    refused = alice.post(f"{base}write/", {"text": "<b>x</b>", "why": "w"})
    assert (refused.status_code, "line 1: HTML" in refused.content.decode()) == (400, True)
    assert alice.post(f"{base}write/", {"text": RUNBOOK, "why": "first"}).status_code == 302
    assert alice.post(f"{base}versions/1/review/").status_code == 403
    for verb in ("review", "publish"):
        assert bob.post(f"{base}versions/1/{verb}/").status_code == 302
    assert "<table>" in bob.get(base).content.decode()
    assert "Support chat" in bob.get(f"{base}sheet/").content.decode()
    started = bob.post(f"{base}drill/", {"kind": "rollback", "wanted": "60", "staff": [str(world.bob.id)]})
    drill = started.headers["Location"]
    assert 'class="clock"' in bob.get(drill).content.decode()
    for number in (1, 2, 3):
        bob.post(f"{drill}tick/{number}/")
    for name in ("fallback_works", "feeds_intact", "people_know"):
        bob.post(f"{drill}confirm/{name}/")
    assert bob.post(f"{drill}finish/", {"carried": "60"}).status_code == 302
    assert "counts for 90 days" in bob.get(drill).content.decode()
    again = bob.post(f"{drill}finish/", {"carried": "60"})
    assert (again.status_code, "This drill is over" in again.content.decode()) == (409, True)


def test_the_list_costs_the_same_at_one_row_and_at_three(world: World) -> None:
    client = signed_in("alice")

    def cost() -> int:
        client.get("/t/acme/runbooks/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/t/acme/runbooks/").status_code == 200
        return len(captured)

    with tenant_transaction(world.tenant.id):
        published(world, written(world))
    assert cost() == 11
    with tenant_transaction(world.tenant.id):
        for title in ("Second", "Third"):
            actions.create_runbook(
                workload=world.workload, title=title, owner=world.alice, actor=world.actor(world.alice)
            )
    assert cost() == 11
