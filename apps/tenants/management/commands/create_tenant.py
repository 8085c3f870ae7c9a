"""Make a tenant and its first admin, as the platform operator."""

from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import LONGEST_ADDRESS, User
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
        # Asked first: a password that won't do must not leave a tenant behind that nobody can enter.
        user = self._admin(options["admin"].lower())
        try:
            tenant = actions.create_tenant(
                slug=options["slug"], name=options["name"], time_zone=options["time_zone"], actor=operator
            )
        except PortalError as error:
            raise CommandError(error.message) from error
        with tenant_transaction(tenant.id):
            user.save()
            actions.add_member(tenant_id=tenant.id, user=user, roles=[Role.ADMIN], actor=operator)
        self.stdout.write(f"{tenant.slug} is there; {user.email} is its admin.")

    def _admin(self, email: str) -> User:
        """The account of this address; a new one isn't saved yet."""
        found = User.objects.filter(email=email).first()
        if found is not None:
            return found
        if len(email) > LONGEST_ADDRESS:
            raise CommandError(f"An address has at most {LONGEST_ADDRESS} characters here.")
        user, password = User(email=email, name=email.partition("@")[0]), getpass(f"Password for {email}: ")
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user.set_password(password)
        return user
