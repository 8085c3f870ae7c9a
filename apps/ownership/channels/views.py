"""One's own channels, when one wants to be told where, and when one is away; a team's channels."""

from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.ownership.channels import actions, queries
from apps.ownership.channels.forms import AFTER, AbsenceForm, ChannelForm, CodeForm, RuleForm
from apps.ownership.channels.send import secret_of
from apps.ownership.channels.signing import secret_text
from apps.ownership.models import Channel
from apps.ownership.models.channels import ChannelKind, Urgency
from apps.ownership.rotation import resolve
from apps.tenants import queries as tenants
from apps.tenants.actions import set_time_zone
from apps.tenants.models import Team
from portal.access import member
from portal.errors import Invalid, PortalError
from portal.instants import sane
from portal.requests import InTenant


@member
def mine(request: InTenant, slug: str) -> HttpResponse:
    """How I am woken."""
    rows, now = list(queries.mine(request.tenant.id, request.user.id)), timezone.now()
    rules = queries.rules(request.tenant.id, request.user.id)
    paged = {channel: after for (channel, urgency), after in rules.items() if urgency == Urgency.PAGE}
    absences = queries.absences(request.tenant.id, now).filter(person=request.user.id)
    context = {
        "channels": [(row, str(paged.get(row.id, "")), _secret(row)) for row in rows],
        "usable": [row for row in rows if row.verified_at],
        "is_ruled": bool(paged),
        "after_choices": AFTER,
        "form": ChannelForm(),
        "code": CodeForm(),
        "absences": list(absences[:20]),
        "absence_form": AbsenceForm(),
        "zone": tenants.zone_of(request.tenant.id).key,
        "zones": sorted(available_timezones()),
        "now": now,
    }
    return render(request, "ownership/channels.html", context)


@require_POST
@member
def add(request: InTenant, slug: str, team: str = "") -> HttpResponse:
    owner: User | Team = tenants.team(request.tenant.id, team) if team else request.user
    form = ChannelForm(request.POST)
    if form.is_valid():
        try:
            actions.add_channel(
                tenant_id=request.tenant.id,
                owner=owner,
                kind=ChannelKind(form.cleaned_data["kind"]),
                address=form.cleaned_data["address"],
                name=form.cleaned_data["name"],
                actor=request.actor,
                now=timezone.now(),
            )
        except Invalid as error:
            form.add_error("address", error.message)
        else:
            messages.success(request, "A code is on its way there; enter it here, and the channel counts.")
            return _back(slug, owner)
    context = {"form": form, "heading": "A channel", "answer": "Where messages may reach you."}
    return render(request, "workloads/form.html", context, status=400)


@require_POST
@member
def change(request: InTenant, slug: str, channel_id: UUID, verb: str) -> HttpResponse:
    """Enter its code, ask for another, say when it is used, or remove it."""
    row, now = queries.channel(request.tenant.id, request.actor, channel_id), timezone.now()
    try:
        said = _change(request, row, verb, now)
    except PortalError as error:
        messages.error(request, error.message)
        return _back(slug, row.person or row.team)
    messages.success(request, said)
    return _back(slug, row.person or row.team)


@require_POST
@member
def plan_absence(request: InTenant, slug: str) -> HttpResponse:
    form, zone = AbsenceForm(request.POST), tenants.zone_of(request.tenant.id)
    if not form.is_valid():
        raise Invalid("span", "Say from when until when.")
    start, end = (resolve(sane(form.cleaned_data[n].replace(tzinfo=None), n), zone) for n in ("start", "end"))
    actions.plan_absence(
        tenant_id=request.tenant.id,
        person=request.user,
        start=start,
        end=end,
        note=form.cleaned_data["note"],
        actor=request.actor,
        now=timezone.now(),
    )
    messages.success(request, "Noted. Shifts in that time are shown as a clash; swap them or have them overridden.")
    return redirect("my_channels", slug)


@require_POST
@member
def cancel_absence(request: InTenant, slug: str, absence_id: UUID) -> HttpResponse:
    row = queries.absence(request.tenant.id, absence_id)
    actions.cancel_absence(absence=row, actor=request.actor, now=timezone.now())
    messages.success(request, "Cancelled.")
    return redirect("my_channels", slug)


@require_POST
@member
def set_zone(request: InTenant, slug: str) -> HttpResponse:
    """Where I am, for the times that I and others are shown."""
    set_time_zone(user=request.user, zone=request.POST.get("zone", ""), actor=request.actor)
    messages.success(request, "Saved.")
    return redirect("my_channels", slug)


def _change(request: InTenant, row: Channel, verb: str, now: datetime) -> str:
    if verb == "confirm":
        actions.confirm(channel=row, code=request.POST.get("code", "")[:20], actor=request.actor, now=now)
        return "Verified: from now on it counts."
    if verb == "code":
        actions.send_code(channel=row, actor=request.actor, now=now)
        return "A new code is on its way; the former one counts no more."
    if verb == "rule":
        form = RuleForm(request.POST)
        if not form.is_valid():
            raise Invalid("rule", "Choose when.")
        actions.set_rule(channel=row, urgency=Urgency.PAGE, after=form.wanted(), actor=request.actor)
        return "Saved."
    actions.remove_channel(channel=row, actor=request.actor, now=now)
    return "Removed: nothing goes there any more."


def _secret(row: Channel) -> str:
    return secret_text(secret_of(row.id)) if row.kind == ChannelKind.WEBHOOK else ""


def _back(slug: str, owner: User | Team | None) -> HttpResponse:
    if isinstance(owner, Team):
        return redirect("answering_team", slug, owner.slug)
    return redirect("my_channels", slug)
