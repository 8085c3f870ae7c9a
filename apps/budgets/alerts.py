"""Alerts of a workload's users, for whoever was told of one: over the API, and from an event's link."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets.models import AlertMail, BudgetAlert
from apps.budgets.naming import name_of
from apps.workloads.models import Workload
from apps.workloads.queries import visible, workload_for
from portal.access import member
from portal.api import TenantView
from portal.errors import NotFound
from portal.requests import InTenant


class BudgetAlertSerializer(serializers.ModelSerializer[BudgetAlert]):
    """``place`` is which of the three thresholds it is: notice, banner, ceiling."""

    class Meta:
        model = BudgetAlert
        fields = ["id", "user_key", "month", "place", "threshold", "used", "ceiling", "at"]


class BudgetAlertsView(TenantView):
    @extend_schema(operation_id="list_budget_alerts", responses=BudgetAlertSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workload_for(self.tenant.id, self.actor, key)
        return self.paged(of_workload(workload), BudgetAlertSerializer, ("-at", "-id"))


def of_workload(workload: Workload) -> QuerySet[BudgetAlert]:
    return BudgetAlert.objects.filter(tenant=workload.tenant_id, workload=workload.id)


@member
def one(request: InTenant, slug: str, budget_alert_id: UUID) -> HttpResponse:
    """Where an event leads: who used how much of which budget, and who got the mail."""
    seen = visible(request.tenant.id, request.actor)
    rows = BudgetAlert.objects.filter(tenant=request.tenant.id, id=budget_alert_id, workload__in=seen)
    found = rows.select_related("workload").first()
    if found is None:
        raise NotFound()
    mail = AlertMail.objects.filter(tenant=request.tenant.id, alert=found.id).select_related("person").first()
    context = {"alert": found, "name": name_of(found), "mail": mail, "now": timezone.now()}
    return render(request, "budgets/alert.html", context)


alerts = member(BudgetAlertsView.as_view())
