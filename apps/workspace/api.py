"""Search over the API: what the palette shows, for clients."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workspace import finding
from portal.access import member
from portal.api import TenantView


class SearchHitSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    detail = serializers.CharField(help_text="A state, or what it belongs to; may be empty.")
    url = serializers.CharField(help_text="The page, from the portal's root.")


class SearchGroupSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    heading = serializers.CharField(source="label")
    hits = SearchHitSerializer(many=True)


class SearchView(TenantView):
    @extend_schema(
        operation_id="search",
        parameters=[
            OpenApiParameter(
                "q", OpenApiTypes.STR, description="Words that all have to be found; two characters or more."
            )
        ],
        responses=SearchGroupSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        asked = request.query_params.get("q", "")
        groups = finding.search(request._request, self.tenant, self.actor, asked)
        return Response(SearchGroupSerializer(groups, many=True).data)


search = member(SearchView.as_view())
