"""Opt-ins to metered billing over the API, and the ledger of what stands on them."""

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets import queries as budgets
from apps.budgets.metered import actions, ledger, queries, views
from apps.budgets.metered.actions import LONGEST_REASON
from apps.budgets.models import MeteredOptIn
from apps.budgets.months import Month, month_at
from apps.tenants.queries import zone_of
from apps.workloads.api import person_behind
from apps.workloads.models import Workload
from apps.workloads.queries import workload_for
from portal.access import member
from portal.admin import exporting
from portal.api import TenantView
from portal.errors import NotFound

_MONTH = OpenApiParameter("month", str, description="Like 2026-11@Europe/Berlin, as the cost says it; the current one.")


class OptInSerializer(serializers.ModelSerializer[MeteredOptIn]):
    """``ceiling`` and ``cap`` are as they were signed; ``state`` is asked, granted or ended."""

    tier = serializers.CharField(source="tier.slug")
    requester = serializers.CharField(source="requester.email")
    state = serializers.SerializerMethodField()

    class Meta:
        model = MeteredOptIn
        fields = [
            "id",
            "tier",
            "state",
            "ceiling",
            "cap",
            "currency",
            "until",
            "reason",
            "requester",
            "created_at",
            "granted_at",
            "signed_by",
            "ended_at",
            "ended_by",
            "end_reason",
        ]

    def get_state(self, row: MeteredOptIn) -> str:
        return row.standing(timezone.now())


class NewOptInSerializer(serializers.Serializer[Any]):
    tier = serializers.SlugField(max_length=40)
    until = serializers.DateTimeField(help_text="Within twelve months.")
    reason = serializers.CharField(max_length=LONGEST_REASON)


class EndOptInSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=LONGEST_REASON)


class LedgerRowSerializer(serializers.Serializer[Any]):
    """Prices are per token; an amount that isn't known is null, never 0."""

    when = serializers.CharField()
    user = serializers.CharField(help_text="As somebody named them, or empty.")
    user_key = serializers.CharField()
    request_id = serializers.CharField()
    attempt = serializers.IntegerField()
    model = serializers.CharField()
    state = serializers.CharField()
    tokens = serializers.IntegerField(allow_null=True)
    metered_tokens = serializers.IntegerField()
    input_price = serializers.CharField(allow_null=True)
    output_price = serializers.CharField(allow_null=True)
    metered_cost = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    opt_in = serializers.CharField(allow_null=True)


class OptInsView(TenantView):
    @extend_schema(operation_id="list_opt_ins", responses=OptInSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        return self.paged(queries.opt_ins(workload), OptInSerializer, ("-created_at", "-id"))

    @extend_schema(operation_id="ask_for_opt_in", request=NewOptInSerializer, responses={201: OptInSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key, "manage_workload")
        person, data = person_behind(self), self.said(NewOptInSerializer)
        made = actions.ask(
            row=queries.metered_tier(workload, data["tier"]),
            until=data["until"],
            reason=data["reason"],
            requester=person,
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(OptInSerializer(queries.opt_in_for(workload, made.id)).data, status=201)


class OptInEndView(TenantView):
    @extend_schema(operation_id="end_opt_in", request=EndOptInSerializer, responses=OptInSerializer)
    def post(self, request: Request, slug: str, key: str, opt_in_id: UUID) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        opt_in = queries.opt_in_for(workload, opt_in_id)
        reason = self.said(EndOptInSerializer)["reason"]
        actions.revoke(opt_in=opt_in, actor=self.actor, reason=reason, now=timezone.now())
        return Response(OptInSerializer(queries.opt_in_for(workload, opt_in_id)).data)


class LedgerView(TenantView):
    @extend_schema(operation_id="list_metered_calls", parameters=[_MONTH], responses=LedgerRowSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        month, gate = _month(request, workload), budgets.gate_of(workload)
        pages = PageNumberPagination()
        pages.page_size = 50
        rows = pages.paginate_queryset(ledger.rows(workload, month.key), request, self) or []
        return pages.get_paginated_response([ledger.told(row, gate.currency if gate else "USD") for row in rows])


class LedgerFileView(TenantView):
    @extend_schema(
        operation_id="export_metered_calls",
        parameters=[_MONTH],
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, "application/jsonl"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str, key: str, form: str) -> StreamingHttpResponse:
        workload = workload_for(self.tenant.id, self.actor, key)
        if form not in exporting.TYPES:
            raise NotFound()
        return views.file(workload, _month(request, workload), form)


def _month(request: Request, workload: Workload) -> Month:
    current = month_at(timezone.now(), zone_of(workload.tenant_id).key)
    return ledger.month_for(workload, current, request.query_params.get("month", ""))


opt_ins = member(OptInsView.as_view())
end_opt_in = member(OptInEndView.as_view())
metered_ledger = member(LedgerView.as_view())
ledger_file = member(LedgerFileView.as_view())
