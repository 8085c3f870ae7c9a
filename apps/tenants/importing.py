"""Many invitations from one file, all or none: every line is tried first, and the bad ones are named."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.tenants import invitations
from apps.tenants.models import Invitation
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, PortalError

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    email: str
    roles: tuple[str, ...]


def read(text: str) -> list[Line]:
    """A line each: the address, then its roles, separated by commas. Empty lines and a head are passed over.

    Raises:
        Invalid: a line that can't be read as CSV; the message says which.
    """
    # Lines end as they do on any machine: a bare carriage return too.
    rows = csv.reader(StringIO(text, newline=None))
    parts = ((rows.line_num, [part.strip() for part in row if part.strip()]) for row in rows)
    try:
        return [Line(number, row[0], tuple(row[1:])) for number, row in parts if row and row[0].lower() != "email"]
    except csv.Error as error:
        raise Invalid("csv", f"Line {rows.line_num} can't be read as CSV ({error}).") from error


def invite_all(
    *, tenant_id: UUID, lines: Sequence[Line], by: User, actor: Actor, now: datetime, reason: str
) -> list[Invitation]:
    """Invite everybody in the file.

    Raises:
        Forbidden: as for one invitation.
        Invalid: nobody is named, or lines that can't be; ``problems`` says which and why. Nobody is invited then.
    """
    if not lines:
        raise Invalid("no_lines", "Write a line for each person: the address, then the roles, separated by commas.")
    made: list[Invitation] = []
    problems: list[str] = []
    with transaction.atomic():
        for line in lines:
            try:
                made.append(_invite(tenant_id, line, by, actor, now, reason))
            except Forbidden:
                raise
            except PortalError as error:
                problems.append(f"Line {line.number}: {error.message}")
        if problems:
            more = f" And {len(problems) - SHOWN} more." if len(problems) > SHOWN else ""
            said = f"Nobody was invited. {' '.join(problems[:SHOWN])}{more}"
            raise Invalid("lines_invalid", said, problems=problems)
    return made


def _invite(tenant_id: UUID, line: Line, by: User, actor: Actor, now: datetime, reason: str) -> Invitation:
    with transaction.atomic():
        return invitations.invite(
            tenant_id=tenant_id, email=line.email, roles=line.roles, by=by, actor=actor, now=now, reason=reason
        )
