"""Records that didn't fit the ledger of a workload: a page, and the same over the API."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets.models import UsageReport
from apps.budgets.reported import queries
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from apps.workloads.queries import workload_for
from portal.access import member
from portal.api import TenantView
from portal.requests import InTenant

PAGE = 25


class MisfitSerializer(serializers.ModelSerializer[UsageReport]):
    """``settled_*`` is what the ledger says of the attempt; null where it holds nothing for it, or isn't settled."""

    seen_at = serializers.DateTimeField(source="created_at")
    settled_input = serializers.IntegerField(source="reservation.used_input", default=None, allow_null=True)
    settled_output = serializers.IntegerField(source="reservation.used_output", default=None, allow_null=True)

    class Meta:
        model = UsageReport
        fields = [
            "request_id",
            "attempt",
            "record_id",
            "misfit",
            "input_tokens",
            "output_tokens",
            "settled_input",
            "settled_output",
            "model",
            "seen_at",
        ]


@on_workload("see_workload")
def misfits(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    page = Paginator(queries.misfits(workload), PAGE).get_page(request.GET.get("page"))
    return render(request, "budgets/misfits.html", {"workload": workload, "page": page, "now": timezone.now()})


class MisfitsView(TenantView):
    @extend_schema(operation_id="list_misfits", responses=MisfitSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        rows = queries.misfits(workload_for(self.tenant.id, self.actor, key))
        return self.paged(rows, MisfitSerializer, ("-created_at", "-id"))


api_misfits: Any = member(MisfitsView.as_view())
