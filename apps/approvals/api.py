"""Approvals over the API. Reading takes the scope ``read``; signing takes a person with a session, never a token."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.approvals import actions, queries
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules import Verdict
from portal.access import member
from portal.actor import Actor
from portal.api import TenantView
from portal.errors import Forbidden


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


class Newest(CursorPagination):
    page_size = 50
    ordering = ("-created_at", "-id")


class ApprovalsView(TenantView):
    @extend_schema(operation_id="list_approvals", responses=ApprovalSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        pages = Newest()
        page = pages.paginate_queryset(queries.requests(self.tenant.id, self.actor), request, self)
        return pages.get_paginated_response(ApprovalSerializer(page, many=True).data)


class ApprovalView(TenantView):
    @extend_schema(operation_id="get_approval", responses=ApprovalWithSignaturesSerializer)
    def get(self, request: Request, slug: str, approval_id: UUID) -> Response:
        return Response(_whole(queries.request_for(self.tenant.id, self.actor, approval_id)))


class SignView(TenantView):
    @extend_schema(operation_id="sign_approval", request=SignSerializer, responses=ApprovalWithSignaturesSerializer)
    def post(self, request: Request, slug: str, approval_id: UUID) -> Response:
        found = queries.request_for(self.tenant.id, self.actor, approval_id)
        data = SignSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        asked = dict(data.validated_data)
        signed = actions.sign(
            request=found,
            signer=_person(self.actor),
            verdict=Verdict(asked.pop("verdict")),
            actor=self.actor,
            now=timezone.now(),
            **asked,
        )
        return Response(_whole(signed))


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
