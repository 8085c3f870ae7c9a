"""Calendars out and in, and temporary schedules, as pages; and the feed that calendars read."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.models import User
from apps.ownership import actions, queries
from apps.ownership.calendars import feeds, importing
from apps.ownership.calendars.forms import CalendarForm, TemporaryForm, ahead
from apps.ownership.channels.words import absolute
from apps.ownership.models import Rota
from apps.tenants import queries as tenants
from portal.access import credential, member
from portal.errors import PortalError
from portal.requests import InTenant
from portal.tenancy.context import tenant_transaction


@require_GET
@credential
def read(request: HttpRequest, token: str) -> HttpResponse:
    """What a calendar subscribes to. The address is the credential."""
    found = feeds.known(token)
    with tenant_transaction(found.tenant_id):
        body = feeds.text(found, timezone.now())
    answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    answer.headers["Content-Disposition"] = 'inline; filename="on-call.ics"'
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer


@member
def calendars(request: InTenant, slug: str) -> HttpResponse:
    """My addresses, to subscribe to and to revoke."""
    rows = feeds.feeds(request.tenant.id, request.user.id)
    context = {
        "feeds": [(row, absolute(feeds.address(row))) for row in rows],
        "rotas": list(queries.rotas(request.tenant.id)[:200]),
        "now": timezone.now(),
    }
    return render(request, "ownership/calendars.html", context)


@require_POST
@member
def make(request: InTenant, slug: str) -> HttpResponse:
    wanted = request.POST.get("rota", "")
    rota = queries.rota(request.tenant.id, _id(wanted)) if wanted else None
    feeds.make(tenant_id=request.tenant.id, person=request.user, rota=rota, actor=request.actor, now=timezone.now())
    messages.success(request, "Copy the address into your calendar. Whoever has it reads your shifts.")
    return redirect("calendars", slug)


@require_POST
@member
def revoke(request: InTenant, slug: str, feed_id: UUID) -> HttpResponse:
    found = feeds.mine(request.tenant.id, request.user.id, feed_id)
    feeds.revoke(found=found, actor=request.actor, now=timezone.now())
    messages.success(request, "Revoked: nobody reads anything there any more.")
    return redirect("calendars", slug)


@member
def import_calendar(request: InTenant, slug: str, rota_id: UUID) -> HttpResponse:
    """Look what a calendar says, where its holes and doubles are; then take it over for that time."""
    rota, now = queries.rota(request.tenant.id, rota_id), timezone.now()
    form = CalendarForm(
        request.POST or None, request.FILES or None, initial=ahead(now, rota.zone), **_common(request, rota)
    )
    found = None
    if request.method == "POST" and form.is_valid():
        asked: dict[str, Any]
        try:
            asked = {"start": form.instant("start"), "end": form.instant("end")}
            asked |= {"rota": rota, "text": form.cleaned_data["text"], "actor": request.actor}
            found = importing.report(**asked)
            if "import" in request.POST:
                fallback = _fallback(form)
                importing.take_over(**asked, fallback=fallback, by=request.user, now=now)
                messages.success(request, "Imported: for that time nothing else counts.")
                return redirect("rota", slug, rota.id)
        except PortalError as error:
            form.add_error(None, error.message)
    if form.is_bound and not form.errors:
        # The file was read; its text stays in the form, to be imported as it was looked at.
        form = CalendarForm({**request.POST.dict(), "text": form.cleaned_data["text"]}, **_common(request, rota))
    context = {"rota": rota, "form": form, "found": found, "now": now}
    return render(request, "ownership/import.html", context, status=400 if form.errors else 200)


@member
def temporary(request: InTenant, slug: str, rota_id: UUID) -> HttpResponse:
    """For a while nothing else counts."""
    rota, now = queries.rota(request.tenant.id, rota_id), timezone.now()
    form = TemporaryForm(request.POST or None, initial=ahead(now, rota.zone), **_common(request, rota))
    if request.method == "POST" and form.is_valid():
        try:
            users = tenants.members_by_email(request.tenant.id, form.addresses())
            actions.make_temporary(
                rota=rota,
                start=form.instant("start"),
                end=form.instant("end"),
                spans=form.spans({address: user.id for address, user in users.items()}),
                fallback=_fallback(form),
                by=request.user,
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                now=now,
            )
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Saved: for that time nothing else counts.")
            return redirect("rota", slug, rota.id)
    answer = f"For a while nothing else counts on {rota.name}. Local times are {rota.zone}."
    context = {"form": form, "heading": "A temporary schedule", "answer": answer}
    return render(request, "workloads/form.html", context, status=400 if form.errors else 200)


@require_POST
@member
def cancel_temporary(request: InTenant, slug: str, rota_id: UUID, temporary_id: UUID) -> HttpResponse:
    rota = queries.rota(request.tenant.id, rota_id)
    row = queries.temporary(rota, temporary_id)
    actions.cancel_temporary(temporary=row, actor=request.actor, now=timezone.now())
    messages.success(request, "Cancelled from now on: the rotations count again.")
    return redirect("rota", slug, rota.id)


def _common(request: InTenant, rota: Rota) -> dict[str, Any]:
    people = [(str(row.user_id), row.user.name) for row in tenants.members(request.tenant.id)]
    return {"members": people, "zone": rota.zone}


def _fallback(form: CalendarForm | TemporaryForm) -> User | None:
    chosen = form.chosen()
    return User.objects.get(id=chosen) if chosen else None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
