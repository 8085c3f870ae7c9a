"""Does the leak suite find leaks? Take the policies away, and it has to. Run by ``make isolation-selftest``."""

import pytest
from django.db import connections

from tests.isolation import leaks
from tests.isolation.populate import populate
from tests.world import World


@pytest.fixture
def without_policies(live_world: World) -> World:
    populate(live_world)
    with connections["owner"].cursor() as cursor:
        for table in leaks.tables():
            cursor.execute(f'alter table "{table}" no force row level security')
            cursor.execute(f'alter table "{table}" disable row level security')
    return live_world


def test_the_leak_suite_fails_on_every_table_once_the_policies_are_gone(without_policies: World) -> None:
    world = without_policies
    try:
        for table in leaks.tables():
            found = list(leaks.leaks(table, victim=world.tenant.id, attacker=world.other.id))
            assert "select" in found, f"nothing was found in {table} although its policy is gone"
    finally:
        with connections["owner"].cursor() as cursor:
            for table in leaks.tables():
                cursor.execute(f'alter table "{table}" enable row level security')
                cursor.execute(f'alter table "{table}" force row level security')
