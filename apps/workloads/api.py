"""The registry over the API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.tenants.roles import has_right
from apps.workloads import actions, queries
from apps.workloads.access import on_workload
from apps.workloads.models import AgentVersion, Workload
from apps.workloads.policy import FallbackKind, Shape, UnitKind
from portal.access import member
from portal.api import TenantView
from portal.errors import Forbidden


class WorkloadSerializer(serializers.ModelSerializer[Workload]):
    owner = serializers.EmailField(source="owner.email", read_only=True)
    serving_version = serializers.CharField(source="serving_version.label", read_only=True, default=None)
    is_unowned = serializers.BooleanField(read_only=True)

    class Meta:
        model = Workload
        fields = [
            "id",
            "key",
            "name",
            "purpose",
            "shape",
            "customer_facing",
            "sensitivity",
            "commitment",
            "stage",
            "posture",
            "unit_kind",
            "fallback_kind",
            "fallback_description",
            "fallback_address",
            "fallback_sends_records",
            "owner",
            "serving_version",
            "is_unowned",
            "revision",
        ]


class NewWorkloadSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=100)
    purpose = serializers.CharField(max_length=5_000)
    shape = serializers.ChoiceField(choices=Shape.choices, default=Shape.OTHER)
    customer_facing = serializers.BooleanField(default=False)
    unit_kind = serializers.ChoiceField(choices=UnitKind.choices, default=UnitKind.USER)
    fallback_kind = serializers.ChoiceField(choices=FallbackKind.choices)
    fallback_description = serializers.CharField(max_length=5_000)
    fallback_address = serializers.CharField(max_length=300, allow_blank=True, default="")
    fallback_sends_records = serializers.BooleanField(default=False)


class VersionSerializer(serializers.ModelSerializer[AgentVersion]):
    made_by = serializers.EmailField(source="made_by.email", read_only=True)

    class Meta:
        model = AgentVersion
        fields = ["id", "label", "model", "prompt_digest", "tools", "retrieval_index", "why", "made_by", "created_at"]


class NewVersionSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=60)  # type: ignore[assignment]
    model = serializers.CharField(max_length=120)
    prompt_digest = serializers.CharField(max_length=128)
    tools = serializers.ListField(child=serializers.CharField(max_length=120), default=list, max_length=100)
    retrieval_index = serializers.CharField(max_length=200, allow_blank=True, default="")
    why = serializers.CharField(max_length=5_000)


BY_KEY = ("key",)


BY_AGE = ("-created_at", "-id")


class WorkloadsView(TenantView):
    @extend_schema(operation_id="list_workloads", responses=WorkloadSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.visible(self.tenant.id, self.actor).select_related("owner", "serving_version")
        return self.paged(rows, WorkloadSerializer, BY_KEY)

    @extend_schema(operation_id="register_workload", request=NewWorkloadSerializer, responses={201: WorkloadSerializer})
    def post(self, request: Request, slug: str) -> Response:
        person = person_behind(self, "workload.register")
        data = self.said(NewWorkloadSerializer)
        workload = actions.register_workload(tenant_id=self.tenant.id, owner=person, actor=self.actor, **data)
        return Response(WorkloadSerializer(workload).data, status=201)


class WorkloadView(TenantView):
    @extend_schema(operation_id="get_workload", responses=WorkloadSerializer)
    def get(self, request: Request, slug: str, workload: Workload) -> Response:
        return Response(WorkloadSerializer(workload).data)


class VersionsView(TenantView):
    @extend_schema(operation_id="list_versions", responses=VersionSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = queries.workload_for(self.tenant.id, self.actor, key)
        return self.paged(queries.versions(workload), VersionSerializer, BY_AGE)

    @extend_schema(operation_id="add_version", request=NewVersionSerializer, responses={201: VersionSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = queries.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        person = person_behind(self)
        data = self.said(NewVersionSerializer)
        version = actions.add_version(workload=workload, made_by=person, actor=self.actor, **data)
        return Response(VersionSerializer(version).data, status=201)


def person_behind(view: TenantView, right: str = "") -> User:
    """Whoever stands behind a request that writes: somebody signed in, or the person that a token belongs to.

    Raises:
        Forbidden: nobody does, the token may only read, or the right is missing; a right is about the whole tenant,
            which a token that is bound to workloads isn't for.
    """
    user = User.objects.filter(id=view.actor.user_id).first() if view.actor.user_id else None
    lacks = right and (not has_right(view.actor, right) or view.actor.workloads is not None)
    if user is None or not view.actor.allows("write") or lacks:
        raise Forbidden(
            "right_missing", "This needs a person with the right, or a person's token with the scope write."
        )
    return user


workloads = member(WorkloadsView.as_view())
workload = on_workload("see_workload")(WorkloadView.as_view())
versions = member(VersionsView.as_view())
