"""Several small reads in one statement, where a page would otherwise make one for each."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import JSONObject

Asked = Mapping[str, tuple[QuerySet[Any], JSONObject]]


def together(asked: Asked) -> dict[str, list[Any]]:
    """For each name the rows of its queryset as JSON objects, in no order.

    Ids and instants come as text, as the database writes them in JSON (:func:`instant` reads those); keep it to what
    reads well that way.
    """
    found: dict[str, list[Any]] = {name: [] for name in asked}
    first, *others = (rows.order_by().values_list(Value(name), fields) for name, (rows, fields) in asked.items())
    for name, fields in first.union(*others, all=True):
        found[name].append(fields)
    return found


def instant(text: str) -> datetime:
    """An instant as it came together with other things."""
    return datetime.fromisoformat(text).astimezone(UTC)
