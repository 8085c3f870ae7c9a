"""Keeping filters of lists, and dismissing the first steps. Nobody else sees any of it, so none of it is audited."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.workspace.models import Dismissal, SavedFilter
from apps.workspace.rules import PAGES, kept_query
from portal.errors import Invalid, Refused

MOST = 20


def keep_filter(
    *, tenant_id: UUID, person: User, page: str, about: str, name: str, query: str, now: datetime
) -> SavedFilter:
    """Keep what a list is filtered by. ``about`` has been looked up by the caller, as one that the person may see.

    Raises:
        Invalid: no such page, no name, or nothing in the query that the page filters by.
        Refused: the name is taken, or twenty are enough.
    """
    if page not in PAGES or PAGES[page].of_workload != bool(about):
        raise Invalid("page", "This list keeps no filters.")
    shown, kept = " ".join(name.replace("\x00", "").split()), kept_query(page, query)
    if not 1 <= len(shown) <= 40:
        raise Invalid("name", "Name the filter, in at most 40 characters.")
    if not kept:
        raise Invalid("query", "Filter the list first, then keep that.")
    mine = SavedFilter.objects.filter(tenant=tenant_id, person=person)
    if mine.count() >= MOST:
        raise Refused("too_many", f"{MOST} filters are enough; drop one first.")
    try:
        with transaction.atomic():
            return SavedFilter.objects.create(
                tenant_id=tenant_id, person=person, page=page, about=about, name=shown, query=kept, created_at=now
            )
    except IntegrityError as error:
        raise Refused("name_taken", f"You have a filter {shown!r} here already.") from error


def drop_filter(*, row: SavedFilter) -> None:
    SavedFilter.objects.filter(tenant=row.tenant_id, id=row.id).delete()


def dismiss_first_steps(*, tenant_id: UUID, person: User, now: datetime) -> None:
    """Somebody doesn't want to see them. Saying it twice changes nothing."""
    row = Dismissal(tenant_id=tenant_id, person=person, created_at=now)
    Dismissal.objects.bulk_create([row], ignore_conflicts=True)


def show_first_steps(*, tenant_id: UUID, person: User) -> None:
    Dismissal.objects.filter(tenant=tenant_id, person=person).delete()
