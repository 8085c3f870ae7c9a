"""Make a tenant and its first admin, as the platform operator."""

from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import User
from apps.tenants import actions
from apps.tenants.roles import Role
from portal import actor
from portal.errors import PortalError
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Makes a tenant with its first admin, who is asked for a password if they are new."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its address: letters, digits, dashes")
        parser.add_argument("name")
        parser.add_argument("--admin", required=True, help="the first admin's e-mail address")
        parser.add_argument("--time-zone", default="UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        operator = actor.task("create_tenant")
        try:
            tenant = actions.create_tenant(
                slug=options["slug"], name=options["name"], time_zone=options["time_zone"], actor=operator
            )
        except PortalError as error:
            raise CommandError(error.message) from error
        with tenant_transaction(tenant.id):
            user = self._admin(options["admin"].lower())
            actions.add_member(tenant_id=tenant.id, user=user, roles=[Role.ADMIN], actor=operator)
        self.stdout.write(f"{tenant.slug} is there; {user.email} is its admin.")

    def _admin(self, email: str) -> User:
        found = User.objects.filter(email=email).first()
        return found or User.objects.create_user(
            email, getpass(f"Password for {email}: "), name=email.partition("@")[0]
        )
