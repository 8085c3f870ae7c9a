"""The operator makes a tenant with its first admin."""

from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.tenants import queries
from apps.tenants.models import Tenant
from portal.tenancy.context import tenant_transaction
from tests.world import World

ASKED = "apps.tenants.management.commands.create_tenant.getpass"


def test_a_new_admin_gets_an_account_and_a_known_one_keeps_theirs(world: World) -> None:
    with patch(ASKED, return_value="gravel-otter-mandolin-seven"):
        call_command("create_tenant", "orbis", "Orbis", "--admin", "Nora@Example.org")
    with patch(ASKED, side_effect=AssertionError("nobody is asked")):
        call_command("create_tenant", "terra", "Terra", "--admin", "bob@example.org")
    for slug, address in (("orbis", "nora@example.org"), ("terra", "bob@example.org")):
        tenant = Tenant.objects.get(slug=slug)
        with tenant_transaction(tenant.id):
            assert [(row.user.email, row.roles) for row in queries.members(tenant.id)] == [(address, ["admin"])]
    assert User.objects.get(email="nora@example.org").check_password("gravel-otter-mandolin-seven")


def test_a_weak_password_makes_neither_account_nor_tenant(world: World) -> None:
    with patch(ASKED, return_value="password1234"), pytest.raises(CommandError, match="too easy to guess"):
        call_command("create_tenant", "orbis", "Orbis", "--admin", "nora@example.org")
    assert not Tenant.objects.filter(slug="orbis").exists()
    assert not User.objects.filter(email="nora@example.org").exists()
