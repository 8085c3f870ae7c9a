"""What a workload's team sees: the board, themes, trust, the desk and the widgets (FEED-2, FEED-3, FEED-5)."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.feedback import counting, desks, presenter, queries, triage
from apps.feedback.forms import AnswerForm, DeskForm, SettleForm, ThemeForm, WidgetForm
from apps.feedback.models import Desk
from apps.feedback.rules import CATEGORIES, Category
from apps.feedback.widget import actions as widgets
from apps.tenants.queries import members, zone_of
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal import undo
from portal.access import member
from portal.errors import Invalid
from portal.requests import InTenant

PAGE = 25


@on_workload("see_workload")
def board(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """What waits, what may be the same, and what it is about."""
    category = request.GET.get("category", "")
    rows = queries.board(workload)
    if category in set(Category):
        rows = rows.filter(category=category)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    triages = "operate_workload" in workloads.permissions_on(workload, request.actor)
    themes = list(queries.themes(workload.tenant_id, [workload.id])[:50])
    context = {
        "workload": workload,
        "page": page,
        "category": category,
        "categories": CATEGORIES.items(),
        "suggestions": queries.suggestions(workload)[:5] if triages else [],
        "themes": themes,
        "triages": triages,
        "answer_form": AnswerForm(versions=list(workloads.versions(workload)[:50])) if triages else None,
        "unanswered": rows.filter(queries.WAITING).count(),
        "now": timezone.now(),
    }
    return render(request, "feedback/board.html", context)


@require_POST
@on_workload("operate_workload")
def answer_many(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """One answer to all that were ticked, or to none of them."""
    form = AnswerForm(request.POST, versions=list(workloads.versions(workload)[:50]))
    reports = queries.chosen(workload, _ids(request.POST.getlist("report")))
    if not reports or not form.is_valid():
        raise Invalid("answer", "Tick the reports, choose what becomes of them, and answer in words.")
    told = triage.answer_all(
        reports=reports,
        state=form.cleaned_data["state"],
        text=form.cleaned_data["text"],
        fixed_in=form.version(),
        actor=request.actor,
        now=timezone.now(),
    )
    messages.success(request, f"{told} answered; their reporters are told.")
    return redirect("board", slug, workload.key)


@require_POST
@on_workload("operate_workload")
def group(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Put reports into a theme: a person decides, whatever was suggested."""
    themes = list(queries.themes(workload.tenant_id, [workload.id]))
    form = ThemeForm(request.POST, themes=themes)
    if not form.is_valid():
        raise Invalid("theme", "Choose reports and a theme, or name a new one.")
    reports, now = queries.chosen(workload, form.cleaned_data["reports"]), timezone.now()
    theme = next((t for t in themes if str(t.id) == form.cleaned_data["theme"]), None)
    # What was in another theme before wouldn't be put back there.
    can_undo = theme is not None and all(report.theme_id is None for report in reports)
    if theme is None:
        theme = triage.make_theme(
            workload=workload,
            title=form.cleaned_data["title"],
            reports=reports,
            maker=request.user,
            actor=request.actor,
            now=now,
        )
    else:
        triage.group(theme=theme, reports=reports, actor=request.actor, now=now)
    if can_undo:
        ids = [str(report.id) for report in reports]
        back = reverse("ungroup_reports", args=[slug, workload.key])
        undo.offer(request, f"Grouped under “{theme.title}”.", back, report=ids)
    else:
        messages.success(request, f"Grouped under “{theme.title}”.")
    return redirect("theme", slug, theme.id)


@require_POST
@on_workload("operate_workload")
def ungroup_many(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Take reports out of their theme, together."""
    for report in queries.chosen(workload, _ids(request.POST.getlist("report"))):
        triage.ungroup(report=report, actor=request.actor, now=timezone.now())
    messages.success(request, "Taken out of their theme.")
    return redirect("board", slug, workload.key)


@member
def theme_page(request: InTenant, slug: str, theme_id: UUID) -> HttpResponse:
    """What a theme is about and what became of it; its reports for whoever may see the workload."""
    theme = queries.theme(request.tenant.id, theme_id)
    may = workloads.permissions_on(theme.workload, request.actor)
    rows = (
        queries.reports_of_theme(theme)
        if "see_workload" in may
        else queries.mine(request.tenant.id, request.user.id).filter(theme=theme.id)
    )
    context = {
        "theme": theme,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "triages": "operate_workload" in may,
        "form": SettleForm(),
        "has_said": theme.id in queries.said_me_too(request.tenant.id, request.user.id),
        "now": timezone.now(),
    }
    return render(request, "feedback/theme.html", context)


@require_POST
@member
def settle(request: InTenant, slug: str, theme_id: UUID) -> HttpResponse:
    theme = queries.theme(request.tenant.id, theme_id)
    workloads.workload_for(request.tenant.id, request.actor, theme.workload.key, "operate_workload")
    form = SettleForm(request.POST)
    if not form.is_valid():
        raise Invalid("text", "Say what became of it.")
    triage.settle(theme=theme, text=form.cleaned_data["text"], actor=request.actor, now=timezone.now())
    messages.success(request, "Settled; everybody who said “me too” is told.")
    return redirect("theme", slug, theme.id)


@on_workload("see_workload")
def trust(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Do its users still trust it? The share who re-check or redo, by day."""
    now = timezone.now()
    zone = zone_of(workload.tenant_id)
    today = now.astimezone(zone).date()
    rows = counting.days(workload.tenant_id, today, [workload.id]).get(workload.id, [])
    context = {
        "workload": workload,
        "rows": rows[::-1],
        "chart": presenter.trust_chart(rows, zone),
        "trend": counting.trend(rows, today),
        "as_of": max((row.as_of for row in rows), default=None),
        "now": now,
    }
    return render(request, "feedback/trust.html", context)


@on_workload("see_workload")
def desk(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """Who answers, when, and whether they keep up with what comes in."""
    now, found = timezone.now(), desks.desk_of(workload)
    figures = desks.figures(found, now) if found else None
    context = {
        "workload": workload,
        "desk": found,
        "people": desks.people_of(found) if found else [],
        "hours": desks.hours_of(found) if found else [],
        "figures": figures,
        "chart": presenter.load_chart(figures.load) if figures and figures.load else None,
        "may": workloads.permissions_on(workload, request.actor),
        "now": now,
    }
    return render(request, "feedback/desk.html", context)


@on_workload("manage_workload")
def name_desk(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = DeskForm(request.POST or None, members=_people(request), initial=_initial(workload))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            desks.name_desk(
                workload=workload,
                people=form.ids(),
                hours=form.hours(),
                zone=said["zone"].strip(),
                target_minutes=said["target_minutes"],
                expected_reports=said["expected_reports"],
                weekly_shares=said["weeks"],
                actor=request.actor,
                now=timezone.now(),
            )
        except Invalid as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Saved.")
            return redirect("desk", slug, workload.key)
    context = {"workload": workload, "form": form}
    return render(request, "feedback/desk_form.html", context, status=400 if form.errors else 200)


@on_workload("manage_workload")
def widget_list(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    """The widgets of a workload, what to write into a page for each, and a new one."""
    form = WidgetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            widgets.add_widget(
                workload=workload,
                name=form.cleaned_data["name"],
                origins=form.cleaned_data["origins"],
                actor=request.actor,
                now=timezone.now(),
            )
        except Invalid as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Added. It is answered on those pages alone.")
            return redirect("widgets", slug, workload.key)
    page = Paginator(queries.widgets(workload), PAGE).get_page(request.GET.get("page"))
    context = {
        "workload": workload,
        "page": page,
        "form": form,
        "public_url": settings.PUBLIC_URL,
        "now": timezone.now(),
    }
    return render(request, "feedback/widgets.html", context, status=400 if form.errors else 200)


@require_POST
@on_workload("manage_workload")
def revoke_widget(request: InTenant, slug: str, workload: Workload, widget_key: str) -> HttpResponse:
    widget = queries.widget_for(workload.tenant_id, widget_key)
    if widget.workload_id != workload.id:
        raise Invalid("widget", "This widget is of another workload.")
    widgets.revoke_widget(widget=widget, actor=request.actor, now=timezone.now())
    messages.success(request, "Revoked: it is answered nowhere any more.")
    return redirect("widgets", slug, workload.key)


def _ids(raw: list[str]) -> list[UUID]:
    try:
        return [UUID(each) for each in raw]
    except ValueError as error:
        raise Invalid("report", "Tick the reports.") from error


def _people(request: InTenant) -> list[tuple[str, str]]:
    return [(str(m.user_id), f"{m.user.name} ({m.user.email})") for m in members(request.tenant.id)]


def _initial(workload: Workload) -> dict[str, Any]:
    found: Desk | None = desks.desk_of(workload)
    if found is None:
        opening = {f"{end}{day}": at for day in range(5) for end, at in (("opens", "09:00"), ("closes", "17:00"))}
        return {"zone": str(zone_of(workload.tenant_id)), **opening}
    hours: dict[str, Any] = {}
    for each in desks.hours_of(found):
        hours |= {f"opens{each.weekday}": each.opens, f"closes{each.weekday}": each.closes}
    return {
        "people": [str(row.person_id) for row in desks.people_of(found)],
        "zone": found.zone,
        "target_minutes": found.target_minutes,
        "expected_reports": found.expected_reports,
        "weeks": " ".join(map(str, found.weekly_shares)),
        **hours,
    }
