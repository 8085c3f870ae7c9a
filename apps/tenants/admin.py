from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.sessions import name_of
from apps.tenants import actions, invitations, provider, queries
from apps.tenants.models import Invitation, Membership, ProviderIdentity, SignInProvider, Team, Tenant
from apps.tenants.roles import Role
from portal.admin.base import ActionAdmin, PlatformAdmin, TenantAdmin


@admin.register(Tenant)
class TenantsAdmin(PlatformAdmin):
    """All tenants, for operators. One is made by ``manage.py create_tenant``."""

    list_display = ["slug", "name", "time_zone", "created_at"]
    search_fields = ["slug", "name"]
    fields = ["slug", "name", "time_zone"]


class RolesForm(forms.ModelForm):  # type: ignore[type-arg]
    roles = forms.MultipleChoiceField(choices=Role.choices, widget=forms.CheckboxSelectMultiple, required=False)

    class Meta:
        model = Membership
        fields = ["roles"]


@admin.register(Membership)
class MembershipAdmin(ActionAdmin):
    form = RolesForm
    editable = ("roles",)
    list_display = ["user", "roles", "ended_at", "created_at"]
    list_select_related = ["user"]
    fields = ["user", "roles", "ended_at", "created_at", "sessions"]
    actions = ["end_memberships", "end_sessions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "sessions"]

    @admin.display(description="Signed in here")
    def sessions(self, obj: Membership) -> str:
        """Never the key of a session, which would be the session."""
        ended = queries.ended_here(obj.tenant_id)
        here = queries.sessions_here(obj.tenant_id, obj.user_id)
        rows = [row for row in here if name_of(row.session_key) not in ended]
        lines = [f"{row.begun_at:%Y-%m-%d %H:%M} UTC from {row.address or '?'}: {row.device}" for row in rows]
        return "\n".join(lines) or "nowhere"

    @admin.action(description="End all their sessions in this tenant", permissions=["view"])
    def end_sessions(self, request: HttpRequest, queryset: Any) -> None:
        for member in queryset:
            for session in queries.sessions_here(member.tenant_id, member.user_id):
                actions.end_session_here(tenant_id=member.tenant_id, session=session, actor=request.actor)  # type: ignore[attr-defined]

    @admin.action(description="End the membership: shut out at once", permissions=["view"])
    def end_memberships(self, request: HttpRequest, queryset: Any) -> None:
        for member in queryset:
            actions.end_membership(member=member, actor=request.actor, now=timezone.now())  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        actions.set_roles(member=obj, roles=form.cleaned_data["roles"], actor=self.member(request))


@admin.register(Team)
class TeamAdmin(ActionAdmin):
    """How many rollouts a team carries at once is set here (ROLL-9)."""

    editable = ("rollouts_at_once",)
    list_display = ["slug", "name", "rollouts_at_once", "created_at"]
    search_fields = ["slug", "name"]

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        at_once = form.cleaned_data["rollouts_at_once"]
        actions.limit_rollouts(team=obj, at_once=at_once, actor=self.member(request), reason=self.reason(request))


@admin.register(Invitation)
class InvitationAdmin(TenantAdmin):
    """Sent on the people's page, which has the form."""

    list_display = ["email", "roles", "invited_by", "sent_at", "expires_at", "accepted_at", "revoked_at"]
    list_select_related = ["invited_by"]
    fields = ["email", "roles", "invited_by", "sent_at", "expires_at", "accepted_at", "accepted_by", "revoked_at"]
    actions = ["revoke", "resend"]

    @admin.action(description="Revoke: the link counts no more", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        for invitation in queryset:
            invitations.revoke(invitation=invitation, actor=self.member(request), now=timezone.now())

    @admin.action(description="Send anew, for another week", permissions=["view"])
    def resend(self, request: HttpRequest, queryset: Any) -> None:
        for invitation in queryset:
            invitations.resend(invitation=invitation, actor=self.member(request), now=timezone.now())


@admin.register(SignInProvider)
class SignInProviderAdmin(TenantAdmin):
    """Set on the sign-in page; its secret is shown nowhere."""

    list_display = ["issuer", "client_id", "domains", "enforces_mfa", "is_only_way"]
    fields = ["issuer", "client_id", "domains", "enforces_mfa", "is_only_way", "created_at"]


@admin.register(ProviderIdentity)
class ProviderIdentityAdmin(TenantAdmin):
    list_display = ["user", "issuer", "subject", "last_used_at"]
    list_select_related = ["user"]
    fields = ["user", "issuer", "subject", "created_at", "last_used_at"]
    actions = ["unbind"]

    @admin.action(description="Unbind: the next sign-in binds anew", permissions=["view"])
    def unbind(self, request: HttpRequest, queryset: Any) -> None:
        for identity in queryset:
            provider.unbind(identity=identity, actor=self.member(request))
