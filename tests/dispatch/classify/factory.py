"""Examples of two workloads in the first tenant, and classifiers made of them, through the product's own actions."""

from datetime import timedelta

from apps.dispatch.classify import actions, training
from apps.dispatch.classify.models import Classifier, Dispatcher
from apps.dispatch.classify.reading import Said
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.dispatch.classify.texts import examples
from tests.world import NOW, World, make_workload

LATER = NOW + timedelta(hours=1)


def second_workload(world: World) -> Workload:
    """W-02, of Alice too."""
    with tenant_transaction(world.tenant.id):
        return make_workload(world.tenant, world.alice, "W-02")[0]


def taught(world: World, each: int = 12) -> Workload:
    """W-01 is the bank, W-02 (returned) travel; each has so many examples of its two topics, and nobody so many."""
    travel = second_workload(world)
    owners = {"bank": world.workload, "travel": travel, "": None}
    texts, labels = examples(each)
    with tenant_transaction(world.tenant.id):
        for owner, workload in owners.items():
            said = [Said(t, label.topic) for t, label in zip(texts, labels, strict=True) if label.owner == owner]
            actions.add_examples(
                tenant_id=world.tenant.id, workload=workload, said=said, actor=world.actor(world.alice), now=NOW
            )
    return travel


def trained(world: World) -> Classifier:
    """A further version, asked for by Alice unless somebody has asked already."""
    with tenant_transaction(world.tenant.id):
        training.ask_for_training(tenant_id=world.tenant.id, actor=world.actor(world.alice), now=NOW)
        due = Dispatcher.objects.values_list("due_at", flat=True).get()
        assert due is not None, "it was asked for"
        training.train_due(tenant_id=world.tenant.id, now=due)
        return Classifier.objects.latest("number")


def live(world: World) -> Dispatcher:
    """A version that answers."""
    taught(world)
    version = trained(world)
    with tenant_transaction(world.tenant.id):
        return actions.activate(
            classifier=version, threshold=None, actor=world.actor(world.gina), now=NOW, reason="good enough"
        )
