"""Pages of a list whose rows say themselves how many there are, so that nobody counts them once more."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet, Window


def counted_page(rows: QuerySet[Any], number: str | None, size: int) -> Page[Any]:
    """A page of ordered ``rows``, in one statement; no number is the first page, one too high the last."""
    wanted = int(number) if number and number.isascii() and number.isdigit() and len(number) < 10 else 1
    start = max(wanted - 1, 0) * size
    found = list(rows.annotate(of_all=Window(Count("pk")))[start : start + size])
    if not found and start:
        return Paginator(rows, size).get_page(number)
    paginator = Paginator(rows, size)
    paginator.count = found[0].of_all if found else 0
    return Page(found, max(wanted, 1), paginator)
