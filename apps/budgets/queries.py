"""Reading the ledger, tenant first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery, UUIDField
from django.db.models.functions import Coalesce, JSONObject

from apps.accounts.models import ApiToken, User
from apps.budgets.models import (
    Closure,
    CostGate,
    Reservation,
    ReservationState,
    Subject,
    TierGate,
    UserMonth,
    UserTier,
    WorkloadMonth,
)
from apps.budgets.reported.queries import recent_misfits
from apps.budgets.reserving import Held
from apps.budgets.rules import Decision, Reason
from apps.tenants.queries import members
from apps.workloads.models import Workload
from apps.workloads.queries import permitted
from portal.actor import Actor
from portal.errors import Invalid, NotFound, Refused
from portal.tenancy.due import by_tenant
from portal.tenancy.together import instant

CONTINUED_FOR = timedelta(days=1)


def begun(tenant_id: UUID, request_id: UUID, credential: UUID, now: datetime) -> Reservation:
    """The first attempt of a request that this token began within a day.

    Raises:
        NotFound: there is none, or it is another's.
    """
    rows = Reservation.objects.filter(tenant=tenant_id, request_id=request_id, attempt=1, credential=credential)
    found = rows.filter(created_at__gt=now - CONTINUED_FOR).select_related("workload").first()
    if found is None:
        raise NotFound("This token began no such request within a day.")
    return found


def is_begun(tenant_id: UUID, request_id: UUID) -> bool:
    return Reservation.objects.filter(tenant=tenant_id, request_id=request_id).exists()


def reservation_for(tenant_id: UUID, reservation_id: UUID, credential: UUID) -> Reservation:
    """A hold that this token took.

    Raises:
        NotFound: there is none, or it is another's.
    """
    rows = Reservation.objects.filter(tenant=tenant_id, id=reservation_id, credential=credential)
    found = rows.select_related("workload").first()
    if found is None:
        raise NotFound("This token holds no such reservation.")
    return found


def standing(reservation: Reservation) -> Held:
    """Where the month of a reservation's user stands now."""
    month = UserMonth.objects.get(
        tenant=reservation.tenant_id,
        workload=reservation.workload_id,
        month=reservation.month,
        user_key=reservation.user_key,
    )
    gate = TierGate.objects.select_related("tier").get(
        tenant=reservation.tenant_id, workload=reservation.workload_id, tier=reservation.tier_id
    )
    return Held(
        Decision(reservation.decision),
        Reason(reservation.reason),
        tier=gate.tier.slug,
        ceiling=gate.ceiling,
        settled_total=month.settled,
        held_total=month.held,
    )


def expired(now: datetime) -> dict[UUID, list[UUID]]:
    """Holds whose time is over, by tenant."""
    return by_tenant(
        "budgets.find",
        lambda alias: (
            Reservation.objects.using(alias)
            .filter(state=ReservationState.HELD, expires_at__lte=now)
            .order_by("expires_at", "tenant_id")
        ),
        5_000,
    )


def tiers(tenant_id: UUID) -> QuerySet[UserTier]:
    return UserTier.objects.filter(tenant=tenant_id).order_by("-is_default", "slug")


def tier_for(tenant_id: UUID, slug: str) -> UserTier:
    """
    Raises:
        NotFound: there is none of that name.
    """
    found = tiers(tenant_id).filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no tier {slug!r} here.")
    return found


def gate_of(workload: Workload, month: str = "") -> CostGate | None:
    """The workload's gate; with a month also what is ``spent`` and ``held`` of its cap then, None where nothing was."""
    purse = WorkloadMonth.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month)
    rows = CostGate.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    if month:
        rows = rows.annotate(spent=Subquery(purse.values("spent")[:1]), held=Subquery(purse.values("held")[:1]))
    return rows.select_related("workload", "billing_contact").first()


def gate_or_refuse(workload: Workload) -> CostGate:
    """
    Raises:
        Refused: it has none yet.
    """
    gate = gate_of(workload)
    if gate is None:
        raise Refused("gate_missing", "Set the workload's gate first.")
    return gate


def contact(tenant_id: UUID, address: str) -> User:
    """The member with this address.

    Raises:
        Invalid: there is none.
    """
    found = members(tenant_id).filter(user__email=address.lower()).first()
    if found is None:
        raise Invalid("billing_contact", "The billing contact has to be a member of this tenant.")
    return found.user


def ceilings(workload: Workload) -> QuerySet[TierGate]:
    rows = TierGate.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("tier").order_by("tier__slug")


def users(workload: Workload, month: str) -> QuerySet[UserMonth]:
    """Users of a month, who has used most first, with the name that somebody gave them as ``label``."""
    named = Subject.objects.filter(tenant=workload.tenant_id, user_key=OuterRef("user_key"))
    rows = UserMonth.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month)
    tier = Coalesce(
        Subquery(named.values("tier")[:1]), Subquery(_default(workload.tenant_id)), output_field=UUIDField()
    )
    ceiling = TierGate.objects.filter(tenant=workload.tenant_id, workload=workload.id, tier=OuterRef("of_tier"))
    return rows.annotate(
        label=Subquery(named.values("label")[:1]), of_tier=tier, ceiling=Subquery(ceiling.values("ceiling")[:1])
    ).order_by("-settled", "user_key")


def closed(workload: Workload) -> QuerySet[Closure]:
    """Tokens that are shut out since a call of this workload spent more than it held, by ``token``'s name, the newest
    first.
    """
    rows = Closure.objects.filter(tenant=workload.tenant_id, reservation__workload=workload.id, opened_at=None)
    token = ApiToken.objects.filter(tenant=workload.tenant_id, id=OuterRef("credential"))
    return rows.annotate(token=Subquery(token.values("name")[:1])).order_by("-created_at", "-id")


def closure_for(workload: Workload, closure_id: UUID) -> Closure:
    """
    Raises:
        NotFound: none of this workload.
    """
    rows = Closure.objects.filter(tenant=workload.tenant_id, reservation__workload=workload.id, id=closure_id)
    found = rows.first()
    if found is None:
        raise NotFound()
    return found


def _default(tenant_id: UUID) -> QuerySet[UserTier, UUID]:
    return UserTier.objects.filter(tenant=tenant_id, is_default=True).values_list("id", flat=True)[:1]


@dataclass(frozen=True, slots=True)
class Shut:
    """A token that is shut out, as a page shows it."""

    id: UUID
    token: str
    over: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Asides:
    """What a cost page says beside its figures: records that don't fit, tokens that are shut out, who may change it."""

    misfits: int
    shut: tuple[Shut, ...]
    may_set: bool


def asides(workload: Workload, actor: Actor, now: datetime, most: int) -> Asides:
    """In one statement."""
    tenant_id = workload.tenant_id
    counted = recent_misfits(workload, now).order_by().values("workload").annotate(count=Count("id")).values("count")
    fields = JSONObject(id="id", name="token", over="over", created_at="created_at")
    found = (
        Workload.objects.filter(tenant=tenant_id, id=workload.id)
        .annotate(
            misfits=Coalesce(Subquery(counted), 0),
            shut=ArraySubquery(closed(workload).values(said=fields)[:most]),
            may_set=Exists(permitted(tenant_id, actor, "manage_workload").filter(id=OuterRef("id"))),
        )
        .values("misfits", "shut", "may_set")
        .get()
    )
    shut = (Shut(UUID(r["id"]), r["name"] or "", r["over"], instant(r["created_at"])) for r in found["shut"])
    return Asides(found["misfits"], tuple(shut), found["may_set"])
