"""How a team is woken: its escalation policy with a preview, its channels, and the ways alerts come in."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.ownership.access import may_change
from apps.ownership.alerts import policies, presenter
from apps.ownership.alerts.escalation import Policy
from apps.ownership.alerts.forms import IntegrationForm, PolicyForm
from apps.ownership.alerts.inbound import integrations
from apps.ownership.alerts.scene import Scene, scene
from apps.ownership.channels import queries as channels
from apps.ownership.channels.forms import ChannelForm
from apps.ownership.channels.words import absolute
from apps.ownership.models import Channel
from apps.ownership.models.alerts import Severity
from apps.tenants import queries as tenants
from apps.tenants.models import Team
from apps.workloads.models import Workload
from portal.access import member
from portal.errors import PortalError
from portal.requests import InTenant

PAGE = 25


@member
def team_page(request: InTenant, slug: str, team: str) -> HttpResponse:
    """Who would be woken when, for an alert now; where the team reads; and what may send."""
    found, now = tenants.team(request.tenant.id, team), timezone.now()
    version = policies.current(request.tenant.id, found.id)
    policy, like = policies.as_policy(version), presenter.alert_like(found)
    stage, rows = scene(request.tenant.id, [like], now), list(channels.of_team(request.tenant.id, found.id))
    context = {
        "team": found,
        "version": version,
        "empty": _always_empty(found, policy, stage, now),
        "waves": presenter.waves(like, policy, stage, rows, now),
        "channels": rows,
        "integrations": list(integrations.integrations(request.tenant.id).filter(team=found.id)[:PAGE]),
        "channel_form": ChannelForm(),
        "integration_form": IntegrationForm(workloads=_workloads(request)),
        "may": may_change(request.actor, found.id),
        "now": now,
    }
    return render(request, "ownership/team.html", context)


@member
def set_policy(request: InTenant, slug: str, team: str) -> HttpResponse:
    """The editor; “Preview” shows who would be woken without saving anything."""
    found, now = tenants.team(request.tenant.id, team), timezone.now()
    version = policies.current(request.tenant.id, found.id)
    policy = policies.as_policy(version)
    rows = list(channels.of_team(request.tenant.id, found.id))
    form = _policy_form(request, rows, policy, version.wakes)
    if request.method == "POST" and form.is_valid():
        policy = form.policy()
        if "preview" not in request.POST:
            try:
                wakes = Severity(form.cleaned_data["wakes"])
                policies.set_policy(team=found, policy=policy, wakes=wakes, actor=request.actor, now=now)
            except PortalError as error:
                form.add_error(None, error.message)
            else:
                messages.success(request, "Saved. Alerts that are open keep the policy they opened under.")
                return redirect("answering_team", slug, found.slug)
    like = presenter.alert_like(found)
    waves = presenter.waves(like, policy, scene(request.tenant.id, [like], now), rows, now)
    context = {"team": found, "form": form, "waves": waves, "now": now}
    return render(request, "ownership/policy.html", context, status=400 if form.errors else 200)


@require_POST
@member
def add_integration(request: InTenant, slug: str, team: str) -> HttpResponse:
    found = tenants.team(request.tenant.id, team)
    form = IntegrationForm(request.POST, workloads=_workloads(request))
    if not form.is_valid():
        return _form(request, form, "A way in")
    made = integrations.create(team=found, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    return redirect("integration", slug, made.id)


@member
def integration_page(request: InTenant, slug: str, integration_id: UUID) -> HttpResponse:
    """What a sender needs, how to set it up, and what came in lately."""
    found = integrations.integration(request.tenant.id, integration_id)
    may = may_change(request.actor, found.team_id)
    context = {
        "integration": found,
        "address": absolute(integrations.address(found)),
        "credential": integrations.credential(found) if may and found.revoked_at is None else "",
        "page": Paginator(integrations.events(found), PAGE).get_page(request.GET.get("page")),
        "may": may,
        "now": timezone.now(),
    }
    return render(request, "ownership/integration.html", context)


@require_POST
@member
def revoke_integration(request: InTenant, slug: str, integration_id: UUID) -> HttpResponse:
    found = integrations.integration(request.tenant.id, integration_id)
    integrations.revoke(integration=found, actor=request.actor, now=timezone.now())
    messages.success(request, "Revoked: nothing comes in by it any more.")
    return redirect("integration", slug, found.id)


def _always_empty(team: Team, policy: Policy, stage: Scene, now: datetime) -> list[int]:
    """The numbers of steps that would wake nobody in the month ahead either."""
    reaches = policies.could_reach(team, stage, now)
    return [n for n, step in enumerate(policy.steps, start=1) if not reaches(step)]


def _policy_form(request: InTenant, rows: list[Channel], policy: Policy, wakes: str) -> PolicyForm:
    people = [(str(row.user_id), row.user.name) for row in tenants.members(request.tenant.id)]
    zone = request.tenant.time_zone
    named = [(str(row.id), str(row)) for row in rows if row.verified_at is not None]
    initial = PolicyForm.initial_of(policy, wakes)
    return PolicyForm(request.POST or None, initial=initial, current=policy, people=people, channels=named, zone=zone)


def _workloads(request: InTenant) -> QuerySet[Workload]:
    return Workload.objects.filter(tenant=request.tenant.id, retired_at=None).order_by("key")


def _form(request: InTenant, form: Any, heading: str) -> HttpResponse:
    return render(request, "workloads/form.html", {"form": form, "heading": heading, "answer": ""}, status=400)
