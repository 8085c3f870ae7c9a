"""DISP-1, DISP-3 at request time: rules first, then the version that answers, or nobody; read once a configuration."""

import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.dispatch.classify import actions
from apps.dispatch.classify.decide import Classified, Classifiers, Known, classify
from apps.dispatch.classify.models import Dispatcher
from apps.tenants.queries import config_version
from apps.workloads.models import Workload
from portal.errors import Unavailable
from portal.tenancy.context import tenant_transaction
from tests.dispatch.classify.factory import live
from tests.world import World


@pytest.fixture
def known(world: World) -> Iterator[Classifiers]:
    yield Classifiers()


def now_known(world: World, known: Classifiers) -> Known:
    with tenant_transaction(world.tenant.id):
        version = config_version(world.tenant.id)
    return known.get(world.tenant.id, version)


def test_it_names_the_workload_says_how_sure_it_is_and_by_which_version(world: World, known: Classifiers) -> None:
    live(world)
    found = classify(now_known(world, known), "a flight to berlin")
    assert (found.workload, found.by, found.version) == ("W-02", "classifier", 1)
    assert classify(now_known(world, known), "block my card").workload == "W-01"


def test_below_its_threshold_it_says_no_workload(world: World, known: Classifiers) -> None:
    row = live(world)
    found = classify(now_known(world, known), "why is the sky blue")
    assert (found.workload, found.by, found.version) == (None, "classifier", 1)
    assert found.confidence < row.threshold
    assert classify(now_known(world, known), "") == Classified(None, 0.0, "classifier", 1)


def test_a_rule_comes_before_the_classifier(world: World, known: Classifiers) -> None:
    live(world)
    with tenant_transaction(world.tenant.id):
        actions.add_rule(
            tenant_id=world.tenant.id, workload=world.workload, written="refund", actor=world.actor(world.adam)
        )
    found = classify(now_known(world, known), "Refund my flight to Berlin")
    assert found == Classified("W-01", 1.0, "rule", None)


def test_without_rules_or_a_version_it_is_nobodys(world: World, known: Classifiers) -> None:
    assert classify(now_known(world, known), "block my card") == Classified(None, 0.0, None, None)


def test_nothing_is_read_while_the_configuration_stays_and_little_when_it_moves(
    world: World, known: Classifiers
) -> None:
    live(world)
    first = now_known(world, known)
    with CaptureQueriesContext(connection) as captured:
        assert known.get(world.tenant.id, first.config) is first
        classify(first, "block my card")
    assert len(captured) == 0
    with tenant_transaction(world.tenant.id):
        actions.set_threshold(
            tenant_id=world.tenant.id, threshold=1.0, actor=world.actor(world.gina), reason="refuse all"
        )
    with CaptureQueriesContext(connection) as captured:
        second = known.get(world.tenant.id, first.config + 1)
    assert not any('"data"' in query["sql"] for query in captured), "the same version isn't read again"
    assert second.classifier is first.classifier
    assert classify(second, "block my card").workload is None


def test_a_retired_workload_is_answered_no_more(world: World, known: Classifiers) -> None:
    live(world)
    assert classify(now_known(world, known), "a flight to berlin").workload == "W-02"
    with tenant_transaction(world.tenant.id):
        Workload.objects.filter(key="W-02").update(retired_at=timezone.now())
    known.clear()
    found = classify(now_known(world, known), "a flight to berlin")
    assert (found.workload, found.by) == (None, "classifier")


def test_while_one_thread_reads_the_others_go_on_with_what_is_known(
    world: World, known: Classifiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = now_known(world, known)
    assert known._lock.acquire(timeout=1)
    try:
        answers: list[Known] = []
        asking = threading.Thread(target=lambda: answers.append(known.get(world.tenant.id, first.config + 1)))
        asking.start()
        asking.join(timeout=5)
        assert answers == [first]
    finally:
        known._lock.release()


def test_without_a_database_what_is_known_goes_on_to_count(
    world: World, known: Classifiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = now_known(world, known)

    def broken(*args: object) -> None:
        raise OperationalError

    monkeypatch.setattr("apps.dispatch.classify.decide.queries.setting", broken)
    assert known.get(world.tenant.id, first.config + 1) is first
    with pytest.raises(Unavailable, match="use the fallback"):
        known.get(world.other.id, 1)


def test_a_version_that_cannot_be_read_answers_nothing(
    world: World, known: Classifiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(world)
    monkeypatch.setattr("apps.dispatch.classify.decide.queries.data_of", lambda *args: b"of another format")
    assert classify(now_known(world, known), "block my card") == Classified(None, 0.0, None, None)


def test_what_was_used_longest_ago_is_forgotten(
    world: World, known: Classifiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.dispatch.classify.decide.MOST_KEPT", 1)
    now_known(world, known)
    known.get(world.other.id, 1)
    assert list(known._known) == [world.other.id]


def test_tenants_are_kept_apart(world: World, known: Classifiers) -> None:
    """TEN-1."""
    live(world)
    found = classify(now_known(world, known), "a flight to berlin").workload
    assert found == "W-02"
    assert classify(known.get(world.other.id, 1), "a flight to berlin") == Classified(None, 0.0, None, None)
    with tenant_transaction(world.other.id):
        assert not Dispatcher.objects.exists()
