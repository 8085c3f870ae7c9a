"""Gates and evidence over the API: the same actions as the pages."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.gates import actions, evidence, queries
from apps.gates.evaluations import queries as imports
from apps.gates.evaluations.actions import import_evaluation
from apps.gates.evaluations.forms import bounded, mapping_from
from apps.gates.evaluations.uploads import take_upload
from apps.gates.forms import taken
from apps.gates.models import Evaluation, Evidence, Purpose, Source, Upload
from apps.gates.own import queries as own
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from apps.workloads.models import Workload
from apps.workloads.policy import Stage
from portal.access import member
from portal.api import TenantView
from portal.errors import Invalid, NotFound


class StandingSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="criterion.id")
    title = serializers.CharField(source="criterion.title")
    state = serializers.CharField()
    why = serializers.CharField()
    valid_until = serializers.DateTimeField()
    waived_until = serializers.DateTimeField()


class GateSerializer(serializers.Serializer[Any]):
    stage = serializers.CharField()
    is_ready = serializers.BooleanField()
    red_flags = serializers.ListField(child=serializers.CharField())
    criteria = StandingSerializer(many=True, source="standings")


class AttemptSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    stage = serializers.CharField()
    digest = serializers.CharField()
    snapshot = serializers.JSONField()
    opened_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    author = serializers.EmailField(source="author.email", default=None)

    class Meta:
        model = Evidence
        fields = ["id", "kind", "source", "content", "content_hash", "observed_at", "author", "created_at"]


NEWEST = ("-observed_at", "-created_at")


class GateView(TenantView):
    @extend_schema(operation_id="get_gate", responses=GateSerializer)
    def get(self, request: Request, slug: str, key: str, stage: str) -> Response:
        workload = _workload(self, key, "see_workload")
        return Response(GateSerializer(queries.gate(workload, _stage(stage), timezone.now())).data)

    @extend_schema(operation_id="ask_for_gate", request=None, responses={201: AttemptSerializer})
    def post(self, request: Request, slug: str, key: str, stage: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        attempt = actions.ask_for_gate(
            workload=workload,
            stage=_stage(stage),
            requester=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(AttemptSerializer(attempt).data, status=201)


class EvidencesView(TenantView):
    """A document as JSON; with files as multipart, the JSON in ``document`` and the files in ``attachments``."""

    parser_classes = [JSONParser, MultiPartParser]

    @extend_schema(operation_id="list_evidence", responses=EvidenceSerializer(many=True))
    def get(self, request: Request, slug: str, key: str, kind: str) -> Response:
        workload = _workload(self, key, "see_workload")
        rows = evidence.history(workload, _kind(self, kind)).filter(source=Source.ATTESTATION)
        return self.paged(rows, EvidenceSerializer, NEWEST)

    @extend_schema(operation_id="record_evidence", request=OpenApiTypes.OBJECT, responses={201: EvidenceSerializer})
    def post(self, request: Request, slug: str, key: str, kind: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        made = actions.record_evidence(
            workload=workload,
            kind=_kind(self, kind),
            data=_document(request),
            author=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
            files=taken(request.FILES.getlist("attachments")),
        )
        return Response(EvidenceSerializer(made).data, status=201)


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    version = serializers.CharField(source="version.label")
    author = serializers.EmailField(source="author.email")

    class Meta:
        model = Evaluation
        fields = ["id", "version", "purpose", "file_name", "file_digest", "summary", "author", "created_at"]


class NewEvaluationSerializer(serializers.Serializer[Any]):
    file = serializers.FileField()
    version = serializers.CharField(max_length=60)
    purpose = serializers.ChoiceField(choices=Purpose.choices, default=Purpose.ACCURACY.value)
    mapping = serializers.CharField(max_length=20_000, default="", allow_blank=True)


RECENT = ("-created_at", "-id")


class EvaluationsView(TenantView):
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="list_evaluations", responses=EvaluationSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        return self.paged(imports.evaluations(_workload(self, key, "see_workload")), EvaluationSerializer, RECENT)

    @extend_schema(
        operation_id="import_evaluation", request=NewEvaluationSerializer, responses={201: EvaluationSerializer}
    )
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        data = self.said(NewEvaluationSerializer)
        asked = data
        made = import_evaluation(
            version=workloads.version(workload, asked["version"]),
            purpose=asked["purpose"],
            file=bounded(asked["file"]),
            name=asked["file"].name,
            mapping=mapping_from(asked["mapping"]),
            author=person_behind(self),
            actor=self.actor,
        )
        return Response(EvaluationSerializer(made).data, status=201)


class UploadSerializer(serializers.ModelSerializer[Upload]):
    version = serializers.CharField(source="version.label")

    class Meta:
        model = Upload
        fields = ["id", "version", "purpose", "file_name", "size", "done", "state", "problems", "created_at"]


class UploadsView(TenantView):
    """Files that are too large to be read while a caller waits: kept, and read by a worker."""

    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="upload_evaluation", request=NewEvaluationSerializer, responses={202: UploadSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        data = self.said(NewEvaluationSerializer)
        asked = data
        made = take_upload(
            version=workloads.version(workload, asked["version"]),
            purpose=asked["purpose"],
            mapping=asked["mapping"],
            file=asked["file"],
            limit=settings.EVALUATION_UPLOAD_LIMIT,
            by=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(UploadSerializer(made).data, status=202)


class UploadView(TenantView):
    @extend_schema(operation_id="get_upload", responses=UploadSerializer)
    def get(self, request: Request, slug: str, key: str, upload_id: UUID) -> Response:
        return Response(UploadSerializer(imports.upload(_workload(self, key, "see_workload"), upload_id)).data)


def _document(request: Request) -> dict[str, Any]:
    """What was sent, whichever way."""
    data: Any = request.data
    if request.FILES or isinstance(data, QueryDict):
        try:
            data = json.loads(data.get("document", ""))
        except (ValueError, RecursionError) as error:
            raise Invalid("document_invalid", "Send the document as JSON in the part `document`.") from error
    if isinstance(data, list):
        return {"rows": data}
    if not isinstance(data, dict):
        raise Invalid("document_invalid", "A document is a JSON object.")
    return data


def _workload(view: TenantView, key: str, permission: str) -> Workload:
    return workloads.workload_for(view.tenant.id, view.actor, key, permission)


def _stage(stage: str) -> str:
    if stage not in Stage.values:
        raise NotFound()
    return stage


def _kind(view: TenantView, kind: str) -> str:
    if own.document(view.tenant.id, kind) is None:
        raise NotFound()
    return kind


upload = member(UploadView.as_view())
uploads = member(UploadsView.as_view())
gate = member(GateView.as_view())
evaluations = member(EvaluationsView.as_view())
evidences = member(EvidencesView.as_view())
