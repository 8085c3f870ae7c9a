"""Recompute each tenant's audit chain and name the first broken link (AUD-2)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit import chain, queries
from apps.tenants.models import Tenant
from apps.tenants.queries import all_tenants
from portal.tenancy.context import platform_work


class Command(BaseCommand):
    help = "Recomputes the audit chain of every tenant, or of one; exits with 1 at a broken link."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="only this tenant (its address)")
        parser.add_argument("--export", type=Path, help="write the chain with its proof to this file, as JSON Lines")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = [t for t in all_tenants() if options["tenant"] in (None, t.slug)]
        if not tenants:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        broken = [line for tenant in tenants if (line := self._verify(tenant))]
        if options["export"]:
            self._export(tenants, options["export"])
        if broken:
            raise CommandError("\n".join(broken))

    def _verify(self, tenant: Tenant) -> str:
        with platform_work("audit.verify") as alias:
            head = queries.head(tenant.id, using=alias)
            found = chain.first_break(tenant.id, queries.links(tenant.id, using=alias), head)
        if found:
            return f"{tenant.slug}: broken at entry {found.seq}: {found.reason}"
        self.stdout.write(f"{tenant.slug}: {head[0]} entries, chain intact, head {head[1].hex()}")
        return ""

    def _export(self, tenants: list[Tenant], target: Path) -> None:
        with target.open("w", encoding="utf-8") as file, platform_work("audit.verify") as alias:
            for tenant in tenants:
                for line in chain.proof(tenant.id, queries.links(tenant.id, using=alias)):
                    file.write(line + "\n")
