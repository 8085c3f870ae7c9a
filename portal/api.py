"""The API's base view."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from portal.actor import Actor


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
        pages = CursorPagination()
        pages.page_size, pages.ordering = 50, ordering
        page = pages.paginate_queryset(rows, self.request, self)
        return pages.get_paginated_response(shown(page, many=True).data)
