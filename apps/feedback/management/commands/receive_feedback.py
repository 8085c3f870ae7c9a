"""A report by e-mail, from standard input: what a mail server's pipe calls (docs/feedback.md)."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.feedback import actions, mail, queries
from apps.feedback.actions import LONGEST, Person, Told
from apps.feedback.models import Source
from apps.tenants.directory import person
from apps.tenants.models import Membership
from apps.tenants.queries import tenant_by_slug
from portal.errors import PortalError
from portal.tenancy.context import tenant_transaction


class Command(BaseCommand):
    help = "Take one e-mail from standard input as a report. Its sender has to be a member, and proved by DMARC."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--server", required=True, help="your mail server's name in Authentication-Results")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_by_slug(options["tenant"])
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        try:
            letter = mail.read(sys.stdin.buffer.read(mail.LARGEST + 1), server=options["server"])
            with tenant_transaction(tenant.id):
                rows = Membership.objects.filter(tenant=tenant.id, user__email=letter.sender, ended_at=None)
                member = rows.select_related("user").prefetch_related("teams").first()
                if member is None:
                    raise CommandError("Only members of this tenant report by e-mail.")
                report = actions.file_report(
                    workload=queries.reportable_by_key(tenant.id, letter.workload),
                    told=Told(
                        what_happened=letter.what_happened[:LONGEST],
                        would_help=letter.would_help[:LONGEST],
                        request_id=letter.request_id,
                        screenshot=letter.picture,
                    ),
                    person=Person(member=member.user),
                    source=Source.MAIL,
                    actor=person(member, member.user),
                    now=timezone.now(),
                    cause=letter.id,
                )
        except PortalError as error:
            # 65 (EX_DATAERR): the mail server tells the sender instead of trying again.
            raise CommandError(error.message, returncode=65) from error
        self.stdout.write(f"Taken as report {report.id}.")
