"""Writes to the registry. Each is checked, done, written down, and told to the decision path (AUD-1)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from apps.accounts.models import User
from apps.audit.actions import record
from apps.tenants.actions import bump_config
from apps.tenants.leaving import on_leaving
from apps.tenants.models import Membership, Team
from apps.tenants.queries import membership
from apps.tenants.roles import has_right
from apps.workloads import moving
from apps.workloads.models import AgentVersion, AuthorityGrant, Workload, WorkloadTeamGrant, WorkloadUserPermission
from apps.workloads.policy import PERMISSIONS, SHARE_CAP, Posture
from apps.workloads.queries import finding
from portal import access
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.tenancy.locks import one_at_a_time

EDITABLE = frozenset(
    {
        "name",
        "purpose",
        "shape",
        "customer_facing",
        "sensitivity",
        "unit_kind",
        "primary_tier",
        "budget_tier",
        "may_degrade",
        "fallback_kind",
        "fallback_description",
        "fallback_address",
        "fallback_sends_records",
        "stakeholders",
        "success_metrics",
        "service_level",
        "baseline_cost",
        "baseline_seconds",
        "eval_set",
        "tags",
    }
)


def register_workload(
    *, tenant_id: UUID, key: str, owner: User, actor: Actor, team: Team | None = None, **fields: Any
) -> Workload:
    """Put a workload into the registry. It starts as a candidate in Pilot, paused, with no authority at all (WORK-2).

    Raises:
        Refused: the key is taken.
        Invalid: a field that isn't set this way, or an owner who isn't a member.
    """
    _check_fields(fields)
    if membership(tenant_id, owner.id) is None:
        raise Invalid("owner_unknown", "The owner has to be a member of this tenant.")
    try:
        with transaction.atomic():
            workload = Workload.objects.create(tenant_id=tenant_id, key=key, owner=owner, team=team, **fields)
    except IntegrityError as error:
        raise _registration_error(error, key) from error
    access.grant("manage_workload", owner, workload)
    bump_config(tenant_id)
    record(
        actor=actor,
        action="workload.registered",
        obj=workload,
        after={"key": key, "owner": owner.email, **fields},
    )
    return workload


def edit_workload(*, workload: Workload, revision: int, actor: Actor, **fields: Any) -> Workload:
    """Change what is written about a workload, from the revision that the editor saw.

    Raises:
        Conflict: somebody saved in between; nothing was changed.
    """
    _check_fields(fields)
    before = {name: getattr(workload, name) for name in fields}
    if before == fields:
        return workload
    same = Workload.objects.filter(tenant=workload.tenant_id, id=workload.id, revision=revision)
    if not same.update(**fields, revision=F("revision") + 1):
        raise Conflict("edited_since", "Somebody saved this workload since you opened it; look again, then save.")
    workload.refresh_from_db()
    bump_config(workload.tenant_id)
    record(actor=actor, action="workload.edited", obj=workload, before=before, after=fields)
    return workload


def add_version(
    *,
    workload: Workload,
    label: str,
    model: str,
    prompt_digest: str,
    why: str,
    made_by: User,
    actor: Actor,
    tools: list[str] | None = None,
    retrieval_index: str = "",
    parameters: dict[str, Any] | None = None,
) -> AgentVersion:
    """Add an immutable version (WORK-1).

    Raises:
        Refused: the label is taken, or the prompt belongs to another workload: specialists don't share (WORK-3).

    With too many tools, or with those of other workloads, it is registered all the same, and raises a finding, which
    stands in the audit record as on the pages.
    """
    tools = sorted(set(tools or []))
    # Two at once would each find that nobody has the prompt yet.
    one_at_a_time(workload.tenant_id, "workloads.versions")
    _check_prompt(workload, prompt_digest)
    bundle = {
        "label": label,
        "model": model,
        "prompt_digest": prompt_digest,
        "tools": tools,
        "retrieval_index": retrieval_index,
        "parameters": parameters or {},
        "why": why,
    }
    try:
        with transaction.atomic():
            version = AgentVersion.objects.create(
                tenant_id=workload.tenant_id, workload=workload, made_by=made_by, **bundle
            )
    except IntegrityError as error:
        raise Refused(
            "label_taken", f"{workload.key} has a version {label!r} already; versions never change."
        ) from error
    found = finding(workload)
    raised = {"finding": found.code, "because": found.said()} if found else {}
    record(actor=actor, action="version.added", obj=version, after=bundle | raised, reason=why)
    return version


def grant_authority(
    *,
    workload: Workload,
    action_kind: str,
    limit_amount: Decimal | None,
    currency: str,
    authority: User,
    reason: str,
    actor: Actor,
) -> AuthorityGrant:
    """State under whose authority the agent may do one kind of thing, and to what limit (WORK-2)."""
    if limit_amount is not None and not currency:
        raise Invalid("currency_missing", "A limit needs its currency, e.g. EUR.")
    try:
        with transaction.atomic():
            grant = AuthorityGrant.objects.create(
                tenant_id=workload.tenant_id,
                workload=workload,
                action_kind=action_kind,
                limit_amount=limit_amount,
                currency=currency,
                authority=authority,
                reason=reason,
            )
    except IntegrityError as error:
        raise Refused("grant_exists", f"{action_kind!r} has a live grant; revoke it first.") from error
    after = {
        "action_kind": action_kind,
        "limit": limit_amount,
        "currency": currency,
        "authority": authority.email,
    }
    record(actor=actor, action="authority.granted", obj=grant, after=after, reason=reason)
    return grant


def revoke_authority(*, grant: AuthorityGrant, actor: Actor, now: datetime, reason: str) -> None:
    if grant.revoked_at is not None:
        return
    grant.revoked_at = now
    grant.save(update_fields=["revoked_at"])
    record(
        actor=actor,
        action="authority.revoked",
        obj=grant,
        before={"action_kind": grant.action_kind},
        reason=reason,
    )


def permit_person(*, workload: Workload, user: User, permission: str, actor: Actor) -> None:
    """Let one member do something on this workload, from the next request on."""
    _check_permission(permission)
    if membership(workload.tenant_id, user.id) is None:
        raise Invalid("not_a_member", "Only members of this tenant can be given rights on its workloads.")
    access.grant(permission, user, workload)
    record(
        actor=actor,
        action="workload.permitted",
        obj=workload,
        after={"user": user.email, "permission": permission},
    )


@on_leaving("rights")
def _take_back(member: Membership) -> int:
    """Rights on workloads that were given by name; what somebody owns they own until it is handed over."""
    rows = WorkloadUserPermission.objects.filter(tenant=member.tenant_id, user=member.user_id)
    return rows.exclude(content_object__owner=member.user_id).delete()[0]


def forbid_person(*, workload: Workload, user: User, permission: str, actor: Actor) -> None:
    """Take it back; it counts for the very next request."""
    _check_permission(permission)
    access.revoke(permission, user, workload)
    record(
        actor=actor,
        action="workload.forbidden",
        obj=workload,
        before={"user": user.email, "permission": permission},
    )


def permit_team(*, workload: Workload, team: Team, permission: str, actor: Actor) -> None:
    _check_permission(permission)
    WorkloadTeamGrant.objects.get_or_create(
        tenant_id=workload.tenant_id, workload=workload, team=team, permission=permission
    )
    record(
        actor=actor,
        action="workload.permitted",
        obj=workload,
        after={"team": team.slug, "permission": permission},
    )


def forbid_team(*, workload: Workload, team: Team, permission: str, actor: Actor) -> None:
    _check_permission(permission)
    rows = WorkloadTeamGrant.objects.filter(tenant=workload.tenant_id, workload=workload, team=team)
    rows.filter(permission=permission).delete()
    record(
        actor=actor,
        action="workload.forbidden",
        obj=workload,
        before={"team": team.slug, "permission": permission},
    )


def set_posture(*, workload: Workload, posture: str, actor: Actor, reason: str) -> Workload:
    """Write the posture, which caps every rollout of the workload (ROLL-3).

    A rise needs the governance role and a reason; a fall needs only a reason.
    """
    if posture not in Posture.values or not reason.strip():
        raise Invalid("posture_invalid", f"Name one of {', '.join(Posture.values)}, and a reason.")
    rises = SHARE_CAP[posture] > SHARE_CAP[workload.posture]
    if rises and not has_right(actor, "posture.set"):
        raise Forbidden("right_missing", "Raising the posture needs the governance role.", right="posture.set")
    before = workload.posture
    workload.posture = posture
    workload.save(update_fields=["posture"])
    bump_config(workload.tenant_id)
    record(
        actor=actor,
        action="workload.posture_set",
        obj=workload,
        before={"posture": before},
        after={"posture": posture},
        reason=reason,
    )
    return workload


def serve_version(*, workload: Workload, version: AgentVersion | None, actor: Actor, reason: str) -> None:
    """Make a version the one that answers outside a rollout; None sends everybody to the fallback."""
    before = workload.serving_version_id
    workload.serving_version = version
    workload.save(update_fields=["serving_version"])
    bump_config(workload.tenant_id)
    record(
        actor=actor,
        action="workload.serving_changed",
        obj=workload,
        before={"version": before},
        after={"version": version and version.id},
        reason=reason,
    )


def _check_fields(fields: dict[str, Any]) -> None:
    unknown = sorted(fields.keys() - EDITABLE)
    if unknown:
        raise Invalid("field_not_editable", f"{unknown[0]!r} isn't set this way.", fields=unknown)


def _registration_error(error: IntegrityError, key: str) -> Exception:
    if "key_shape" in str(error):
        return Invalid(
            "key_invalid", f"The key {key!r} wants letters, digits, dots, dashes and underscores, 60 at most."
        )
    if "workloads_workload_key" in str(error):
        return Refused("key_taken", f"The key {key!r} is taken in this tenant.")
    return error


def _check_prompt(workload: Workload, prompt_digest: str) -> None:
    shared = AgentVersion.objects.filter(tenant=workload.tenant_id, prompt_digest=prompt_digest)
    other = shared.exclude(workload=workload).select_related("workload").first()
    if other is not None:
        raise Refused(
            "prompt_shared", f"This prompt belongs to {other.workload.key}; specialists don't share (WORK-3)."
        )


def _check_permission(permission: str) -> None:
    if permission not in PERMISSIONS:
        raise Invalid("permission_unknown", f"Unknown permission {permission!r}; one of {', '.join(PERMISSIONS)}.")


def hand_over(*, workload: Workload, owner: User, team: Team | None, actor: Actor, reason: str) -> Workload:
    """Give a workload another owner or another team, with the rights that go with it; the former ones lose theirs."""
    before = {"owner": workload.owner.email, "team": workload.team.slug if workload.team else None}
    if owner.id != workload.owner_id:
        access.revoke("manage_workload", workload.owner, workload)
        access.grant("manage_workload", owner, workload)
    if (team and team.id) != workload.team_id:
        rows = WorkloadTeamGrant.objects.filter(tenant=workload.tenant_id, workload=workload)
        rows.filter(team=workload.team_id, permission="operate_workload").delete()
        if team is not None:
            permit_team(workload=workload, team=team, permission="operate_workload", actor=actor)
    Workload.objects.filter(tenant=workload.tenant_id, id=workload.id).update(
        owner=owner, team=team, revision=F("revision") + 1
    )
    workload.owner, workload.team = owner, team
    bump_config(workload.tenant_id)
    after = {"owner": owner.email, "team": team.slug if team else None}
    record(actor=actor, action="workload.handed_over", obj=workload, before=before, after=after, reason=reason)
    return workload


def set_stage(*, workload: Workload, stage: str, actor: Actor, reason: str) -> None:
    """Write down the stage that a gate, or a step back, has led to."""
    before = workload.stage
    Workload.objects.filter(tenant=workload.tenant_id, id=workload.id).update(stage=stage, revision=F("revision") + 1)
    workload.stage = stage
    bump_config(workload.tenant_id)
    record(
        actor=actor,
        action="workload.stage_set",
        obj=workload,
        before={"stage": before},
        after={"stage": stage},
        reason=reason,
    )
    moving.stage_was_set(workload, actor)
