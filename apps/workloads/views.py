"""The registry's pages."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts import actions as tokens
from apps.accounts import queries as token_queries
from apps.tenants.roles import has_right
from apps.workloads import actions, queries
from apps.workloads.access import on_workload
from apps.workloads.forms import PostureForm, TokenForm, VersionForm, WorkloadForm
from apps.workloads.models import Workload
from portal.access import member, requires
from portal.actor import Actor
from portal.errors import PortalError
from portal.requests import InTenant

PAGE = 50


def may_register(actor: Actor) -> bool:
    return has_right(actor, "workload.register")


def may_manage_tokens(actor: Actor) -> bool:
    return actor.is_person and has_right(actor, "token.manage")


@member
def workload_list(request: InTenant, slug: str) -> HttpResponse:
    rows = queries.visible(request.tenant.id, request.actor).select_related("owner", "serving_version")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "workloads/list.html", {"page": page, "may_register": may_register(request.actor)})


@requires(may_register, "workload.register")
def register(request: InTenant, slug: str) -> HttpResponse:
    form = WorkloadForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            workload = actions.register_workload(
                tenant_id=request.tenant.id, owner=request.user, actor=request.actor, **form.cleaned_data
            )
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("workload", slug, workload.key)
    return _form(request, form, "Register a workload", "It starts as a candidate in Pilot, paused, with no authority.")


@on_workload("manage_workload")
def add_version(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = VersionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.add_version(workload=workload, made_by=request.user, actor=request.actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "The version is registered; it never changes from here on.")
            return redirect("workload", slug, workload.key)
    return _form(
        request, form, f"A new version of {workload.name}", "A changed prompt, model or tool is a new version."
    )


@require_POST
@on_workload("see_workload")
def set_posture(request: InTenant, slug: str, workload: Workload) -> HttpResponse:
    form = PostureForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Name a posture and a reason.")
    else:
        if not has_right(request.actor, "posture.set"):
            queries.workload_for(request.tenant.id, request.actor, workload.key, "manage_workload")
        actions.set_posture(workload=workload, actor=request.actor, **form.cleaned_data)
        messages.success(request, f"The posture is {workload.get_posture_display()}.")
    return redirect("workload", slug, workload.key)


@requires(may_manage_tokens, "token.manage")
def token_page(request: InTenant, slug: str) -> HttpResponse:
    """Tokens, and a new one with the lines to paste."""
    choices = list(queries.workloads(request.tenant.id)[:500])
    form, raw = TokenForm(request.POST or None, choices=choices), ""
    if request.method == "POST" and form.is_valid():
        now, data = timezone.now(), form.cleaned_data
        _, raw = tokens.create_token(
            tenant_id=request.tenant.id,
            name=data["name"],
            scopes=data["scopes"],
            expires_at=now + timedelta(days=data["days"]),
            workload_ids=[UUID(i) for i in data["workloads"]],
            created_by=request.user,
            actor=request.actor,
            now=now,
        )
    page = Paginator(token_queries.token_list(request.tenant.id), PAGE).get_page(request.GET.get("page"))
    names = {workload.id: workload.key for workload in choices}
    context = {
        "form": form,
        "raw": raw,
        "page": page,
        "names": names,
        "base_url": request.build_absolute_uri("/").rstrip("/"),
        "example": choices[0].key if choices else "W-01",
    }
    return render(request, "accounts/tokens.html", context)


@require_POST
@requires(may_manage_tokens, "token.manage")
def revoke_token(request: InTenant, slug: str, token_id: UUID) -> HttpResponse:
    token = token_queries.token(request.tenant.id, token_id)
    tokens.revoke_token(token=token, actor=request.actor, now=timezone.now())
    messages.success(request, f"{token.name} is revoked.")
    return redirect("tokens", slug)


def _form(request: InTenant, form: WorkloadForm | VersionForm, title: str, answer: str) -> HttpResponse:
    status = 400 if form.errors else 200
    return render(request, "workloads/form.html", {"form": form, "heading": title, "answer": answer}, status=status)
