"""Tiers and their people over the API."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.budgets.api import UserTierSerializer
from apps.budgets.models import Subject
from apps.budgets.queries import tier_for
from apps.budgets.tiers import actions, queries, reading, views
from apps.budgets.tiers.access import MANAGE
from apps.budgets.tiers.reading import LONGEST_LABEL, LONGEST_USER
from apps.workloads.api import person_behind
from portal.api import TenantView


class TierUserSerializer(serializers.ModelSerializer[Subject]):
    tier = serializers.CharField(source="tier.slug")
    member = serializers.CharField(source="member.email", default=None, allow_null=True)

    class Meta:
        model = Subject
        fields = ["id", "user_key", "label", "tier", "member", "created_at"]


class NewTierUserSerializer(serializers.Serializer[Any]):
    user = serializers.CharField(max_length=LONGEST_USER, help_text="As your application names them.")
    label = serializers.CharField(max_length=LONGEST_LABEL, default="", allow_blank=True)  # type: ignore[assignment]
    member = serializers.EmailField(default="", allow_blank=True)


class ChangedTierSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=60, required=False)
    is_default = serializers.BooleanField(required=False)


class TierUsersFileSerializer(serializers.Serializer[Any]):
    file = serializers.FileField()


class ImportedUsersSerializer(serializers.Serializer[Any]):
    users = serializers.IntegerField()


class TierView(TenantView):
    @extend_schema(operation_id="change_tier", request=ChangedTierSerializer, responses=UserTierSerializer)
    def patch(self, request: Request, slug: str, tier: str) -> Response:
        found, _ = tier_for(self.tenant.id, tier), person_behind(self, MANAGE)
        data = self.said(ChangedTierSerializer)
        changed = actions.change_tier(
            tier=found, name=data.get("name"), is_default=data.get("is_default"), actor=self.actor
        )
        return Response(UserTierSerializer(changed).data)


class TierUsersView(TenantView):
    @extend_schema(operation_id="list_tier_users", responses=TierUserSerializer(many=True))
    def get(self, request: Request, slug: str, tier: str) -> Response:
        found = tier_for(self.tenant.id, tier)
        return self.paged(queries.people(found), TierUserSerializer, ("created_at", "id"))

    @extend_schema(operation_id="put_tier_user", request=NewTierUserSerializer, responses={201: TierUserSerializer})
    def post(self, request: Request, slug: str, tier: str) -> Response:
        """Who is in another tier moves; who is in this one is named anew."""
        found, _ = tier_for(self.tenant.id, tier), person_behind(self, MANAGE)
        data = self.said(NewTierUserSerializer)
        member = queries.member_at(self.tenant.id, data.pop("member"))
        made = actions.put_user(tier=found, member=member, actor=self.actor, **data)
        return Response(TierUserSerializer(made).data, status=201)


class TierUserView(TenantView):
    @extend_schema(operation_id="remove_tier_user", responses={204: None})
    def delete(self, request: Request, slug: str, tier: str, subject_id: UUID) -> Response:
        found, _ = tier_for(self.tenant.id, tier), person_behind(self, MANAGE)
        actions.remove_user(subject=queries.subject_for(found, subject_id), actor=self.actor)
        return Response(status=204)


class TierUsersFileView(TenantView):
    """All of a file's lines, or none."""

    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="import_tier_users", request=TierUsersFileSerializer, responses=ImportedUsersSerializer)
    def post(self, request: Request, slug: str) -> Response:
        person_behind(self, MANAGE)
        file = self.said(TierUsersFileSerializer)["file"].file
        lines = reading.read(reading.text_of(file))
        return Response({"users": actions.import_users(tenant_id=self.tenant.id, lines=lines, actor=self.actor)})


tier = views.manages(TierView.as_view())
users = views.manages(TierUsersView.as_view())
user = views.manages(TierUserView.as_view())
file = views.manages(TierUsersFileView.as_view())
