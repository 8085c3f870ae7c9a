"""Training over the API: modules, cohorts and who is trained. Answering questions takes the person."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.tenants.queries import members_by_email
from apps.training import actions, queries
from apps.training.models import Completion, Module
from apps.training.rules import LEAST_SHARE, TOPICS
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from portal.access import member
from portal.api import TenantView

PAGE = 50


class QuestionSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=500)
    answers = serializers.ListField(child=serializers.CharField(max_length=300))
    right = serializers.IntegerField(min_value=0)


class ModuleSerializer(serializers.ModelSerializer[Module]):
    workload = serializers.CharField(source="workload.key")

    class Meta:
        model = Module
        fields = ["id", "workload", "topic", "title", "text", "valid_days", "revision", "counts_from"]


class NewModuleSerializer(serializers.Serializer[Any]):
    topic = serializers.ChoiceField(choices=[(topic.value, words) for topic, words in TOPICS.items()])
    title = serializers.CharField(max_length=100)
    text = serializers.CharField(max_length=100_000, trim_whitespace=False)
    questions = QuestionSerializer(many=True)
    valid_days = serializers.IntegerField(min_value=1, max_value=1_000, default=365)


class TrainingCohortSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="cohort.id")
    name = serializers.CharField(source="cohort.name")
    is_first = serializers.BooleanField(source="cohort.is_first")
    attribute = serializers.CharField(source="cohort.attribute")
    value = serializers.CharField(source="cohort.value")
    threshold = serializers.IntegerField(source="cohort.threshold")
    people = serializers.IntegerField(source="coverage.people")
    trained = serializers.IntegerField(source="coverage.trained")
    holds = serializers.BooleanField(source="coverage.holds")
    until = serializers.DateTimeField(source="coverage.until", allow_null=True)


class NewCohortSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    is_first = serializers.BooleanField(default=False)
    threshold = serializers.IntegerField(min_value=LEAST_SHARE, max_value=100, default=LEAST_SHARE)
    attribute = serializers.CharField(max_length=60, allow_blank=True, default="")
    value = serializers.CharField(max_length=200, allow_blank=True, default="")


class PeopleSerializer(serializers.Serializer[Any]):
    people = serializers.ListField(child=serializers.EmailField(), max_length=10_000)


class CompletionSerializer(serializers.ModelSerializer[Completion]):
    person = serializers.EmailField(source="person.email")
    how = serializers.SerializerMethodField()

    class Meta:
        model = Completion
        fields = ["id", "person", "revision", "how", "completed_at", "until"]

    @extend_schema_field(serializers.CharField())
    def get_how(self, row: Completion) -> str:
        return row.how


class OldestFirst(CursorPagination):
    page_size = PAGE
    ordering = ("created_at", "id")


class ModulesView(TenantView):
    @extend_schema(operation_id="list_modules", responses=ModuleSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key)
        pages = OldestFirst()
        rows = queries.modules(workload.tenant_id, workload.id).select_related("workload")
        page = pages.paginate_queryset(rows, request, self)
        return pages.get_paginated_response(ModuleSerializer(page, many=True).data)

    @extend_schema(operation_id="write_module", request=NewModuleSerializer, responses={201: ModuleSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        data = self.said(NewModuleSerializer)
        made = actions.write_module(workload=workload, actor=self.actor, **data)
        return Response(ModuleSerializer(made).data, status=201)


class CohortsView(TenantView):
    @extend_schema(operation_id="list_cohorts", responses=TrainingCohortSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key)
        pages = OldestFirst()
        page = pages.paginate_queryset(queries.cohorts(workload), request, self)
        covered = queries.covered(workload, page or [], timezone.now())
        return pages.get_paginated_response(TrainingCohortSerializer(covered, many=True).data)

    @extend_schema(operation_id="form_cohort", request=NewCohortSerializer, responses={201: TrainingCohortSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        data = self.said(NewCohortSerializer)
        made = actions.form_cohort(workload=workload, actor=self.actor, **data)
        (covered,) = queries.covered(workload, [made], timezone.now())
        return Response(TrainingCohortSerializer(covered).data, status=201)


class CohortPeopleView(TenantView):
    @extend_schema(operation_id="set_cohort_people", request=PeopleSerializer, responses=TrainingCohortSerializer)
    def put(self, request: Request, slug: str, cohort_id: UUID) -> Response:
        cohort = queries.cohort_for(self.tenant.id, self.actor, cohort_id, "manage_workload")
        actions.set_members(cohort=cohort, people=self._ids(request), actor=self.actor)
        (covered,) = queries.covered(cohort.workload, [cohort], timezone.now())
        return Response(TrainingCohortSerializer(covered).data)

    def _ids(self, request: Request) -> list[UUID]:
        return people_by_email(self.tenant.id, request.data)


class AttendanceView(TenantView):
    @extend_schema(
        operation_id="record_attendance", request=PeopleSerializer, responses={201: CompletionSerializer(many=True)}
    )
    def post(self, request: Request, slug: str, module_id: UUID) -> Response:
        module = queries.module_for(self.tenant.id, self.actor, module_id, "manage_workload")
        made = actions.record_attendance(
            module=module,
            people=people_by_email(self.tenant.id, request.data),
            recorder=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(CompletionSerializer(made, many=True).data, status=201)


def people_by_email(tenant_id: UUID, body: Any) -> list[UUID]:
    """The members with these addresses.

    Raises:
        Invalid: somebody isn't a member; ``people`` names them.
    """
    data = PeopleSerializer(data=body)
    data.is_valid(raise_exception=True)
    return [user.id for user in members_by_email(tenant_id, data.validated_data["people"]).values()]


modules = member(ModulesView.as_view())
cohorts = member(CohortsView.as_view())
people = member(CohortPeopleView.as_view())
attendance = member(AttendanceView.as_view())
