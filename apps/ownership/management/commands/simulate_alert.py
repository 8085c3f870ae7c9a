"""``manage.py simulate_alert WORKLOAD``: open a drill, as a first-class alert (CALL-6)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from apps.ownership import queries as ownership
from apps.ownership.alerts import queries
from apps.ownership.alerts.simulate import simulate
from apps.ownership.channels.words import absolute
from apps.tenants.models import Tenant
from apps.tenants.queries import all_tenants, tenant_by_slug
from apps.workloads.models import Workload
from portal import actor as actors
from portal.errors import PortalError
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Opens a simulated alert for a workload: the present holder is woken, and it climbs when nobody answers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workload", help="the workload's key")
        parser.add_argument("--tenant", default="", help="the tenant's address; needed where there is more than one")

    def handle(self, *args: Any, workload: str, tenant: str, **options: Any) -> None:
        found = _tenant(tenant, workload)
        with tenant_transaction(found.id):
            row = _workload(found, workload)
            assert row is not None, "it was there a moment ago"
            try:
                alert = simulate(workload=row, actor=actors.task("simulate_alert"), now=timezone.now())
            except PortalError as error:
                raise CommandError(error.message) from error
            told = list(queries.deliveries(alert).filter(entry=alert.entry))
            named = ownership.names(found.id, [row.person_id for row in told if row.person_id])
        for intent in told:
            who = named.get(intent.person_id, "the team") if intent.person_id else "the team"
            self.stdout.write(f"{who}: {intent.channel or 'in the product'}")
        if not told:
            self.stdout.write("Nobody stands behind its policy now.")
        self.stdout.write(absolute(reverse("alert", args=[found.slug, alert.id])))


def _tenant(slug: str, key: str) -> Tenant:
    if slug:
        found = tenant_by_slug(slug)
        if found is None:
            raise CommandError(f"There is no tenant {slug!r}.")
        with tenant_transaction(found.id):
            if _workload(found, key) is None:
                raise CommandError(f"There is no workload {key!r} in {slug}.")
        return found
    having = []
    for tenant in all_tenants():
        with tenant_transaction(tenant.id):
            having += [tenant] if _workload(tenant, key) else []
    if len(having) != 1:
        named = ", ".join(tenant.slug for tenant in having) or "no tenant"
        raise CommandError(f"The workload {key!r} is in {named}: name one with --tenant.")
    return having[0]


def _workload(tenant: Tenant, key: str) -> Workload | None:
    rows = Workload.objects.filter(tenant=tenant.id, key=key, retired_at=None)
    return rows.select_related("team", "owner").first()
