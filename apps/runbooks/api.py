"""Runbooks over the API: read them, write a version. Reviewing, publishing and drilling take people on the pages."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.runbooks import actions, queries
from apps.runbooks.models import Drill, Runbook, RunbookVersion
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from portal.access import member
from portal.api import TenantView


class TextSerializer(serializers.ModelSerializer[RunbookVersion]):
    author = serializers.EmailField(source="author.email")

    class Meta:
        model = RunbookVersion
        fields = [
            "number",
            "text",
            "digest",
            "why",
            "author",
            "created_at",
            "reviewed_at",
            "published_at",
            "is_editorial",
        ]


class RunbookSerializer(serializers.ModelSerializer[Runbook]):
    workload = serializers.CharField(source="workload.key")
    owner = serializers.EmailField(source="owner.email")
    published = TextSerializer(allow_null=True)
    review_due_at = serializers.DateTimeField()

    class Meta:
        model = Runbook
        fields = ["id", "workload", "title", "owner", "published", "reviewed_at", "review_due_at"]


class DrillSerializer(serializers.ModelSerializer[Drill]):
    workload = serializers.CharField(source="workload.key")
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = Drill
        fields = [
            "id",
            "workload",
            "version",
            "kind",
            "started_at",
            "finished_at",
            "outcome",
            "reasons",
            "wanted",
            "carried",
            "is_real",
            "staff",
            "confirmations",
        ]


class NewRunbookSerializer(serializers.Serializer[Any]):
    workload = serializers.CharField(max_length=60)
    title = serializers.CharField(max_length=100)


class NewTextSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=100_000, trim_whitespace=False)
    why = serializers.CharField(max_length=500)


class ByTitle(CursorPagination):
    page_size = 50
    ordering = ("title", "id")


class RunbooksView(TenantView):
    @extend_schema(operation_id="list_runbooks", responses=RunbookSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        pages = ByTitle()
        rows = queries.runbooks(self.tenant.id, self.actor).select_related("published__author")
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(RunbookSerializer(page, many=True).data)

    @extend_schema(operation_id="create_runbook", request=NewRunbookSerializer, responses={201: RunbookSerializer})
    def post(self, request: Request, slug: str) -> Response:
        data = NewRunbookSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        key, title = data.validated_data["workload"], data.validated_data["title"]
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        made = actions.create_runbook(workload=workload, title=title, owner=person_behind(self), actor=self.actor)
        return Response(RunbookSerializer(made).data, status=201)


class RunbookView(TenantView):
    @extend_schema(operation_id="get_runbook", responses=RunbookSerializer)
    def get(self, request: Request, slug: str, runbook_id: UUID) -> Response:
        return Response(RunbookSerializer(queries.runbook_for(self.tenant.id, self.actor, runbook_id)).data)


class VersionsView(TenantView):
    @extend_schema(operation_id="write_runbook", request=NewTextSerializer, responses={201: TextSerializer})
    def post(self, request: Request, slug: str, runbook_id: UUID) -> Response:
        runbook = queries.runbook_for(self.tenant.id, self.actor, runbook_id, "manage_workload")
        data = NewTextSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        made = actions.write_version(
            runbook=runbook, author=person_behind(self), actor=self.actor, now=timezone.now(), **data.validated_data
        )
        return Response(TextSerializer(made).data, status=201)


class DrillView(TenantView):
    @extend_schema(operation_id="get_drill", responses=DrillSerializer)
    def get(self, request: Request, slug: str, drill_id: UUID) -> Response:
        return Response(DrillSerializer(queries.drill_for(self.tenant.id, self.actor, drill_id)).data)


runbooks = member(RunbooksView.as_view())
runbook = member(RunbookView.as_view())
versions = member(VersionsView.as_view())
drill = member(DrillView.as_view())
