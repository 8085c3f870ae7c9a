"""User tiers and the people in them, for whoever keeps them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from apps.budgets.queries import tier_for
from apps.budgets.tiers import actions, queries, reading
from apps.budgets.tiers.access import MANAGE, may_manage
from apps.budgets.tiers.forms import FileForm, NameForm, TierForm, UserForm
from portal.access import requires
from portal.errors import PortalError
from portal.requests import InTenant

PAGE = 25
LONGEST_SEARCH = 200
manages = requires(may_manage, MANAGE)


@manages
def index(request: InTenant, slug: str) -> HttpResponse:
    """Which tiers there are, and a form for another."""
    rows = queries.counted(request.tenant.id)
    form = TierForm(request.POST or None, tiers=[row.tier for row in rows])
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        like = next((row.tier for row in rows if row.tier.slug == said.pop("like", "")), None)
        try:
            made = actions.add_tier(tenant_id=request.tenant.id, like=like, actor=request.actor, **said)
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            what = f"with the ceilings of {like.name}" if like else "and every workload's gate needs a ceiling for it"
            messages.success(request, f"{made.name} is there, {what}.")
            return redirect("user_tiers", slug)
    context = {"rows": rows, "form": form}
    return render(request, "budgets/tiers.html", context, status=400 if form.errors else 200)


@manages
def one(request: InTenant, slug: str, tier: str) -> HttpResponse:
    """Who is in a tier; and putting somebody there."""
    found = tier_for(request.tenant.id, tier)
    form = UserForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            member = queries.member_at(request.tenant.id, said["member"])
            actions.put_user(tier=found, user=said["user"], label=said["label"], member=member, actor=request.actor)
        except PortalError as error:
            form.add_error(error.code if error.code in form.fields else None, error.message)
        else:
            messages.success(request, f"{said['label'] or 'The user'} is in {found.name} from the next call on.")
            return redirect("user_tier", slug, found.slug)
    sought = request.GET.get("q", "")[:LONGEST_SEARCH]
    rows = queries.counted(request.tenant.id)
    context = {
        "row": next(row for row in rows if row.tier.id == found.id),
        "page": Paginator(queries.people(found, sought), PAGE).get_page(request.GET.get("page")),
        "sought": sought,
        "extra": f"{urlencode({'q': sought})}&" if sought else "",
        "form": form,
        "name_form": NameForm(initial={"name": found.name}, auto_id="rename_%s"),
    }
    return render(request, "budgets/tier.html", context, status=400 if form.errors else 200)


@require_POST
@manages
def rename(request: InTenant, slug: str, tier: str) -> HttpResponse:
    found = tier_for(request.tenant.id, tier)
    form = NameForm(request.POST)
    name = form.cleaned_data["name"] if form.is_valid() else ""
    actions.change_tier(tier=found, name=name, actor=request.actor)
    messages.success(request, "Renamed.")
    return redirect("user_tier", slug, found.slug)


@require_POST
@manages
def make_default(request: InTenant, slug: str, tier: str) -> HttpResponse:
    found = tier_for(request.tenant.id, tier)
    actions.change_tier(tier=found, is_default=True, actor=request.actor)
    messages.success(request, f"From the next call on {found.name} is what everybody has whom nobody put elsewhere.")
    return redirect("user_tiers", slug)


@require_POST
@manages
def remove(request: InTenant, slug: str, tier: str, subject_id: UUID) -> HttpResponse:
    found = tier_for(request.tenant.id, tier)
    actions.remove_user(subject=queries.subject_for(found, subject_id), actor=request.actor)
    messages.success(request, "Taken out: they have the default tier from the next call on.")
    return redirect("user_tier", slug, found.slug)


@manages
def take(request: InTenant, slug: str) -> HttpResponse:
    """A file's users, all or none."""
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            count = actions.import_users(
                tenant_id=request.tenant.id,
                lines=reading.read(reading.text_of(form.cleaned_data["file"].file)),
                actor=request.actor,
            )
        except PortalError as error:
            _explain(form, error)
        else:
            messages.success(request, f"{count} user{'' if count == 1 else 's'} stand as the file says.")
            return redirect("user_tiers", slug)
    context = {"form": form, "columns": reading.COLUMNS, "most": reading.MOST_LINES}
    return render(request, "budgets/import_users.html", context, status=400 if form.errors else 200)


def _explain(form: Any, error: PortalError) -> None:
    for problem in error.data.get("problems", [error.message])[:50]:
        form.add_error(None, problem)
