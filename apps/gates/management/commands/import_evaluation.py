"""``manage.py import_evaluation FILE``: an evaluation in, what it shows out (STAGE-2)."""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.accounts.models import User
from apps.gates import queries
from apps.gates.evaluations import reader, rules
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.models import Evaluation, Purpose
from apps.tenants.directory import person
from apps.tenants.queries import membership, tenant_by_slug
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from portal.errors import Invalid, PortalError
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Import an evaluation (CSV or JSON Lines, any size): all of it, or nothing and why, by line and column."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", required=True, help="the tenant's address")
        parser.add_argument("--workload", required=True, help="the workload's key")
        parser.add_argument("--agent-version", dest="label", help="the agent version's label; the newest without")
        parser.add_argument("--by", required=True, help="the e-mail address of the member who imports it")
        parser.add_argument("--mapping", type=Path, help="a JSON file that says how its columns are ours")
        parser.add_argument("--purpose", choices=Purpose.values, default=Purpose.ACCURACY.value)

    def handle(self, *args: Any, file: Path, tenant: str, **options: Any) -> None:
        found = tenant_by_slug(tenant)
        if found is None:
            raise CommandError(f"There is no tenant {tenant!r}.")
        try:
            with tenant_transaction(found.id):
                made = self._import(found.id, file, options)
                self._tell(made)
        except Invalid as error:
            problems = error.data.get("problems") or [error.message]
            raise CommandError("\n".join([*problems, "Nothing was imported."])) from error
        except PortalError as error:
            raise CommandError(error.message) from error

    def _import(self, tenant_id: Any, file: Path, options: dict[str, Any]) -> Evaluation:
        workload = workloads.workloads(tenant_id).filter(key=options["workload"]).first()
        user = User.objects.filter(email=options["by"].lower()).first()
        member = membership(tenant_id, user.id) if user else None
        if workload is None or user is None or member is None:
            raise CommandError("There is no such workload, or no such member, in this tenant.")
        version = workloads.versions(workload)
        wanted = version.filter(label=options["label"]).first() if options["label"] else version.first()
        if wanted is None:
            raise CommandError(f"{workload.key} has no such version.")
        try:
            with file.open("rb") as opened:
                return import_evaluation(
                    version=wanted,
                    purpose=options["purpose"],
                    file=opened,
                    name=file.name,
                    mapping=_mapping(options["mapping"]),
                    author=user,
                    actor=person(member, user),
                    progress=_bar(os.fstat(opened.fileno()).st_size),
                )
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.") from error

    def _tell(self, made: Evaluation) -> None:
        summary = made.summary
        self.stdout.write(f"{made.file_name}: {summary['rows']} rows for version {summary['version']}")
        for name in ("all", *reader.PROVENANCES):
            count = rules.Count(**summary[name])
            shown = rules.figures(count) if count.n else "none"
            self.stdout.write(f"{name:10} {shown}")
        workload = Workload.objects.get(tenant=made.tenant_id, id=made.workload_id)
        view = queries.gate(workload, "pilot" if made.purpose == Purpose.ACCURACY else "validate", timezone.now())
        for standing in view.standings:
            if standing.criterion.id in {"P1", "V4"}:
                self.stdout.write(f"{standing.criterion.id} {standing.state.value}: {standing.why}")
        for flag in view.red_flags:
            self.stdout.write(f"red flag: {flag}")


def _mapping(file: Path | None) -> reader.Mapped:
    if file is None:
        return reader.Mapped()
    try:
        document = json.loads(file.read_text())
        return reader.mapped(document if isinstance(document, dict) else {"": ""})
    except (OSError, ValueError) as error:
        raise CommandError(f"The mapping can't be used: {error}") from error


def _bar(size: int) -> Any:
    """Progress on the terminal; nothing where nobody looks."""

    def show(done: int) -> None:
        if sys.stderr.isatty() and size:
            share = min(done / size, 1)
            sys.stderr.write(f"\r[{'#' * int(share * 40):40}] {share:4.0%}")
            sys.stderr.flush()

    return show
