"""Approvals over the API. Reading takes the scope ``read``; signing takes a person with a session, never a token."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.approvals import actions, codec, policies, queries, subjects
from apps.approvals.models import ApprovalRequest, Delegation
from apps.approvals.rules import Verdict
from apps.tenants.queries import members
from apps.tenants.roles import APPROVERS, SIGNERS
from portal.access import member
from portal.actor import Actor
from portal.api import TenantView
from portal.errors import Forbidden, Invalid, NotFound


class ApprovalSerializer(serializers.ModelSerializer[ApprovalRequest]):
    workload = serializers.CharField(source="workload.key", default=None)
    requester = serializers.EmailField(source="requester.email", default=None)
    slots = serializers.JSONField(source="slots_json")

    class Meta:
        model = ApprovalRequest
        fields = [
            "id",
            "kind",
            "policy",
            "subject_id",
            "workload",
            "title",
            "requester",
            "state",
            "content",
            "digest",
            "slots",
            "excluded",
            "waiting_roles",
            "created_at",
            "expires_at",
            "decided_at",
            "granted_until",
            "by_break_glass",
        ]


class SignSerializer(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    seen = serializers.CharField(max_length=64, help_text="The digest of the content that was looked at.")
    comment = serializers.CharField(max_length=2_000, default="", allow_blank=True)
    acting_for = serializers.UUIDField(default=None, allow_null=True, help_text="Whom a delegate stands in for.")


class SignatureSerializer(serializers.Serializer[Any]):
    person = serializers.EmailField(source="person.email")
    acting_for = serializers.EmailField(source="acting_for.email", default=None)
    verdict = serializers.CharField()
    comment = serializers.CharField()
    digest = serializers.CharField()
    created_at = serializers.DateTimeField()
    voided_at = serializers.DateTimeField()
    void_reason = serializers.CharField()
    counts = serializers.BooleanField(help_text="Whether it fills a slot as people are today.")


class ApprovalWithSignaturesSerializer(ApprovalSerializer):
    signatures = SignatureSerializer(many=True)

    class Meta(ApprovalSerializer.Meta):
        fields = [*ApprovalSerializer.Meta.fields, "signatures"]


NEWEST = ("-created_at", "-id")


class ApprovalsView(TenantView):
    @extend_schema(operation_id="list_approvals", responses=ApprovalSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.requests(self.tenant.id, self.actor), ApprovalSerializer, NEWEST)


class ApprovalView(TenantView):
    @extend_schema(operation_id="get_approval", responses=ApprovalWithSignaturesSerializer)
    def get(self, request: Request, slug: str, approval_id: UUID) -> Response:
        return Response(_whole(queries.request_for(self.tenant.id, self.actor, approval_id)))


class SignView(TenantView):
    @extend_schema(operation_id="sign_approval", request=SignSerializer, responses=ApprovalWithSignaturesSerializer)
    def post(self, request: Request, slug: str, approval_id: UUID) -> Response:
        found = queries.request_for(self.tenant.id, self.actor, approval_id)
        data = self.said(SignSerializer)
        asked = dict(data)
        signed = actions.sign(
            request=found,
            signer=_person(self.actor),
            verdict=Verdict(asked.pop("verdict")),
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response(_whole(signed))


class SlotSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60)
    roles = serializers.ListField(child=serializers.ChoiceField(choices=sorted(SIGNERS)))
    count = serializers.IntegerField(min_value=1, max_value=9, default=1)
    depends = serializers.ListField(child=serializers.CharField(max_length=40), default=list)
    team = serializers.CharField(max_length=40, default="", allow_blank=True)
    committee = serializers.BooleanField(default=False)
    chair = serializers.CharField(max_length=40, default="", allow_blank=True)


class PolicySerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    slots = SlotSerializer(many=True)
    pending_days = serializers.IntegerField()
    granted_days = serializers.IntegerField()
    target_hours = serializers.IntegerField()
    revision = serializers.IntegerField()


class NewPolicySerializer(serializers.Serializer[Any]):
    slots = SlotSerializer(many=True)
    pending_days = serializers.IntegerField(min_value=1)
    granted_days = serializers.IntegerField(min_value=1)
    target_hours = serializers.IntegerField(min_value=1)
    revision = serializers.IntegerField(min_value=0, help_text="The one that you saw.")
    reason = serializers.CharField(max_length=500)


class PoliciesView(TenantView):
    """Who may approve what: open to every member (APPR-3)."""

    @extend_schema(operation_id="list_policies", responses=PolicySerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return Response([_policy(each) for each in queries.policies(self.tenant.id)])


class PolicyView(TenantView):
    @extend_schema(operation_id="get_policy", responses=PolicySerializer)
    def get(self, request: Request, slug: str, policy: str) -> Response:
        return Response(_policy(queries.policy(self.tenant.id, _known(policy))))

    @extend_schema(operation_id="set_policy", request=NewPolicySerializer, responses=PolicySerializer)
    def put(self, request: Request, slug: str, policy: str) -> Response:
        data = self.said(NewPolicySerializer)
        asked = dict(data)
        policies.set_policy(
            tenant_id=self.tenant.id,
            name=_known(policy),
            slots=codec.slots(asked.pop("slots")),
            expected_revision=asked.pop("revision"),
            actor=self.actor,
            **asked,
        )
        return Response(_policy(queries.policy(self.tenant.id, policy)))


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    principal = serializers.EmailField(source="principal.email")
    delegate = serializers.EmailField(source="delegate.email")

    class Meta:
        model = Delegation
        fields = ["id", "principal", "delegate", "roles", "starts_at", "ends_at", "reason", "revoked_at"]


class NewDelegationSerializer(serializers.Serializer[Any]):
    delegate = serializers.EmailField()
    roles = serializers.ListField(child=serializers.ChoiceField(choices=sorted(APPROVERS)))
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500)


LATEST_END = ("-ends_at", "-id")


class DelegationsView(TenantView):
    @extend_schema(operation_id="list_delegations", responses=DelegationSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return self.paged(queries.delegations(self.tenant.id), DelegationSerializer, LATEST_END)

    @extend_schema(operation_id="delegate", request=NewDelegationSerializer, responses={201: DelegationSerializer})
    def post(self, request: Request, slug: str) -> Response:
        data = self.said(NewDelegationSerializer)
        asked = dict(data)
        found = members(self.tenant.id).filter(user__email=asked.pop("delegate").lower()).first()
        if found is None:
            raise Invalid("delegate", "Choose another member of this tenant.")
        made = actions.delegate(
            tenant_id=self.tenant.id,
            principal=_person(self.actor),
            delegate=found.user,
            roles=set(asked.pop("roles")),
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response(DelegationSerializer(made).data, status=201)


class DelegationView(TenantView):
    @extend_schema(operation_id="revoke_delegation", responses={204: None})
    def delete(self, request: Request, slug: str, delegation_id: UUID) -> Response:
        _person(self.actor)
        found = queries.delegations(self.tenant.id).filter(id=delegation_id).first()
        if found is None:
            raise NotFound()
        actions.revoke_delegation(delegation=found, actor=self.actor, now=timezone.now())
        return Response(status=204)


def _policy(found: queries.Policy) -> dict[str, Any]:
    return {**asdict(found), "slots": codec.dump(found.slots)}


def _known(name: str) -> str:
    if name not in {default.name for default in subjects.defaults()}:
        raise NotFound()
    return name


def _person(actor: Actor) -> User:
    """Whoever is signed in; a token signs nothing."""
    if not actor.is_person:
        raise Forbidden("not_a_person", "Only a person who is signed in can sign, under their own name.")
    return User.objects.get(id=actor.id)  # type: ignore[misc]  # a person has an id


def _whole(found: ApprovalRequest) -> Any:
    signatures = queries.signatures(found)
    standing = queries.standing(found, signatures)
    for row in signatures:
        row.counts = row.voided_at is None and standing.counts(row)  # type: ignore[attr-defined]
    body = dict(ApprovalSerializer(found).data)
    return {**body, "signatures": SignatureSerializer(signatures, many=True).data}


approvals = member(ApprovalsView.as_view())
approval = member(ApprovalView.as_view())
sign = member(SignView.as_view())
all_policies = member(PoliciesView.as_view())
policy = member(PolicyView.as_view())
delegations = member(DelegationsView.as_view())
delegation = member(DelegationView.as_view())
