"""Runbooks and drills over the API: the same actions as the pages, by the person behind the request."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.runbooks import actions, queries
from apps.runbooks.models import KINDS, Drill, Runbook, RunbookVersion
from apps.runbooks.rules import Kind
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


BY_TITLE = ("title", "id")


class RunbooksView(TenantView):
    @extend_schema(operation_id="list_runbooks", responses=RunbookSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.runbooks(self.tenant.id, self.actor).select_related("published__author")
        return self.paged(rows, RunbookSerializer, BY_TITLE)

    @extend_schema(operation_id="create_runbook", request=NewRunbookSerializer, responses={201: RunbookSerializer})
    def post(self, request: Request, slug: str) -> Response:
        data = self.said(NewRunbookSerializer)
        key, title = data["workload"], data["title"]
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
        data = self.said(NewTextSerializer)
        made = actions.write_version(
            runbook=runbook, author=person_behind(self), actor=self.actor, now=timezone.now(), **data
        )
        return Response(TextSerializer(made).data, status=201)


class PublishSerializer(serializers.Serializer[Any]):
    is_editorial = serializers.BooleanField(default=False, help_text="Drills on the version before stay as they are.")


class VersionActView(TenantView):
    """Review or publish a version; never by its author."""

    verb = ""

    def _act(self, request: Request, runbook_id: UUID, number: int) -> Response:
        runbook = queries.runbook_for(self.tenant.id, self.actor, runbook_id, "operate_workload")
        version, person = queries.version(runbook, number), person_behind(self)
        common: dict[str, Any] = {"version": version, "actor": self.actor, "now": timezone.now()}
        if self.verb == "review":
            return Response(TextSerializer(actions.review_version(reviewer=person, **common)).data)
        data = self.said(PublishSerializer)
        made = actions.publish_version(publisher=person, **data, **common)
        return Response(TextSerializer(made).data)


class ReviewView(VersionActView):
    verb = "review"

    @extend_schema(operation_id="review_runbook", request=None, responses=TextSerializer)
    def post(self, request: Request, slug: str, runbook_id: UUID, number: int) -> Response:
        return self._act(request, runbook_id, number)


class PublishView(VersionActView):
    verb = "publish"

    @extend_schema(operation_id="publish_runbook", request=PublishSerializer, responses=TextSerializer)
    def post(self, request: Request, slug: str, runbook_id: UUID, number: int) -> Response:
        return self._act(request, runbook_id, number)


class NewDrillSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS, default=Kind.ROLLBACK.value)
    wanted = serializers.IntegerField(min_value=0, help_text="Units an hour that the fallback has to carry.")
    staff = serializers.ListField(child=serializers.UUIDField(), max_length=100)


class DrillsView(TenantView):
    @extend_schema(operation_id="list_drills", responses=DrillSerializer(many=True))
    def get(self, request: Request, slug: str, runbook_id: UUID) -> Response:
        rows = queries.drills(queries.runbook_for(self.tenant.id, self.actor, runbook_id)).select_related("workload")
        return self.paged(rows, DrillSerializer, LATEST_DRILL)

    @extend_schema(operation_id="start_drill", request=NewDrillSerializer, responses={201: DrillSerializer})
    def post(self, request: Request, slug: str, runbook_id: UUID) -> Response:
        runbook = queries.runbook_for(self.tenant.id, self.actor, runbook_id, "operate_workload")
        data = self.said(NewDrillSerializer)
        asked = dict(data)
        made = actions.start_drill(
            runbook=runbook,
            kind=Kind(asked.pop("kind")),
            starter=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response(DrillSerializer(made).data, status=201)


LATEST_DRILL = ("-started_at", "-id")


class DrillView(TenantView):
    @extend_schema(operation_id="get_drill", responses=DrillSerializer)
    def get(self, request: Request, slug: str, drill_id: UUID) -> Response:
        return Response(DrillSerializer(queries.drill_for(self.tenant.id, self.actor, drill_id)).data)


class DrillDoneSerializer(serializers.Serializer[Any]):
    do = serializers.ChoiceField(choices=["tick", "confirm", "finish", "abort"])
    step = serializers.IntegerField(min_value=1, default=0, help_text="tick: which step")
    name = serializers.CharField(max_length=30, default="", help_text="confirm: what")
    carried = serializers.IntegerField(min_value=0, default=0, help_text="finish: units an hour that were carried")
    is_real = serializers.BooleanField(default=False, help_text="finish: whether the volume was real")
    reason = serializers.CharField(max_length=300, default="", help_text="abort: why")


class DrillActView(TenantView):
    @extend_schema(operation_id="act_on_drill", request=DrillDoneSerializer, responses=DrillSerializer)
    def post(self, request: Request, slug: str, drill_id: UUID) -> Response:
        """Tick a step, confirm what only people know, finish, or abort. The portal's clock counts."""
        now = timezone.now()
        drill = queries.drill_for(self.tenant.id, self.actor, drill_id, "operate_workload")
        person = person_behind(self)
        data = self.said(DrillDoneSerializer)
        said = data
        common: dict[str, Any] = {"drill": drill, "actor": self.actor, "now": now}
        if said["do"] == "tick":
            actions.tick_step(number=said["step"], by=person, **common)
        elif said["do"] == "confirm":
            actions.confirm(name=said["name"], by=person, **common)
        elif said["do"] == "finish":
            actions.finish_drill(carried=said["carried"], is_real=said["is_real"], **common)
        else:
            actions.abort_drill(reason=said["reason"], **common)
        return Response(DrillSerializer(queries.drill_for(self.tenant.id, self.actor, drill_id)).data)


runbooks = member(RunbooksView.as_view())
runbook = member(RunbookView.as_view())
versions = member(VersionsView.as_view())
review = member(ReviewView.as_view())
publish = member(PublishView.as_view())
drills = member(DrillsView.as_view())
drill = member(DrillView.as_view())
drill_act = member(DrillActView.as_view())
