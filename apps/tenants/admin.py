from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.sessions import name_of
from apps.tenants import actions, invitations, provider, queries, setup_views  # noqa: F401 (registers its pages)
from apps.tenants.models import Invitation, Membership, ProviderIdentity, SignInProvider, Team, Tenant
from apps.tenants.roles import Role
from portal.admin import limits
from portal.admin.base import ActionAdmin, PlatformAdmin, TenantAdmin
from portal.admin.bulk import confirmed
from portal.admin.lenses import Lens
from portal.admin.limits import Limit
from portal.directory import TenantLike
from portal.requests import InTenant


@admin.register(Tenant)
class TenantsAdmin(PlatformAdmin):
    """All tenants, for operators. One is set up on its own page, or by ``manage.py create_tenant``."""

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
    lenses = (
        Lens("members", "Members", lambda tenant_id, now: Q(ended_at=None)),
        Lens("former", "Left", lambda tenant_id, now: Q(ended_at__isnull=False)),
        Lens("admins", "Admins", lambda tenant_id, now: Q(ended_at=None, roles__contains=[Role.ADMIN])),
        Lens(
            "one_factor",
            "Members without a second factor",
            lambda tenant_id, now: Q(Q(ended_at=None), ~Exists(Authenticator.objects.filter(user=OuterRef("user")))),
            says="Members without a second factor of their own",
            rank=75,
        ),
    )
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

    @confirmed(
        "End all their sessions in this tenant",
        happens="They are signed out of this tenant at once; what they do in others goes on.",
    )
    def end_sessions(self, request: InTenant, member: Membership, reason: str) -> None:
        for session in queries.sessions_here(member.tenant_id, member.user_id):
            actions.end_session_here(tenant_id=member.tenant_id, session=session, actor=request.actor, reason=reason)

    @confirmed("End the membership: shut out at once", happens="They are no members from the next request on.")
    def end_memberships(self, request: InTenant, member: Membership, reason: str) -> None:
        actions.end_membership(member=member, actor=request.actor, now=timezone.now(), reason=reason)

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

    lenses = (
        Lens(
            "open",
            "Open",
            lambda tenant_id, now: Q(accepted_at=None, revoked_at=None, expires_at__gt=now),
            says="Invitations that nobody has taken up yet",
            rank=80,
        ),
        Lens(
            "expired",
            "Expired",
            lambda tenant_id, now: Q(accepted_at=None, revoked_at=None, expires_at__lte=now),
        ),
    )
    ordering = ["-sent_at"]
    list_display = ["email", "roles", "invited_by", "sent_at", "expires_at", "accepted_at", "revoked_at"]
    list_select_related = ["invited_by"]
    fields = ["email", "roles", "invited_by", "sent_at", "expires_at", "accepted_at", "accepted_by", "revoked_at"]
    actions = ["revoke", "resend"]

    @confirmed("Revoke: the link counts no more", happens="The mail that was sent leads nowhere.")
    def revoke(self, request: InTenant, invitation: Invitation, reason: str) -> None:
        common: dict[str, Any] = {"actor": self.member(request), "now": timezone.now(), "reason": reason}
        invitations.revoke(invitation=invitation, **common)

    @confirmed("Send anew, for another week", happens="A new mail goes out; the link in the former one counts no more.")
    def resend(self, request: InTenant, invitation: Invitation, reason: str) -> None:
        common: dict[str, Any] = {"actor": self.member(request), "now": timezone.now(), "reason": reason}
        invitations.resend(invitation=invitation, **common)


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

    @confirmed("Unbind: the next sign-in binds anew", happens="Their sessions through the provider end.")
    def unbind(self, request: InTenant, identity: ProviderIdentity, reason: str) -> None:
        provider.unbind(identity=identity, actor=self.member(request), reason=reason)


@limits.limits
def people_limits(tenant: TenantLike, now: datetime) -> list[Limit]:
    sent = invitations.sent_today(tenant.id, now)
    return [Limit("Invitations in 24 hours", f"{invitations.MOST_A_DAY}", used=sent)]
