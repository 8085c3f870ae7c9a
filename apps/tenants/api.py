"""Members, invitations and the tenant's own sign-in over the API: for a tenant admin with a session, never a token."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import LONGEST_ADDRESS, User
from apps.tenants import actions, queries
from apps.tenants import invitations as inviting
from apps.tenants import provider as providing
from apps.tenants.models import Invitation, Membership, SignInProvider
from apps.tenants.roles import Role, has_right
from portal import access
from portal.api import TenantView
from portal.errors import Forbidden, NotFound


class MemberSerializer(serializers.ModelSerializer[Membership]):
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    roles = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Membership
        fields = ["id", "email", "name", "roles", "created_at"]


class MemberRolesSerializer(serializers.Serializer[Any]):
    roles = serializers.ListField(child=serializers.CharField(), help_text=f"Of {', '.join(Role.values)}.")


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    invited_by = serializers.EmailField(source="invited_by.email")
    roles = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Invitation
        fields = ["id", "email", "roles", "invited_by", "sent_at", "expires_at", "accepted_at", "revoked_at"]


class NewInvitationSerializer(MemberRolesSerializer):
    email = serializers.EmailField(max_length=LONGEST_ADDRESS)


class SignInProviderSerializer(serializers.ModelSerializer[SignInProvider]):
    class Meta:
        model = SignInProvider
        fields = ["issuer", "client_id", "domains", "enforces_mfa", "is_only_way"]


class NewSignInProviderSerializer(serializers.Serializer[Any]):
    issuer = serializers.URLField(max_length=300)
    client_id = serializers.CharField(max_length=200)
    client_secret = serializers.CharField(max_length=500, default="", allow_blank=True, help_text="Empty keeps it.")
    domains = serializers.ListField(child=serializers.CharField(max_length=253))
    enforces_mfa = serializers.BooleanField(default=False)
    is_only_way = serializers.BooleanField(default=False)


class AdminsView(TenantView):
    def refuse_others(self, right: str = "member.manage") -> None:
        """For a tenant admin who is signed in. A token isn't asked who may come in."""
        if not self.actor.is_person or not has_right(self.actor, right):
            raise Forbidden("right_missing", f"This needs the right {right!r}, and a session.", right=right)


class MembersView(AdminsView):
    @extend_schema(operation_id="list_members", responses=MemberSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        self.refuse_others()
        return self.paged(queries.members(self.tenant.id), MemberSerializer, ("created_at", "id"))


class MemberView(AdminsView):
    @extend_schema(operation_id="set_member_roles", request=MemberRolesSerializer, responses=MemberSerializer)
    def put(self, request: Request, slug: str, member_id: UUID) -> Response:
        found = queries.member(self.tenant.id, member_id)
        self.refuse_others()
        data = self.said(MemberRolesSerializer)
        done = actions.set_roles(member=found, roles=data["roles"], actor=self.actor)
        return Response(MemberSerializer(done).data)

    @extend_schema(operation_id="end_membership", responses={204: None})
    def delete(self, request: Request, slug: str, member_id: UUID) -> Response:
        found = queries.member(self.tenant.id, member_id)
        self.refuse_others()
        actions.end_membership(member=found, actor=self.actor, now=timezone.now())
        return Response(status=204)


class InvitationsView(AdminsView):
    @extend_schema(operation_id="list_invitations", responses=InvitationSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        self.refuse_others()
        return self.paged(queries.invitations(self.tenant.id), InvitationSerializer, ("-sent_at", "-id"))

    @extend_schema(operation_id="invite", request=NewInvitationSerializer, responses={201: InvitationSerializer})
    def post(self, request: Request, slug: str) -> Response:
        self.refuse_others()
        data = self.said(NewInvitationSerializer)
        by = User.objects.get(id=self.actor.user_id)  # type: ignore[misc]  # a person has an id
        made = inviting.invite(tenant_id=self.tenant.id, by=by, actor=self.actor, now=timezone.now(), **data)
        return Response(InvitationSerializer(made).data, status=201)


class InvitationView(AdminsView):
    @extend_schema(operation_id="resend_invitation", request=None, responses=InvitationSerializer)
    def post(self, request: Request, slug: str, invitation_id: UUID) -> Response:
        found = queries.invitation(self.tenant.id, invitation_id)
        self.refuse_others()
        sent = inviting.resend(invitation=found, actor=self.actor, now=timezone.now())
        return Response(InvitationSerializer(sent).data)

    @extend_schema(operation_id="revoke_invitation", responses={204: None})
    def delete(self, request: Request, slug: str, invitation_id: UUID) -> Response:
        found = queries.invitation(self.tenant.id, invitation_id)
        self.refuse_others()
        inviting.revoke(invitation=found, actor=self.actor, now=timezone.now())
        return Response(status=204)


class ProviderView(AdminsView):
    @extend_schema(operation_id="get_sign_in_provider", responses=SignInProviderSerializer)
    def get(self, request: Request, slug: str) -> Response:
        self.refuse_others("signin.manage")
        return Response(SignInProviderSerializer(self._found()).data)

    @extend_schema(
        operation_id="set_sign_in_provider", request=NewSignInProviderSerializer, responses=SignInProviderSerializer
    )
    def put(self, request: Request, slug: str) -> Response:
        self.refuse_others("signin.manage")
        data = self.said(NewSignInProviderSerializer)
        done = providing.set_provider(tenant_id=self.tenant.id, actor=self.actor, **data)
        return Response(SignInProviderSerializer(done).data)

    @extend_schema(operation_id="remove_sign_in_provider", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        self.refuse_others("signin.manage")
        providing.remove_provider(found=self._found(), actor=self.actor)
        return Response(status=204)

    def _found(self) -> SignInProvider:
        found = queries.provider(self.tenant.id)
        if found is None:
            raise NotFound("No sign-in is set up here.")
        return found


members = access.member(MembersView.as_view())
member = access.member(MemberView.as_view())
invitations = access.member(InvitationsView.as_view())
invitation = access.member(InvitationView.as_view())
provider = access.member(ProviderView.as_view())
