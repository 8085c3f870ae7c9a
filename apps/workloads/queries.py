"""Reading the registry: always inside a tenant, and only what the actor may see."""

from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery, Value

from apps.accounts.models import User
from apps.tenants.models import Membership
from apps.tenants.roles import has_right
from apps.workloads import specialists
from apps.workloads.models import (
    AgentVersion,
    AuthorityGrant,
    Workload,
    WorkloadTeamGrant,
    WorkloadUserPermission,
)
from apps.workloads.policy import IMPLIED_BY, SCOPE_FOR
from apps.workloads.specialists import Finding
from portal.actor import Actor
from portal.errors import Forbidden, NotFound


def count_by_stage(tenant_id: UUID) -> QuerySet[Any, Any]:
    """How many workloads, ``n``, stand at each ``stage``."""
    return workloads(tenant_id).order_by().values("stage").annotate(n=Count("id"))


def workloads(tenant_id: UUID) -> QuerySet[Workload]:
    """All of the tenant's workloads that aren't retired, by key."""
    return Workload.objects.filter(tenant=tenant_id, retired_at=None).order_by("key")


def visible(tenant_id: UUID, actor: Actor) -> QuerySet[Workload]:
    """Those that the actor may see."""
    return permitted(tenant_id, actor, "see_workload")


def permitted(tenant_id: UUID, actor: Actor, permission: str) -> QuerySet[Workload]:
    """The workloads on which the actor holds ``permission``: by grant to the person or to one of their teams, by
    what a token is bound to, or (to see) by a role that sees all. One subquery each, never a check per row.
    """
    rows = workloads(tenant_id).annotate(owner_left=_owner_left(tenant_id))
    if not actor.allows(SCOPE_FOR[permission]) and not (permission == "see_workload" and actor.scopes):
        return rows.none()
    if actor.workloads is not None:
        rows = rows.filter(id__in=actor.workloads)
    if actor.kind in {"task", "operator"} or _is_service(actor):
        return rows
    if permission == "see_workload" and has_right(actor, "workload.view_all"):
        return rows
    return rows.filter(
        _granted_to_person(tenant_id, actor, permission) | _granted_to_team(tenant_id, actor, permission)
    )


def _owner_left(tenant_id: UUID) -> Exists:
    """Whether its owner is no longer a member: then nobody owns it (CALL-1)."""
    return Exists(Membership.objects.filter(tenant=tenant_id, user=OuterRef("owner"), ended_at__isnull=False))


def workload_for(tenant_id: UUID, actor: Actor, key: str, permission: str = "see_workload") -> Workload:
    """The workload at ``key`` if the actor holds ``permission`` on it.

    Raises:
        NotFound: it doesn't exist, or the actor may not even see it.
        Forbidden: the actor sees it and may not do this.
    """
    # No key holds it, and the database takes none in a text.
    key = key.replace("\0", "")
    found = permitted(tenant_id, actor, permission).filter(key=key).select_related("owner", "serving_version", "team")
    workload = found.first()
    if workload is not None:
        return workload
    if permission != "see_workload" and visible(tenant_id, actor).filter(key=key).exists():
        message = f"You can see this workload and lack the permission {permission!r} on it; its owner can grant it."
        raise Forbidden("permission_missing", message, permission=permission)
    raise NotFound()


def permissions_on(workload: Workload, actor: Actor) -> frozenset[str]:
    """What the actor may do on one workload, for a page's buttons, in one statement."""
    found = [
        permitted(workload.tenant_id, actor, permission)
        .filter(id=workload.id)
        .order_by()
        .values_list(Value(permission), flat=True)
        for permission in SCOPE_FOR
    ]
    return frozenset(found[0].union(*found[1:], all=True))


def versions(workload: Workload) -> QuerySet[AgentVersion]:
    rows = AgentVersion.objects.filter(tenant=workload.tenant_id, workload=workload).select_related("made_by")
    return rows.order_by("-created_at", "-id")


def version(workload: Workload, label: str) -> AgentVersion:
    found = versions(workload).filter(label=label).first()
    if found is None:
        raise NotFound(f"{workload.key} has no version {label!r}.")
    return found


def live_grants(workload: Workload) -> QuerySet[AuthorityGrant]:
    rows = AuthorityGrant.objects.filter(tenant=workload.tenant_id, workload=workload, revoked_at=None)
    return rows.select_related("authority").order_by("action_kind")


def newest_version(workload: Workload) -> QuerySet[AgentVersion]:
    """The version that was registered last, as a queryset, for whoever reads it together with other things."""
    rows = AgentVersion.objects.filter(tenant=workload.tenant_id, workload=workload)
    return rows.filter(id=Subquery(versions(workload).values("id")[:1]))


# What :func:`registered` says of each.
REGISTERED = ("id", "key", "limit", "serving", "newest")


def registered(tenant_id: UUID) -> QuerySet[Any]:
    """Workloads with what they are registered to do, as :data:`REGISTERED`: the tools of the version that is
    ``serving`` and of the ``newest`` (None: there is none), for :mod:`apps.workloads.specialists`.
    """
    newest = AgentVersion.objects.filter(tenant=tenant_id, workload=OuterRef("pk")).order_by("-created_at", "-id")
    return workloads(tenant_id).annotate(
        limit=F("tool_limit"), serving=F("serving_version__tools"), newest=Subquery(newest.values("tools")[:1])
    )


def finding(workload: Workload) -> Finding | None:
    """AP-01 of one workload, judged among all of the tenant's (WORK-3)."""
    rows = registered(workload.tenant_id).values(*REGISTERED)
    return specialists.findings([specialists.registered(row) for row in rows]).get(workload.id)


def people_with(workload: Workload, permission: str) -> QuerySet[User]:
    """The people to whom the permission is granted by name (teams not unfolded)."""
    rows = WorkloadUserPermission.objects.filter(
        tenant=workload.tenant_id, content_object=workload, permission__codename__in=IMPLIED_BY[permission]
    )
    return User.objects.filter(id__in=rows.values("user")).order_by("name")


def _is_service(actor: Actor) -> bool:
    """A token without a person behind it: its scopes and its workloads are all its rights."""
    return actor.kind == "service" and actor.user_id is None


def _granted_to_person(tenant_id: UUID, actor: Actor, permission: str) -> Exists:
    return Exists(
        WorkloadUserPermission.objects.filter(
            tenant=tenant_id,
            user=actor.user_id,
            permission__codename__in=IMPLIED_BY[permission],
            content_object=OuterRef("pk"),
        )
    )


def _granted_to_team(tenant_id: UUID, actor: Actor, permission: str) -> Exists:
    return Exists(
        WorkloadTeamGrant.objects.filter(
            tenant=tenant_id,
            team__in=actor.teams,
            permission__in=IMPLIED_BY[permission],
            workload=OuterRef("pk"),
        )
    )
