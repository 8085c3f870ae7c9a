"""Any list as CSV or JSON Lines, row by row, with the list's own filters, search and order.

What begins like a formula gets an apostrophe in front, so that a spreadsheet shows it and doesn't run it.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import date, datetime
from io import StringIO
from typing import Any
from uuid import UUID

from django.contrib.admin.utils import lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet

from portal.tenancy.context import platform_work, tenant_transaction

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CHUNK = 500


def lines(form: str, columns: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    if form == "csv":
        yield _csv([columns])
        yield from (_csv([[cell(value) for value in row]]) for row in rows)
    else:
        for row in rows:
            yield json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n"


def cell(value: Any) -> str:
    """A value as a spreadsheet may safely read it."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def values(rows: QuerySet[Any], columns: list[str], owner: Any) -> Iterator[list[Any]]:
    for row in rows.iterator(chunk_size=_CHUNK):
        yield [plain(_looked_up(name, row, owner)) for name in columns]


def plain(value: Any) -> Any:
    """As JSON has it: instants in ISO 8601, rows by their names."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return str(value)


def inside(tenant_id: UUID, text: Iterator[str], *, across: bool) -> Iterator[str]:
    """The text, read in a transaction of its own: the request's is over when the answer begins to flow."""
    with platform_work("admin") if across else nullcontext(), tenant_transaction(tenant_id):
        yield from text


def _looked_up(name: str, row: Model, owner: Any) -> Any:
    try:
        return lookup_field(name, row, owner)[2]
    except ObjectDoesNotExist:
        return None


def _csv(rows: list[list[str]]) -> str:
    target = StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue()
