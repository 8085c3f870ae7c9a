"""The classifier over the API: its state, examples, corrections, rules, versions and threshold."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.dispatch.classify import actions, queries, training
from apps.dispatch.classify.access import READ, may_read, refuse_others
from apps.dispatch.classify.actions import LONGEST_REQUEST_ID
from apps.dispatch.classify.features import LONGEST
from apps.dispatch.classify.models import Classifier, Dispatcher, Example, Rule
from apps.dispatch.classify.reading import LONGEST_TOPIC, MOST_AT_ONCE, Said
from apps.dispatch.classify.rules import LONGEST_PHRASE, MOST_PHRASES
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from portal.access import member, requires
from portal.api import TenantView
from portal.errors import Invalid, NotFound

_KEY = serializers.CharField(max_length=60, allow_null=True, help_text="The workload's key; null: nobody's.")


class CurvePointSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField()
    right = serializers.FloatField(allow_null=True, help_text="Of what belongs to a workload; a refusal isn't right.")
    wrong = serializers.FloatField(allow_null=True)
    none = serializers.FloatField(allow_null=True, help_text="Of what belongs to nobody: refused.")


class ClassifierVersionSerializer(serializers.ModelSerializer[Classifier]):
    trained_at = serializers.DateTimeField(source="created_at")
    curve = CurvePointSerializer(many=True, source="points")

    class Meta:
        model = Classifier
        fields = [
            "number",
            "examples",
            "nobodys",
            "workloads",
            "threshold",
            "right",
            "none",
            "took_ms",
            "asked_by",
            "trained_at",
            "curve",
        ]


class ClassifierSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="live.number", default=None, help_text="The one that answers.")
    threshold = serializers.FloatField()
    live_since = serializers.DateTimeField(allow_null=True)
    training_due = serializers.DateTimeField(source="due_at", allow_null=True)
    problem = serializers.CharField(help_text="Why the last training that was asked for came to nothing.")


class LiveClassifierSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1)
    threshold = serializers.FloatField(
        min_value=0, max_value=1, required=False, help_text="Default: the one that cross-validation chose."
    )
    reason = serializers.CharField(max_length=300)


class ThresholdSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField(min_value=0, max_value=1)
    reason = serializers.CharField(max_length=300)


class ExampleSerializer(serializers.ModelSerializer[Example]):
    workload = serializers.CharField(source="workload.key", default=None)

    class Meta:
        model = Example
        fields = ["id", "workload", "topic", "text", "source", "request_id", "said_by", "said_at"]


class NewExampleSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=LONGEST)
    topic = serializers.CharField(max_length=LONGEST_TOPIC, allow_blank=True, default="")


class NewExamplesSerializer(serializers.Serializer[Any]):
    workload = _KEY
    examples = serializers.ListField(child=NewExampleSerializer(), min_length=1, max_length=MOST_AT_ONCE)


class ExamplesTakenSerializer(serializers.Serializer[Any]):
    new = serializers.IntegerField()


class CorrectionSerializer(serializers.Serializer[Any]):
    workload = serializers.CharField(max_length=60, allow_null=True, help_text="Whose it is; null: nobody's.")
    text = serializers.CharField(max_length=LONGEST)
    request_id = serializers.CharField(max_length=LONGEST_REQUEST_ID, allow_blank=True, default="")


class DispatchRuleSerializer(serializers.ModelSerializer[Rule]):
    workload = serializers.CharField(source="workload.key")
    phrases = serializers.CharField(source="said")

    class Meta:
        model = Rule
        fields = ["id", "place", "phrases", "workload", "made_by", "created_at"]


class NewDispatchRuleSerializer(serializers.Serializer[Any]):
    workload = serializers.CharField(max_length=60)
    phrases = serializers.CharField(
        max_length=MOST_PHRASES * LONGEST_PHRASE, help_text="Separated by commas; all have to be in the text."
    )


class ClassifierView(TenantView):
    @extend_schema(operation_id="get_classifier", responses=ClassifierSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(_state(queries.dispatcher(self.tenant.id)))

    @extend_schema(operation_id="activate_classifier", request=LiveClassifierSerializer, responses=ClassifierSerializer)
    def put(self, request: Request, slug: str) -> Response:
        refuse_others(self.actor)
        said = self.said(LiveClassifierSerializer)
        found = actions.activate(
            classifier=queries.version(self.tenant.id, said["version"]),
            threshold=said.get("threshold"),
            reason=said["reason"],
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(_state(found))


class ThresholdView(TenantView):
    @extend_schema(operation_id="set_classifier_threshold", request=ThresholdSerializer, responses=ClassifierSerializer)
    def put(self, request: Request, slug: str) -> Response:
        refuse_others(self.actor)
        found = actions.set_threshold(tenant_id=self.tenant.id, actor=self.actor, **self.said(ThresholdSerializer))
        return Response(_state(found))


class VersionsView(TenantView):
    @extend_schema(operation_id="list_classifier_versions", responses=ClassifierVersionSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.versions(self.tenant.id), ClassifierVersionSerializer, ("-number",))

    @extend_schema(operation_id="train_classifier", request=None, responses={202: ClassifierSerializer})
    def post(self, request: Request, slug: str) -> Response:
        refuse_others(self.actor)
        found = training.ask_for_training(tenant_id=self.tenant.id, actor=self.actor, now=timezone.now())
        return Response(_state(found), status=202)


class RulesView(TenantView):
    @extend_schema(operation_id="list_dispatch_rules", responses=DispatchRuleSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.rules(self.tenant.id), DispatchRuleSerializer, ("place", "id"))

    @extend_schema(
        operation_id="add_dispatch_rule", request=NewDispatchRuleSerializer, responses={201: DispatchRuleSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        refuse_others(self.actor)
        said = self.said(NewDispatchRuleSerializer)
        found = workloads.workload_for(self.tenant.id, self.actor, said["workload"])
        made = actions.add_rule(tenant_id=self.tenant.id, workload=found, written=said["phrases"], actor=self.actor)
        return Response(DispatchRuleSerializer(made).data, status=201)


class RuleView(TenantView):
    @extend_schema(operation_id="remove_dispatch_rule", responses={204: None})
    def delete(self, request: Request, slug: str, rule_id: UUID) -> Response:
        refuse_others(self.actor)
        actions.remove_rule(rule=queries.rule(self.tenant.id, rule_id), actor=self.actor)
        return Response(status=204)


class ExamplesView(TenantView):
    @extend_schema(
        operation_id="list_examples",
        parameters=[OpenApiParameter("workload", str, description="A workload's key; without one, nobody's.")],
        responses=ExampleSerializer(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        key = request.query_params.get("workload")
        if not key and not may_read(self.actor):
            raise NotFound()
        found = workloads.workload_for(self.tenant.id, self.actor, key) if key else None
        rows = queries.examples(self.tenant.id, found.id if found else None)
        return self.paged(rows, ExampleSerializer, ("-said_at", "-id"))

    @extend_schema(operation_id="add_examples", request=NewExamplesSerializer, responses={201: ExamplesTakenSerializer})
    def post(self, request: Request, slug: str) -> Response:
        found = _target(self, "manage_workload")
        said = self.said(NewExamplesSerializer)
        new = actions.add_examples(
            tenant_id=self.tenant.id,
            workload=found,
            said=[Said(each["text"], each["topic"]) for each in said["examples"]],
            actor=self.actor,
            now=timezone.now(),
        )
        return Response({"new": new}, status=201)


class ExampleView(TenantView):
    @extend_schema(operation_id="remove_example", responses={204: None})
    def delete(self, request: Request, slug: str, example_id: UUID) -> Response:
        found = queries.example_for(self.tenant.id, self.actor, example_id)
        _refuse_target(self, found.workload.key if found.workload else None, "manage_workload")
        actions.remove_example(example=found, actor=self.actor)
        return Response(status=204)


class CorrectionsView(TenantView):
    @extend_schema(operation_id="correct_classifier", request=CorrectionSerializer, responses={201: ExampleSerializer})
    def post(self, request: Request, slug: str) -> Response:
        found = _target(self, "operate_workload")
        said = self.said(CorrectionSerializer)
        made = actions.correct(
            tenant_id=self.tenant.id,
            workload=found,
            text=said["text"],
            request_id=said["request_id"],
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(ExampleSerializer(made).data, status=201)


def _target(view: TenantView, permission: str) -> Workload | None:
    """The workload that the body names, if the caller may do this to it, before the rest of the body is looked at."""
    body = view.request.data
    key = body.get("workload") if isinstance(body, dict) else None
    if key is not None and not isinstance(key, str):
        raise Invalid("workload", "Name the workload by its key, or null for nobody's.")
    return _refuse_target(view, key, permission)


def _refuse_target(view: TenantView, key: str | None, permission: str) -> Workload | None:
    if key is None:
        refuse_others(view.actor)
        return None
    return workloads.workload_for(view.tenant.id, view.actor, key, permission)


def _state(found: Dispatcher) -> Any:
    return ClassifierSerializer(found).data


_readers = requires(may_read, READ)
classifier = _readers(ClassifierView.as_view())
threshold = _readers(ThresholdView.as_view())
versions = _readers(VersionsView.as_view())
rules = _readers(RulesView.as_view())
rule = _readers(RuleView.as_view())
examples = member(ExamplesView.as_view())
example = member(ExampleView.as_view())
corrections = member(CorrectionsView.as_view())
