"""The API's base view."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from portal.actor import Actor


class _Pages(CursorPagination):
    """A cursor that somebody made up is refused like one that was cut."""

    # What the cursor's position is compared with.
    column: Any

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        position = cursor.position if cursor else None
        if position is not None:
            try:
                self.column.to_python(position)
            except ValidationError as error:
                raise exceptions.NotFound(self.invalid_cursor_message) from error
            if "\0" in str(position):
                raise exceptions.NotFound(self.invalid_cursor_message)
        return cursor


class TenantView(APIView):
    """An endpoint under ``/api/v1/t/<slug>/``: ``self.tenant`` and ``self.actor`` are there and checked."""

    @property
    def tenant(self) -> Any:
        return self.request._request.tenant  # type: ignore[attr-defined]

    @property
    def actor(self) -> Actor:
        return self.request._request.actor  # type: ignore[attr-defined, no-any-return]

    def said(self, shape: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """The body, once it has this shape; each field that hasn't is named (400)."""
        data = shape(data=self.request.data)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)

    def paged(self, rows: QuerySet[Any], shown: type[BaseSerializer[Any]], ordering: tuple[str, ...]) -> Response:
        """One page of ``rows`` by cursor; ``ordering`` ends with a unique column."""
        pages = _Pages()
        pages.page_size, pages.ordering = 50, ordering
        pages.column = rows.model._meta.get_field(ordering[0].removeprefix("-"))
        page = pages.paginate_queryset(rows, self.request, self)
        return pages.get_paginated_response(shown(page, many=True).data)
