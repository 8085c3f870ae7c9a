"""TEN-1: the database itself refuses another tenant's rows, and a forgotten tenant is a loud error."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.audit import chain
from apps.audit import queries as audit
from apps.workloads import queries
from apps.workloads.models import AgentVersion, Workload
from portal.errors import NotFound
from portal.tenancy.context import TenantAlreadySet, TenantMissing, tenant_transaction
from tests.world import World


def test_the_suite_runs_as_the_applications_role(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select current_user, rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        assert cursor.fetchone() == ("portal_app", False, False)


def test_a_forgotten_tenant_raises_and_does_not_show_an_empty_page(world: World) -> None:
    with pytest.raises(TenantMissing):
        Workload.objects.exists()


def test_a_transaction_belongs_to_one_tenant(world: World) -> None:
    with (
        tenant_transaction(world.tenant.id),
        pytest.raises(TenantAlreadySet),
        tenant_transaction(world.other.id),
    ):
        pass


def test_the_rows_of_another_tenant_do_not_exist(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        assert Workload.objects.filter(id=world.workload.id).count() == 1
    with tenant_transaction(world.other.id):
        assert Workload.objects.filter(id=world.foreign.id).count() == 1
        assert Workload.objects.filter(id=world.workload.id).count() == 0


def test_a_link_across_the_line_is_refused_by_the_database(world: World) -> None:
    with (
        tenant_transaction(world.other.id),
        pytest.raises(IntegrityError, match="serving_fk"),
        transaction.atomic(),
    ):
        Workload.objects.filter(id=world.foreign.id).update(serving_version=world.stable.id)


def test_a_version_never_changes(world: World) -> None:
    """WORK-1: the application's role has no right to update."""
    with tenant_transaction(world.tenant.id), pytest.raises(ProgrammingError), transaction.atomic():
        AgentVersion.objects.filter(id=world.stable.id).update(model="another")


def test_a_person_without_a_grant_finds_nothing_and_a_team_grant_counts(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        with pytest.raises(NotFound):
            queries.workload_for(world.tenant.id, world.actor(world.charlie), "W-01")
        bob = world.actor(world.bob)
        assert queries.workload_for(world.tenant.id, bob, "W-01", "operate_workload") == world.workload


def test_the_audit_chain_of_a_tenant_verifies(world: World) -> None:
    """AUD-1, AUD-2: the database's arithmetic and Python's are the same."""
    with tenant_transaction(world.tenant.id):
        head = audit.head(world.tenant.id)
        assert head[0] > 5
        assert chain.first_break(world.tenant.id, audit.links(world.tenant.id), head) is None
