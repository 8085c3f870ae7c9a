"""Over the API, beside :mod:`apps.gates.api`: criteria and thresholds, waivers, red flags, going back, eval sets."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.gates import actions, queries
from apps.gates.criteria import BY_ID, CRITERIA, Criterion, limits_of
from apps.gates.evaluations import evalsets
from apps.gates.evaluations.comparison import MOST_MARGIN
from apps.gates.models import EvalSet, OwnCriterion, RedFlag, StageMove, Waiver
from apps.gates.own import actions as adding
from apps.gates.own import queries as own
from apps.tenants.queries import members
from apps.workloads import queries as workloads
from apps.workloads.api import person_behind
from apps.workloads.models import Workload
from apps.workloads.policy import Sensitivity, Shape, Stage
from portal.access import member
from portal.api import TenantView
from portal.errors import Invalid, NotFound


class LimitSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    default_value = serializers.FloatField()
    value = serializers.FloatField()


class CriterionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    stage = serializers.CharField()
    title = serializers.CharField()
    evidence = serializers.CharField(source="kind")
    is_own = serializers.BooleanField()
    is_waivable = serializers.BooleanField()
    counts_from = serializers.DateTimeField(allow_null=True)
    limits = LimitSerializer(many=True, source="in_force")


class NewLimitSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField(min_value=0)
    reason = serializers.CharField(max_length=500)


class OwnCriterionSerializer(serializers.ModelSerializer[OwnCriterion]):
    class Meta:
        model = OwnCriterion
        fields = [
            "code",
            "stage",
            "title",
            "intro",
            "valid_days",
            "shapes",
            "sensitivities",
            "customer_facing_only",
            "counts_from",
        ]


class NewCriterionSerializer(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(choices=Stage.choices)
    title = serializers.CharField(max_length=100)
    intro = serializers.CharField(max_length=500)
    counts_from = serializers.DateField(help_text="From midnight of this day in the tenant's zone.")
    valid_days = serializers.IntegerField(min_value=1, max_value=1_000, allow_null=True, default=None)
    shapes = serializers.ListField(child=serializers.ChoiceField(choices=Shape.choices), default=list)
    sensitivities = serializers.ListField(child=serializers.ChoiceField(choices=Sensitivity.choices), default=list)
    customer_facing_only = serializers.BooleanField(default=False)


class WhySerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    class Meta:
        model = Waiver
        fields = ["id", "criterion", "reason", "days", "created_at", "granted_at", "until"]


class NewWaiverSerializer(serializers.Serializer[Any]):
    criterion = serializers.CharField(max_length=10)
    days = serializers.IntegerField(min_value=1, max_value=30)
    reason = serializers.CharField(max_length=500)


class FlagSerializer(serializers.ModelSerializer[RedFlag]):
    class Meta:
        model = RedFlag
        fields = ["id", "stage", "what", "created_at"]


class NewFlagSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(max_length=500)


class BackSerializer(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(choices=Stage.choices)
    reason = serializers.CharField(max_length=500)


class MoveSerializer(serializers.ModelSerializer[StageMove]):
    class Meta:
        model = StageMove
        fields = ["id", "before", "after", "reason", "created_at"]


class EvalSetSerializer(serializers.ModelSerializer[EvalSet]):
    owner = serializers.EmailField(source="owner.email")

    class Meta:
        model = EvalSet
        fields = ["name", "owner", "margin", "fresh_days"]


class NewEvalSetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    owner = serializers.EmailField()
    margin = serializers.FloatField(min_value=0, max_value=MOST_MARGIN, default=0.02)
    fresh_days = serializers.IntegerField(min_value=1, max_value=90, default=30)
    reason = serializers.CharField(max_length=300)


class ComparisonSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(source="version.label")
    may_be_rolled_out = serializers.SerializerMethodField()
    why = serializers.CharField()
    predecessor = serializers.CharField(source="predecessor.label", default=None)
    inputs = serializers.IntegerField(source="comparison.n", default=None)
    right_before = serializers.IntegerField(source="comparison.before", default=None)
    right_now = serializers.IntegerField(source="comparison.after", default=None)
    better = serializers.IntegerField(source="comparison.better", default=None)
    worse = serializers.IntegerField(source="comparison.worse", default=None)
    p_value = serializers.FloatField(source="comparison.p_value", default=None)

    def get_may_be_rolled_out(self, verdict: evalsets.Verdict) -> bool:
        return not verdict.why


NEWEST_FIRST = ("-created_at", "-id")


class CriteriaView(TenantView):
    """Everybody's criteria and the tenant's own, with the thresholds in force."""

    @extend_schema(operation_id="list_criteria", responses=CriterionSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        tightened = queries.tightened(self.tenant.id)
        found = [*CRITERIA, *map(own.criterion, own.rows(self.tenant.id))]
        rows = [_shown(criterion, tightened.get(criterion.id, {})) for criterion in found]
        return Response(CriterionSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="add_criterion", request=NewCriterionSerializer, responses={201: OwnCriterionSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        data = self.said(NewCriterionSerializer)
        made = adding.add_criterion(
            tenant_id=self.tenant.id,
            by=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
            **data,
        )
        return Response(OwnCriterionSerializer(made).data, status=201)


class OwnCriterionView(TenantView):
    @extend_schema(operation_id="retire_criterion", request=WhySerializer, responses={204: None})
    def delete(self, request: Request, slug: str, code: str) -> Response:
        person_behind(self)
        data = self.said(WhySerializer)
        adding.retire_criterion(
            criterion=own.row(self.tenant.id, code),
            actor=self.actor,
            now=timezone.now(),
            reason=data["reason"],
        )
        return Response(status=204)


class ThresholdView(TenantView):
    @extend_schema(operation_id="tighten_threshold", request=NewLimitSerializer, responses=CriterionSerializer)
    def put(self, request: Request, slug: str, code: str, name: str) -> Response:
        person_behind(self)
        if code not in BY_ID:
            raise NotFound()
        data = self.said(NewLimitSerializer)
        actions.tighten(tenant_id=self.tenant.id, criterion_id=code, name=name, actor=self.actor, **data)
        row = _shown(BY_ID[code], queries.tightened(self.tenant.id).get(code, {}))
        return Response(CriterionSerializer(row).data)


class WaiversView(TenantView):
    @extend_schema(operation_id="list_waivers", responses=WaiverSerializer(many=True))
    def get(self, request: Request, slug: str, key: str) -> Response:
        return self.paged(queries.asked_waivers(_workload(self, key)), WaiverSerializer, NEWEST_FIRST)

    @extend_schema(operation_id="ask_for_waiver", request=NewWaiverSerializer, responses={201: WaiverSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        data = self.said(NewWaiverSerializer)
        asked = dict(data)
        made = actions.ask_for_waiver(
            workload=workload,
            criterion_id=asked.pop("criterion"),
            requester=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response(WaiverSerializer(made).data, status=201)


class FlagsView(TenantView):
    @extend_schema(operation_id="raise_red_flag", request=NewFlagSerializer, responses={201: FlagSerializer})
    def post(self, request: Request, slug: str, key: str, stage: str) -> Response:
        workload = _workload(self, key)
        data = self.said(NewFlagSerializer)
        made = actions.raise_flag(
            workload=workload,
            stage=stage,
            what=data["what"],
            by=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(FlagSerializer(made).data, status=201)


class BackView(TenantView):
    @extend_schema(operation_id="go_back", request=BackSerializer, responses={201: MoveSerializer})
    def post(self, request: Request, slug: str, key: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        data = self.said(BackSerializer)
        made = actions.go_back(
            workload=workload,
            by=person_behind(self),
            actor=self.actor,
            now=timezone.now(),
            **data,
        )
        return Response(MoveSerializer(made).data, status=201)


class EvalSetView(TenantView):
    @extend_schema(operation_id="get_eval_set", responses=EvalSetSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        found = evalsets.eval_set(_workload(self, key))
        if found is None:
            raise NotFound(f"{key} has no eval set yet.")
        return Response(EvalSetSerializer(found).data)

    @extend_schema(operation_id="set_eval_set", request=NewEvalSetSerializer, responses=EvalSetSerializer)
    def put(self, request: Request, slug: str, key: str) -> Response:
        workload = _workload(self, key, "manage_workload")
        person_behind(self)
        data = self.said(NewEvalSetSerializer)
        asked = dict(data)
        owner = members(self.tenant.id).filter(user__email=asked.pop("owner").lower()).first()
        if owner is None:
            raise Invalid("not_a_member", "Its owner has to be a member of this tenant.")
        made = evalsets.set_eval_set(workload=workload, owner=owner.user, actor=self.actor, **asked)
        return Response(EvalSetSerializer(made).data)


class ComparisonView(TenantView):
    @extend_schema(operation_id="compare_version", responses=ComparisonSerializer)
    def get(self, request: Request, slug: str, key: str, label: str) -> Response:
        workload = _workload(self, key)
        verdict = evalsets.verdict(workload, workloads.version(workload, label), timezone.now())
        return Response(ComparisonSerializer(verdict).data)


def _shown(criterion: Criterion, tightened: dict[str, float]) -> dict[str, Any]:
    values = limits_of(criterion, tightened)
    return {
        "id": criterion.id,
        "stage": criterion.stage.value,
        "title": criterion.title,
        "kind": criterion.kind,
        "is_own": criterion.is_own,
        "is_waivable": criterion.is_waivable,
        "counts_from": criterion.counts_from,
        "in_force": [
            {"name": each.name, "title": each.label, "default_value": each.value, "value": values[each.name]}
            for each in criterion.limits
        ],
    }


def _workload(view: TenantView, key: str, permission: str = "see_workload") -> Workload:
    return workloads.workload_for(view.tenant.id, view.actor, key, permission)


criteria = member(CriteriaView.as_view())
own_criterion = member(OwnCriterionView.as_view())
threshold = member(ThresholdView.as_view())
waivers = member(WaiversView.as_view())
flags = member(FlagsView.as_view())
back = member(BackView.as_view())
eval_set = member(EvalSetView.as_view())
comparison = member(ComparisonView.as_view())
