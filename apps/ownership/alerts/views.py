"""Alerts and incidents as pages, made for a phone at night: what is wrong, who has it, one button."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.ownership.alerts import actions, incidents, links, presenter, queries, simulate
from apps.ownership.alerts.forms import CommanderForm, HandOverForm, MaintenanceForm, NoteForm
from apps.ownership.models import Alert, Notification
from apps.ownership.models.alerts import AlertState
from apps.tenants import queries as tenants
from apps.tenants.models import Tenant
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.access import credential, member
from portal.actor import Actor
from portal.errors import Invalid, NotFound
from portal.requests import InTenant
from portal.tenancy.context import tenant_transaction

PAGE = 25


@member
def alert_list(request: InTenant, slug: str) -> HttpResponse:
    """What is open, the newest first; all there ever was with ``?all``."""
    every = "all" in request.GET
    page = Paginator(queries.alerts(request.tenant.id, is_open=None if every else True), PAGE).get_page(
        request.GET.get("page")
    )
    context = {"page": page, "every": every, "counted": queries.counted(request.tenant.id), "now": timezone.now()}
    return render(request, "ownership/alerts.html", context)


@member
def alert_page(request: InTenant, slug: str, alert_id: UUID) -> HttpResponse:
    """One alert: its state, the buttons, who is woken next, its story and its delivery log."""
    alert, now = queries.alert(request.tenant.id, alert_id), timezone.now()
    may, beside = actions.may_act(alert, request.actor), queries.beside(alert)
    context = {
        "alert": alert,
        "story": presenter.story(alert),
        "members": beside.members[:100],
        "ahead": presenter.ahead(alert, now),
        "may": may,
        "form": _hand_over_form(beside, None) if may and alert.is_open else None,
        "now": now,
    }
    return render(request, "ownership/alert.html", context)


@require_POST
@member
def act(request: InTenant, slug: str, alert_id: UUID, verb: str) -> HttpResponse:
    """Acknowledge, escalate, resolve or hand over, as it stood when the button was drawn."""
    alert = queries.alert(request.tenant.id, alert_id)
    actions.refuse_strangers(alert, request.actor)
    messages.success(request, _do(request, alert, verb, request.actor, request.user))
    return redirect("alert", slug, alert.id)


@require_POST
@on_workload("operate_workload")
def call_drill(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Open a simulated alert."""
    alert = simulate.simulate(workload=workload, actor=request.actor, now=timezone.now())
    messages.success(request, "The drill is open: whoever is on call is woken now.")
    return redirect("alert", slug, alert.id)


@require_POST
@on_workload("operate_workload")
def hold(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Maintenance: nobody is woken further for a workload for a while."""
    form = MaintenanceForm(request.POST)
    if not form.is_valid():
        raise Invalid("maintenance", "Say for how many minutes (5 to a week), and why.")
    now = timezone.now()
    actions.hold(
        workload=workload,
        start=now,
        end=now + timedelta(minutes=form.cleaned_data["minutes"]),
        by=request.user,
        actor=request.actor,
        now=now,
        reason=form.cleaned_data["reason"],
    )
    messages.success(request, "Nobody is woken further until then; what comes due meanwhile fires once at the end.")
    return redirect("workload_people", slug, workload.key)


@require_POST
@on_workload("operate_workload")
def release(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """End maintenance: what was held is due at once."""
    actions.release_all(workload=workload, actor=request.actor, now=timezone.now())
    messages.success(request, "Ended: what was held climbs on now.")
    return redirect("workload_people", slug, workload.key)


@credential
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """What a link in a message leads to. Looking changes nothing; a button, pressed by a person, does."""
    named = links.read(token)
    with tenant_transaction(named.tenant_id):
        rows = Notification.objects.filter(tenant=named.tenant_id, id=named.intent_id, alert__isnull=False)
        intent = rows.select_related("person").first()
        membership = tenants.membership(named.tenant_id, intent.person_id) if intent and intent.person_id else None
        if intent is None or membership is None or intent.alert_id is None or intent.person is None:
            raise NotFound()
        alert = queries.alert(named.tenant_id, intent.alert_id)
        said = ""
        if request.method == "POST":
            said = _by_link(request, alert, intent, intent.person)
            alert = queries.alert(named.tenant_id, intent.alert_id)
        context = {
            "alert": alert,
            "intent": intent,
            "said": said,
            "tenant": Tenant.objects.get(id=named.tenant_id),
            "is_stale": alert.round != intent.round,
            "form": _hand_over_form(queries.beside(alert), None) if alert.is_open else None,
            "now": timezone.now(),
        }
        return render(request, "ownership/link.html", context)


@member
def incident_list(request: InTenant, slug: str) -> HttpResponse:
    page = Paginator(queries.incidents(request.tenant.id), PAGE).get_page(request.GET.get("page"))
    return render(request, "ownership/incidents.html", {"page": page, "now": timezone.now()})


@member
def incident_page(request: InTenant, slug: str, incident_id: UUID) -> HttpResponse:
    """Who commands, which alerts it is made of, and what happened when."""
    incident = queries.incident(request.tenant.id, incident_id)
    others = queries.incidents(request.tenant.id).filter(resolved_at=None).exclude(id=incident.id)
    context = {
        "incident": incident,
        "alerts": list(queries.alerts(request.tenant.id).filter(incident=incident.id)[:100]),
        "story": presenter.incident_story(incident),
        "note": NoteForm(),
        "commander": CommanderForm(
            people=_people(request.tenant.id), initial={"commander": str(incident.commander_id or request.user.id)}
        ),
        "others": list(others[:PAGE]),
        "now": timezone.now(),
    }
    return render(request, "ownership/incident.html", context)


@require_POST
@member
def change_incident(request: InTenant, slug: str, incident_id: UUID, verb: str) -> HttpResponse:
    """Name a commander, write a note, or make two incidents one."""
    incident, now = queries.incident(request.tenant.id, incident_id), timezone.now()
    incidents.refuse_strangers(incident, request.actor)
    if verb == "note":
        incidents.note(incident=incident, text=_text(request, "text"), actor=request.actor, now=now)
    elif verb == "command":
        chosen = _chosen(request, "commander")
        incidents.name_commander(incident=incident, commander=chosen, actor=request.actor, now=now)
    else:
        into = queries.incident(request.tenant.id, _uuid(request.POST.get("into", "")))
        incidents.refuse_strangers(into, request.actor)
        commander = _chosen(request, "commander") if request.POST.get("commander") else None
        incidents.merge(incident=incident, into=into, commander=commander, actor=request.actor, now=now)
        incident = into
    messages.success(request, "Saved.")
    return redirect("incident", slug, incident.id)


def _do(request: HttpRequest, alert: Alert, verb: str, actor: Actor, by: User) -> str:
    now = timezone.now()
    if verb == "acknowledge":
        actions.acknowledge(alert=alert, by=by, actor=actor, now=now, round_seen=_number(request, "round"))
        return "It is yours: nobody else is woken."
    if verb == "escalate":
        actions.escalate(alert=alert, actor=actor, now=now, entry_seen=_number(request, "entry"))
        return "The next step is woken now."
    if verb == "resolve":
        actions.resolve(alert=alert, actor=actor, now=now, reason=_text(request, "reason"))
        return "Resolved."
    form = _hand_over_form(queries.beside(alert), request.POST)
    if not form.is_valid():
        raise Invalid("to", "Choose to whom, and say why.")
    kind, which = form.chosen()
    to = User.objects.get(id=which) if kind == "person" else tenants.teams(alert.tenant_id).get(id=which)
    actions.hand_over(alert=alert, to=to, actor=actor, now=now, reason=form.cleaned_data["reason"])
    return f"Handed over to {to}."


def _by_link(request: HttpRequest, alert: Alert, intent: Notification, person: User) -> str:
    """As the person whose message it was, and only on this alert; a message of an earlier round does nothing."""
    verb = request.POST.get("verb", "")
    if verb not in {"acknowledge", "escalate", "resolve", "hand_over"}:
        raise Invalid("verb", "Choose one of the buttons.")
    if alert.round != intent.round or alert.state == AlertState.RESOLVED:
        return "Nothing was done: this message is about an earlier state of the alert."
    actor = Actor(kind="person", id=person.id, user_id=person.id, label=f"{person.email} by link", scopes=frozenset())
    return _do(request, alert, verb, actor, person)


def _hand_over_form(beside: queries.Beside, data: Any) -> HandOverForm:
    return HandOverForm(data, people=beside.people, teams=beside.teams)


def _people(tenant_id: UUID) -> list[tuple[str, str]]:
    return [(str(row.user_id), row.user.name) for row in tenants.members(tenant_id)]


def _chosen(request: InTenant, name: str) -> User:
    found = tenants.membership(request.tenant.id, _uuid(request.POST.get(name, "")))
    if found is None:
        raise Invalid(name, "Choose a member of this tenant.")
    return found.user


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("id", "Choose one from the list.") from error


def _text(request: HttpRequest, name: str) -> str:
    """What was typed, without the one character that can't be stored."""
    return request.POST.get(name, "").replace("\0", "")


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    if not text.isdecimal() or len(text) > 9:
        raise Invalid(name, "Press the button on the page.")
    return int(text)
