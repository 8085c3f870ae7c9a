"""TEN-1 with raw SQL, generated from the model registry: as one tenant, at another one's rows, in every table."""

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connections, transaction

from apps.workloads.models import Workload, WorkloadUserPermission
from portal import access
from portal.tenancy.context import known_row_transaction, tenant_transaction
from tests.isolation import leaks
from tests.isolation.populate import populate
from tests.world import World


@pytest.fixture
def planted(live_world: World) -> Iterator[World]:
    populate(live_world)
    yield live_world


def test_no_table_leaks_to_another_tenant_in_any_way(planted: World) -> None:
    """One world for all tables, since committing one costs more than all probes together."""
    for table in leaks.tables():
        assert leaks.rows_of(table, planted.tenant.id) > 0, f"{table} holds nothing that could leak"
        assert leaks.rows_of(table, planted.other.id) > 0, f"{table} holds nothing of the attacker"
        found = list(leaks.leaks(table, victim=planted.tenant.id, attacker=planted.other.id))
        assert found == [], f"{table} leaks by {found}"


def test_without_any_tenant_there_is_no_row_at_all(planted: World) -> None:
    with connections["default"].cursor() as cursor:
        raw = cursor.cursor  # past the guard, as a mistake in the guard would be
        for table in leaks.tables():
            assert raw.execute(f'select count(*) from "{table}"').fetchone() == (0,)


def test_a_known_row_shows_itself_and_nothing_else(planted: World) -> None:
    with known_row_transaction("portal.user_id", str(planted.mallory.id)):
        cursor = connections["default"].cursor()
        cursor.execute("select count(*) from tenants_membership")
        assert cursor.fetchone() == (1,)


def test_a_guardian_grant_across_the_line_is_refused_by_the_database(planted: World) -> None:
    """A grant on another tenant's workload, whoever it is for, has no row to point at."""
    with tenant_transaction(planted.other.id), pytest.raises(IntegrityError), transaction.atomic():
        access.grant("see_workload", planted.mallory, Workload(id=planted.workload.id, tenant=planted.tenant))
    with connections["owner"].cursor() as cursor:
        cursor.execute("select count(*) from workloads_workloaduserpermission where user_id = %s", [planted.mallory.id])
        mine = cursor.fetchone()[0]
    with tenant_transaction(planted.other.id):
        assert WorkloadUserPermission.objects.filter(user=planted.mallory).count() == mine


def test_a_guardian_grant_to_somebody_of_another_tenant_is_refused_by_the_database(planted: World) -> None:
    with tenant_transaction(planted.tenant.id):
        with pytest.raises(IntegrityError, match="member_fk"), transaction.atomic():
            access.grant("see_workload", planted.mallory, planted.workload)
        access.grant("see_workload", planted.charlie, planted.workload)
