"""``manage.py oncall TEAM``: who answers for a team, now or at an instant, as it is known or was (CALL-2)."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.ownership import queries
from apps.tenants.queries import tenant_by_slug
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Who is on call for a team: now, at an instant, or as it was known at another one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("team", help="the team's address")
        parser.add_argument("--tenant", required=True, help="the tenant's address")
        parser.add_argument("--at", type=_instant, help="an instant with its offset, e.g. 2026-11-20T09:30:00+01:00")
        parser.add_argument("--known-at", type=_instant, dest="known_at", help="as it was known at this instant")

    def handle(self, *args: Any, team: str, tenant: str, **options: Any) -> None:
        found = tenant_by_slug(tenant)
        if found is None:
            raise CommandError(f"There is no tenant {tenant!r}.")
        at = options["at"] or timezone.now()
        with tenant_transaction(found.id):
            rows = list(queries.rotas(found.id).filter(team__slug=team))
            if not rows:
                raise CommandError(f"The team {team!r} has no rota here.")
            for rota in rows:
                people = queries.on_call(rota, at, options["known_at"])
                named = queries.names(found.id, people)
                shown = ", ".join(named.get(person, str(person)) for person in people) or "nobody"
                self.stdout.write(f"{rota.rank} {rota.name}: {shown}")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("say the offset from UTC, like +01:00")
    return at
