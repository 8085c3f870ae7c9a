from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from apps.tenants import actions
from apps.tenants.models import Membership, Team, Tenant
from apps.tenants.roles import Role
from portal.admin.base import ActionAdmin, PlatformAdmin


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
    actions = ["end_memberships"]

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
