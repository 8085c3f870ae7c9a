"""The inbox, one request, who may approve what, and who stands in for whom."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.approvals import actions, breakglass, policies, presenter, queries, subjects
from apps.approvals.forms import DelegationForm, ReasonForm, SignForm, WholePolicyForm
from apps.approvals.models import Delegation, State
from apps.approvals.rules import Verdict
from apps.tenants.queries import members, zone_of
from apps.tenants.roles import APPROVERS, Role
from portal.access import member, requires
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, NotFound, PortalError
from portal.requests import InTenant

PAGE = 25


@member
def inbox(request: InTenant, slug: str) -> HttpResponse:
    """What waits for me, where requests wait, and everything that was asked."""
    tenant_id, now = request.tenant.id, timezone.now()
    context = {
        "waiting": list(queries.waiting_for(tenant_id, request.actor, now)[:PAGE]),
        "page": Paginator(queries.requests(tenant_id, request.actor), PAGE).get_page(request.GET.get("page")),
        "bottlenecks": queries.bottlenecks(tenant_id, now),
        "empty_roles": queries.roles_without_members(tenant_id),
        "reviews": list(queries.reviews_due(tenant_id, request.actor)[:PAGE]),
    }
    return render(request, "approvals/inbox.html", context)


@member
def request_page(request: InTenant, slug: str, approval_id: UUID) -> HttpResponse:
    found = queries.request_for(request.tenant.id, request.actor, approval_id)
    now = timezone.now()
    is_open = found.state == State.PENDING and now < found.expires_at
    shown = presenter.present(found, request.user.id)
    stand_ins = queries.live_delegations(request.tenant.id, request.user.id, now) if is_open else []
    context = {
        "found": found,
        "shown": shown,
        "is_open": is_open,
        "subject_url": subjects.subject(found.kind).url(slug, found.subject_id),
        "why_not": found.excluded.get(str(request.user.id), ""),
        "signed": next((row for row in shown.signatures if _is_mine(row.signature, request.user.id)), None),
        "may_sign": shown.may_fill(request.user.id),
        "stand_ins": [row for row in stand_ins if str(row.principal_id) not in found.excluded],
        "glass": queries.emergency(found),
        "may_break": bool(request.actor.roles & APPROVERS) and subjects.subject(found.kind).takes_break_glass,
        "committee": any(slot.committee for slot in found.slots),
    }
    return render(request, "approvals/request.html", context)


@require_POST
@member
def sign(request: InTenant, slug: str, approval_id: UUID) -> HttpResponse:
    found = queries.request_for(request.tenant.id, request.actor, approval_id)
    form = SignForm(request.POST)
    if not form.is_valid():
        raise Invalid("form", "Choose what to say: approve, reject or abstain.", errors=form.errors)
    data = form.cleaned_data
    found = actions.sign(
        request=found,
        signer=request.user,
        verdict=Verdict(data["verdict"]),
        seen=data["seen"],
        comment=data["comment"],
        acting_for=data["acting_for"],
        actor=request.actor,
        now=timezone.now(),
    )
    messages.success(request, f"Signed. The request is {found.get_state_display().lower()}.")
    return redirect("approval", slug, approval_id)


@require_POST
@member
def act(request: InTenant, slug: str, approval_id: UUID, verb: str) -> HttpResponse:
    """What else can be done with a request: take back, withdraw, break the glass, review, renew the policy."""
    found = queries.request_for(request.tenant.id, request.actor, approval_id)
    form = ReasonForm(request.POST)
    form.is_valid()
    said, seen = form.cleaned_data.get("reason", ""), form.cleaned_data.get("seen", "")
    common: dict[str, Any] = {"actor": request.actor, "now": timezone.now()}
    if verb == "unsign":
        actions.withdraw_signature(request=found, signer=request.user, reason=said, **common)
    elif verb == "withdraw":
        _refuse_stranger(request, found.requester_id)
        actions.withdraw_request(request=found, reason=said, **common)
    elif verb == "break-glass":
        breakglass.break_glass(request=found, person=request.user, seen=seen, reason=said, **common)
    elif verb == "review":
        _review(found, request.user, said, common)
    else:
        _refuse_stranger(request, None)
        actions.take_policy_anew(request=found, reason=said, **common)
    messages.success(request, "Done.")
    return redirect("approval", slug, approval_id)


@member
def policy_list(request: InTenant, slug: str) -> HttpResponse:
    """Who may approve what: configuration that everybody sees (APPR-3)."""
    context = {
        "policies": queries.policies(request.tenant.id),
        "empty_roles": set(queries.roles_without_members(request.tenant.id)),
        "teams": dict(queries.teams(request.tenant.id)),
        "is_admin": Role.ADMIN in request.actor.roles,
    }
    return render(request, "approvals/policies.html", context)


def _is_admin(actor: Actor) -> bool:
    return Role.ADMIN in actor.roles


@requires(_is_admin, "policy.set")
def policy_page(request: InTenant, slug: str, policy: str) -> HttpResponse:
    if policy not in {default.name for default in subjects.defaults()}:
        raise NotFound()
    name, default = policy, subjects.default(policy)
    found = queries.policy(request.tenant.id, name)
    form = WholePolicyForm(request.POST or None, policy=found, teams=queries.teams(request.tenant.id))
    problems: list[str] = []
    if request.method == "POST" and form.is_valid():
        try:
            policies.set_policy(tenant_id=request.tenant.id, name=name, actor=request.actor, **form.values())
        except PortalError as error:
            problems = error.data.get("problems") or [error.message]
        else:
            messages.success(request, "Set. Open requests keep the policy that they were asked under.")
            return redirect("approval_policies", slug)
    context = {"policy": found, "default": default, "form": form, "problems": problems}
    return render(request, "approvals/policy.html", context, status=400 if request.method == "POST" else 200)


@member
def delegation_list(request: InTenant, slug: str) -> HttpResponse:
    tenant, now = request.tenant, timezone.now()
    others = [(str(m.user_id), m.user.name) for m in members(tenant.id) if m.user_id != request.user.id]
    form = DelegationForm(request.POST or None, members=others, roles=request.actor.roles)
    if request.method == "POST" and form.is_valid():
        starts, ends = form.span(zone_of(tenant.id), now)
        data = form.cleaned_data
        try:
            actions.delegate(
                tenant_id=tenant.id,
                principal=request.user,
                delegate=User.objects.get(id=data["delegate"]),
                roles=set(data["roles"]),
                starts_at=starts,
                ends_at=ends,
                reason=data["reason"],
                actor=request.actor,
                now=now,
            )
        except PortalError as error:
            form.add_error(None, error.message)
        else:
            return redirect("approval_delegations", slug)
    context = {
        "page": Paginator(queries.delegations(tenant.id), PAGE).get_page(request.GET.get("page")),
        "form": form if request.actor.roles & APPROVERS else None,
    }
    return render(request, "approvals/delegations.html", context, status=400 if form.errors else 200)


@require_POST
@member
def revoke_delegation(request: InTenant, slug: str, delegation_id: UUID) -> HttpResponse:
    found = Delegation.objects.filter(tenant=request.tenant.id, id=delegation_id).first()
    if found is None:
        raise NotFound()
    actions.revoke_delegation(delegation=found, actor=request.actor, now=timezone.now())
    return redirect("approval_delegations", slug)


def _review(found: Any, reviewer: Any, note: str, common: dict[str, Any]) -> None:
    glass = queries.emergency(found)
    if glass is None:
        raise NotFound()
    breakglass.review(glass=glass, reviewer=reviewer, note=note, **common)


def _refuse_stranger(request: InTenant, requester_id: UUID | None) -> None:
    if request.user.id != requester_id and Role.ADMIN not in request.actor.roles:
        raise Forbidden("right_missing", "Only whoever asked, or a tenant admin, can do this.")


def _is_mine(signature: Any, user_id: UUID) -> bool:
    return signature.voided_at is None and user_id in {signature.person_id, signature.acting_for_id}
