"""``manage.py replay_gate ID``: judge an asked-for gate again from its stored evidence, and compare (STAGE-5)."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.gates import replaying
from apps.tenants.queries import all_tenants
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Judge an opened gate again from its stored evidence: the same verdict and the same digest, or what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=UUID, help="the gate's id, as the API and the gate's page show it")

    def handle(self, *args: Any, id: UUID, **options: Any) -> None:
        for tenant in all_tenants():
            with tenant_transaction(tenant.id):
                found = replaying.replay_gate(tenant.id, id)
            if found is not None:
                return self._tell(*found)
        raise CommandError(f"There is no gate {id}.")

    def _tell(self, attempt: Any, found: Any) -> None:
        self.stdout.write(f"{attempt.workload.key} {attempt.stage}: asked for {attempt.created_at:%Y-%m-%d %H:%M} UTC")
        self.stdout.write(f"stored digest {attempt.digest}")
        self.stdout.write(f"digest again  {found.digest}")
        for line in [*found.altered, *found.differing]:
            self.stdout.write(line)
        if not found.agrees(attempt.digest):
            raise CommandError("It is not what was decided upon.")
        self.stdout.write("The same verdict and the same digest.")
