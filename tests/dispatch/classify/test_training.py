"""DISP-1 against the database: examples, corrections, training, versions, and who may what."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import ProgrammingError, transaction

from apps.dispatch import tasks
from apps.dispatch.classify import actions, queries, training
from apps.dispatch.classify.model import NOBODY
from apps.dispatch.classify.models import Classifier, Dispatcher, Example
from apps.dispatch.classify.reading import Said
from apps.dispatch.classify.storage import from_bytes
from apps.tenants.queries import config_version
from portal.errors import Conflict, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.dispatch.classify.factory import LATER, live, second_workload, taught, trained
from tests.world import NOW, World


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def given(world: World, *texts: str, workload: object = "W-01", **fields: str) -> int:
    chosen = world.workload if workload == "W-01" else workload
    return actions.add_examples(
        tenant_id=world.tenant.id,
        workload=chosen,  # type: ignore[arg-type]
        said=[Said(text, **fields) for text in texts],
        actor=world.actor(world.alice),
        now=NOW,
    )


def corrected(world: World, text: str, workload: object, **fields: str) -> Example:
    return actions.correct(
        tenant_id=world.tenant.id,
        workload=workload,  # type: ignore[arg-type]
        text=text,
        request_id=fields.get("request_id", ""),
        actor=world.actor(world.bob),
        now=LATER,
    )


def test_a_text_stands_once_however_it_is_written(world: World, tenant: None) -> None:
    assert given(world, "Block my card", "block  MY card", "lost card") == 2
    assert given(world, "BLOCK my card", "another") == 1
    assert sorted(Example.objects.values_list("text", flat=True)) == ["another", "block  MY card", "lost card"]


def test_a_text_of_another_workload_is_refused_and_nothing_is_kept(world: World, tenant: None) -> None:
    other = second_workload(world)
    given(world, "block my card")
    with pytest.raises(Invalid) as refusal:
        given(world, "new one", "Block my card", workload=other)
    assert refusal.value.data["problems"] == ["Example 2: “Block my card” stands under W-01 already."]
    assert Example.objects.count() == 1


def test_a_tenant_has_no_more_examples_than_can_be_trained_on(
    world: World, tenant: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_EXAMPLES", 2)
    given(world, "a", "b")
    with pytest.raises(Refused, match="2 examples are enough; this would make 3"):
        given(world, "c")
    with pytest.raises(Refused):
        corrected(world, "d", world.workload)
    assert Example.objects.count() == 2


def test_a_correction_is_an_example_for_the_next_training(world: World) -> None:
    travel, version = taught(world), trained(world)
    with tenant_transaction(world.tenant.id):
        made = corrected(world, "my suitcase is lost", travel, request_id="r-1")
        assert (made.source, made.request_id, made.said_by) == ("corrected", "r-1", "bob@example.org")
        assert list(queries.corrections(world.tenant.id, version.read_at)) == [made]
        training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=LATER)
        training.train_due(tenant_id=world.tenant.id, now=LATER + timedelta(seconds=1))
        newest = Classifier.objects.latest("number")
        assert (newest.number, newest.examples) == (2, version.examples + 1)
        assert not queries.corrections(world.tenant.id, newest.read_at).exists()


def test_a_correction_may_be_corrected_but_not_what_an_owner_gave(world: World, tenant: None) -> None:
    other = second_workload(world)
    corrected(world, "Where is it", other)
    again = corrected(world, "where is it?!", world.workload)
    assert Example.objects.count() == 2, "a question mark makes another text"
    corrected(world, "where  is it", None)
    assert Example.objects.get(text="where  is it").workload is None
    assert again.workload == world.workload
    given(world, "block my card")
    with pytest.raises(Refused, match="example of W-01"):
        corrected(world, "block my card", other)
    assert corrected(world, "block my card", world.workload).source == "corrected"


@pytest.mark.parametrize("text", ["", "  ", "x" * 1_001, "a\x00b"])
def test_a_correction_that_cannot_be_kept_is_refused(world: World, tenant: None, text: str) -> None:
    with pytest.raises(Invalid):
        corrected(world, text, world.workload)
    assert not Example.objects.exists()


def test_training_wants_ten_examples_each_of_two_workloads(world: World, tenant: None) -> None:
    assert training.problem_with(world.tenant.id) == "At least two workloads need examples, 10 each."
    other = second_workload(world)
    given(world, *[f"a {n}" for n in range(10)])
    given(world, *[f"b {n}" for n in range(9)], workload=other)
    assert training.problem_with(world.tenant.id) == ("1 of 2 have fewer than 10 examples; give more, or remove them.")
    with pytest.raises(Refused):
        training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=NOW)
    given(world, "b 9", workload=other)
    assert training.problem_with(world.tenant.id) == ""


def test_a_version_keeps_what_it_learned_from_and_how_it_was_judged(world: World) -> None:
    travel = taught(world)
    version = trained(world)
    assert (version.number, version.examples, version.nobodys, version.workloads) == (1, 60, 12, 2)
    assert version.asked_by == "alice@example.org"
    points = version.points
    assert len(points) == 101
    assert points[round(version.threshold * 100)].right == version.right
    assert version.right > 0.9 and version.none is not None and version.none > 0.5
    classifier = from_bytes(bytes(version.data))
    assert classifier.guess("a flight to berlin").owner == str(travel.id)
    assert {label.owner for label in classifier.machine.labels} == {NOBODY, str(world.workload.id), str(travel.id)}


def test_a_version_never_changes(world: World) -> None:
    taught(world)
    version = trained(world)
    with tenant_transaction(world.tenant.id), pytest.raises(ProgrammingError), transaction.atomic():
        Classifier.objects.filter(id=version.id).update(right=1.0)


def test_the_same_examples_are_not_trained_on_twice(world: World) -> None:
    taught(world)
    trained(world)
    with tenant_transaction(world.tenant.id), pytest.raises(Refused, match="Version 1 has learned exactly these"):
        training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=NOW)


def test_asking_twice_is_asking_once_and_the_task_runs_twice_without_harm(live_world: World) -> None:
    world = live_world
    taught(world)
    with tenant_transaction(world.tenant.id):
        for _ in range(2):
            training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=NOW)
    assert world.tenant.id in queries.due(NOW)
    for _ in range(2):
        tasks.train(tenant_id=str(world.tenant.id))
    assert queries.due(NOW + timedelta(days=1)) == {}
    with tenant_transaction(world.tenant.id):
        assert Classifier.objects.count() == 1


def test_a_training_that_was_overtaken_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs beyond its lease is followed by another; what it brings in the end is too late."""
    taught(world)
    real = training.train

    def overtaken(*args: object) -> object:
        with tenant_transaction(world.tenant.id):
            Dispatcher.objects.update(turn=7)
        return real(*args)  # type: ignore[arg-type]

    with tenant_transaction(world.tenant.id):
        training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=NOW)
    monkeypatch.setattr(training, "train", overtaken)
    training.train_due(tenant_id=world.tenant.id, now=NOW)
    with tenant_transaction(world.tenant.id):
        assert not Classifier.objects.exists()
        assert Dispatcher.objects.get().due_at == NOW + training.LEASE


def test_a_training_that_dies_is_begun_again_and_given_up_after_three(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught(world)

    def dying(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(training, "train", dying)
    with tenant_transaction(world.tenant.id):
        training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=NOW)
    now = NOW
    for _ in range(training.TRIES):
        with pytest.raises(MemoryError):
            training.train_due(tenant_id=world.tenant.id, now=now)
        training.train_due(tenant_id=world.tenant.id, now=now + timedelta(minutes=14))
        now += training.LEASE
    training.train_due(tenant_id=world.tenant.id, now=now)
    with tenant_transaction(world.tenant.id):
        row = Dispatcher.objects.get()
    assert row.due_at is None
    assert row.problem == "It was begun 3 times and never finished; the log of the workers says why."


def test_activating_counts_for_the_decision_path_and_takes_the_chosen_threshold(world: World) -> None:
    taught(world)
    version = trained(world)
    gina = world.actor(world.gina)
    with tenant_transaction(world.tenant.id):
        before = config_version(world.tenant.id)
        row = actions.activate(classifier=version, threshold=None, actor=gina, now=NOW, reason="better")
        assert (row.live, row.threshold, row.live_since) == (version, version.threshold, NOW)
        assert config_version(world.tenant.id) == before + 1
        row = actions.set_threshold(tenant_id=world.tenant.id, threshold=0.9, actor=gina, reason="fewer mistakes")
        assert row.threshold == 0.9
        assert config_version(world.tenant.id) == before + 2


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_is_a_share(world: World, tenant: None, threshold: float) -> None:
    with pytest.raises(Invalid, match="from 0 to 1"):
        actions.set_threshold(tenant_id=world.tenant.id, threshold=threshold, actor=world.actor(world.gina), reason="r")


def test_without_a_version_there_is_no_threshold_to_set(world: World, tenant: None) -> None:
    with pytest.raises(Conflict, match="train one"):
        actions.set_threshold(tenant_id=world.tenant.id, threshold=0.5, actor=world.actor(world.gina), reason="r")


def test_the_newest_versions_are_kept_and_the_one_that_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "KEPT", 2)
    live(world)
    for n in range(3):
        with tenant_transaction(world.tenant.id):
            given(world, f"one more {n}")
        trained(world)
    with tenant_transaction(world.tenant.id):
        assert list(queries.versions(world.tenant.id).values_list("number", flat=True)) == [4, 3, 1]


def test_rules_are_asked_in_their_order_and_can_be_moved(world: World, tenant: None) -> None:
    adam = world.actor(world.adam)
    made = [
        actions.add_rule(tenant_id=world.tenant.id, workload=world.workload, written=words, actor=adam)
        for words in ("one", "two", "three, four")
    ]
    actions.move_rule_up(rule=made[2], actor=adam)
    actions.move_rule_up(rule=made[0], actor=adam)
    assert [row.said for row in queries.rules(world.tenant.id)] == ["one", "three, four", "two"]
    actions.remove_rule(rule=made[0], actor=adam)
    actions.remove_rule(rule=made[0], actor=adam)
    assert [row.said for row in queries.rules(world.tenant.id)] == ["three, four", "two"]


def test_another_tenant_sees_and_learns_none_of_it(world: World) -> None:
    """TEN-1."""
    live(world)
    with tenant_transaction(world.tenant.id):
        assert Example.objects.exists() and Classifier.objects.exists()
    with tenant_transaction(world.other.id):
        assert not Example.objects.exists() and not Classifier.objects.exists() and not Dispatcher.objects.exists()
        assert queries.setting(world.other.id).classifier_id is None
        assert queries.to_learn(world.other.id).texts == []
