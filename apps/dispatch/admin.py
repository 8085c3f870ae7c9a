from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.dispatch.classify.models import Classifier, Dispatcher, Example, Rule
from apps.dispatch.pilot.models import PilotService
from portal.admin.base import TenantAdmin


@admin.register(Classifier)
class ClassifierAdmin(TenantAdmin):
    list_display = ["number", "examples", "nobodys", "workloads", "threshold", "right", "none", "took_ms", "created_at"]
    ordering = ["-number"]
    # Megabytes that say nothing to a reader.
    exclude = ["data"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Classifier]:
        return super().get_queryset(request).defer("data")


@admin.register(Dispatcher)
class DispatcherAdmin(TenantAdmin):
    list_display = ["live", "threshold", "live_since", "due_at", "tries", "problem"]
    ordering = ["id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispatcher]:
        return super().get_queryset(request).select_related("live").defer("live__data")


@admin.register(Example)
class ExampleAdmin(TenantAdmin):
    list_display = ["text", "workload", "topic", "source", "said_by", "said_at"]
    list_select_related = ["workload"]
    ordering = ["-said_at"]


@admin.register(Rule)
class RuleAdmin(TenantAdmin):
    list_display = ["place", "said", "workload", "made_by", "created_at"]
    list_select_related = ["workload"]
    ordering = ["place"]


@admin.register(PilotService)
class PilotServiceAdmin(TenantAdmin):
    list_display = ["workload", "version", "mode", "name", "share", "ends_at", "ended_at", "ended_why", "set_by"]
    list_filter = ["mode"]
    list_select_related = ["workload", "version"]
    ordering = ["-created_at"]
