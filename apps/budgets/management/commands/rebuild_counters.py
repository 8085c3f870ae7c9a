"""Make budget counters what their ledger says; prints what was different (COST-4, docs/operations.md)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.budgets import counters
from apps.tenants.queries import all_tenants, tenant_by_slug
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Compare the budget counters with the ledger and set right what differs. Admissions wait meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="one tenant's slug; else all of them")
        parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if anything differs")

    def handle(self, *args: Any, **options: Any) -> None:
        differing = 0
        for tenant in self._tenants(options["tenant"]):
            with tenant_transaction(tenant.id):
                found = (counters.differences if options["check"] else counters.rebuild)(tenant.id)
            for each in found:
                self.stdout.write(f"{tenant.slug}: {each.said}")
            differing += len(found)
        if differing and options["check"]:
            raise CommandError(f"{differing} differ; run it without --check to set them right.")
        self.stdout.write(f"{differing} set right." if differing else "Every counter is what the ledger says.")

    def _tenants(self, slug: str | None) -> list[Any]:
        if not slug:
            return list(all_tenants())
        found = tenant_by_slug(slug)
        if found is None:
            raise CommandError(f"There is no tenant {slug!r}.")
        return [found]
