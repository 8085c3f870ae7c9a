"""The rate card over real connections: it is written by one at a time."""

from typing import Any

from apps.audit.queries import entries
from apps.pricing import actions
from apps.pricing.models import ModelPrice
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_races import at_once
from tests.pricing.cast import payer, wanted
from tests.world import NOW, World


def test_of_two_files_at_once_one_stands_as_a_whole_and_both_are_written_down(live_world: World) -> None:
    """In opposite order, so that row locks alone would wait for each other for good."""
    adam = payer(live_world)

    def setting(amount: str, *models: str) -> Any:
        rows = [wanted(model, input=amount) for model in models]
        common: dict[str, Any] = {"reason": "r", "by": live_world.adam, "actor": adam, "now": NOW}
        return lambda: actions.set_prices(tenant_id=live_world.tenant.id, wanted=rows, **common)

    found = at_once(live_world, setting("1", "a", "b", "c"), setting("2", "c", "b", "a"))
    assert [[row.model for row in rows] for rows in found] == [["a", "b", "c"], ["c", "b", "a"]]
    with tenant_transaction(live_world.tenant.id):
        stands = set(ModelPrice.objects.values_list("model", "input_per_million"))
        assert len(stands) == 3 and len({amount for _, amount in stands}) == 1
        assert entries(live_world.tenant.id).filter(action="price.set").count() == 6
