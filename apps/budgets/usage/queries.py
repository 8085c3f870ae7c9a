"""What was used, by day, by user and by call; tenant first."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Count,
    DecimalField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Cast, Coalesce, TruncDate

from apps.budgets import queries
from apps.budgets.models import (
    BudgetAlert,
    Entry,
    Reservation,
    ReservationState,
    Subject,
    TierGate,
    UserMonth,
)
from apps.budgets.months import Month, month_before
from apps.budgets.rules import Decision
from apps.budgets.usage.pace import BURN_OVER, zone_of
from apps.budgets.usage.swaps import Group
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import NotFound

# States in which it is known what a call used.
KNOWN = (ReservationState.SETTLED, ReservationState.CORRECTED)
NEAR = 0.9


def burn(workload: Workload, month: Month, now: datetime, user_key: str = "") -> tuple[dict[date, Decimal], Decimal]:
    """What was posted on each day of the tenant's calendar, and in the last seven days up to ``now``, across the
    month's beginning too; in one statement. Money of the workload, or tokens of one user.
    """
    what = "settled" if user_key else "spent"
    this, recent = Q(month=month.key), Q(at__gt=now - BURN_OVER, at__lte=now)
    rows = Entry.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    if user_key:
        rows = rows.filter(user_key=user_key)
    near = rows.filter(this | (Q(month=month_before(month).key) & recent))
    days = near.annotate(day=TruncDate("at", tzinfo=zone_of(month))).order_by().values("day")
    found = list(days.annotate(sum=Sum(what, filter=this), recent=Sum(what, filter=recent)).order_by("day"))
    burned = sum((Decimal(row["recent"] or 0) for row in found), Decimal(0))
    return {row["day"]: Decimal(row["sum"]) for row in found if row["sum"] is not None}, burned


def users(workload: Workload, month: Month) -> QuerySet[UserMonth]:
    """Users of a month, who has used most first; each row says how many of all are ``near`` their ceiling or beyond."""
    is_near = Q(ceiling__gt=0, settled__gte=F("ceiling") * NEAR)
    return queries.users(workload, month.key).annotate(near=Window(Count("id", filter=is_near)))


def user_of(workload: Workload, month: Month, user_key: str) -> UserMonth | None:
    """A user's month, with their ``label`` and ``ceiling``; None where they used nothing then.

    Raises:
        NotFound: nobody of that key ever used this workload.
    """
    user_key = user_key.replace("\0", "")
    found = queries.users(workload, month.key).filter(user_key=user_key).first()
    if found is None and not _ever(workload, user_key).exists():
        raise NotFound()
    return found


def label_of(workload: Workload, user_key: str) -> str:
    rows = Subject.objects.filter(tenant=workload.tenant_id, user_key=user_key)
    return rows.values_list("label", flat=True).first() or f"user {user_key[:8]}"


def gate_of_user(workload: Workload, user_key: str) -> TierGate | None:
    """The ceiling that counts for a user: that of their tier, or of the tier that everybody is in."""
    theirs = Exists(Subject.objects.filter(tenant=workload.tenant_id, user_key=user_key, tier=OuterRef("tier")))
    put = Subject.objects.filter(tenant=workload.tenant_id, user_key=user_key)
    rows = queries.ceilings(workload).annotate(
        is_theirs=Case(
            When(theirs, then=Value(True)),
            When(Q(tier__is_default=True) & ~Exists(put), then=Value(True)),
            default=Value(False),
            output_field=BooleanField(),
        )
    )
    return rows.filter(is_theirs=True).first()


def calls(workload: Workload, month: Month, user_key: str) -> QuerySet[Reservation]:
    """A user's calls, the newest first."""
    rows = Reservation.objects.filter(
        tenant=workload.tenant_id, workload=workload.id, month=month.key, user_key=user_key
    )
    return rows.order_by("-created_at", "-id")


def call_for(workload: Workload, call_id: UUID) -> Reservation:
    """
    Raises:
        NotFound: none of this workload.
    """
    rows = Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, id=call_id)
    found = rows.select_related("tier").first()
    if found is None:
        raise NotFound()
    return found


def entries(call: Reservation) -> QuerySet[Entry]:
    """Every movement of a call, in order."""
    return Entry.objects.filter(tenant=call.tenant_id, reservation=call.id).order_by("at", "created_at", "id")


def alerts(workload: Workload, month: Month, user_key: str) -> QuerySet[BudgetAlert]:
    rows = BudgetAlert.objects.filter(
        tenant=workload.tenant_id, workload=workload.id, month=month.key, user_key=user_key
    )
    return rows.order_by("place")


def swapped(workload: Workload, month: Month) -> list[Group]:
    """Calls of a month that the budget model answered and whose usage is known, by day and models, in one statement.

    Days are those of prices: they change at 00:00 UTC.
    """
    rows = _of_month(workload, month).filter(decision=Decision.DEGRADED, state__in=KNOWN)
    served = Case(When(served_model="", then=F("model")), default=F("served_model"))
    groups = (
        rows.annotate(day=TruncDate("created_at", tzinfo=UTC), served=served, is_priced=Q(cost__isnull=False))
        .order_by()
        .values("day", "requested_model", "served", "is_priced")
        .annotate(calls=Count("id"), given=Sum("used_input"), taken=Sum("used_output"), paid=Sum("cost"))
        .order_by("day", "requested_model", "served", "is_priced")
    )
    return [
        Group(g["day"], g["requested_model"], g["served"], g["calls"], g["given"], g["taken"], g["paid"])
        for g in groups
    ]


def counts(workload: Workload, month: Month) -> dict[str, int]:
    """Calls of a month: all, swapped ones, and swapped ones of which nobody knows yet what they used."""
    is_swapped = Q(decision=Decision.DEGRADED)
    found: dict[str, int] = (
        _of_month(workload, month)
        .exclude(state=ReservationState.RELEASED)
        .aggregate(
            all=Count("id"),
            swapped=Count("id", filter=is_swapped),
            open=Count("id", filter=is_swapped & ~Q(state__in=KNOWN)),
        )
    )
    return found


def own_months(tenant_id: UUID, user_id: UUID, month: str) -> QuerySet[UserMonth]:
    """The months of whoever a person is linked to as their own budget, with tier, ceiling and calls that were moved."""
    mine = Subject.objects.filter(tenant=tenant_id, member=user_id)
    subject = mine.filter(user_key=OuterRef("user_key"))
    gate = TierGate.objects.filter(tenant=tenant_id, workload=OuterRef("workload"), tier=OuterRef("of_tier"))
    moved = _moved(tenant_id).filter(
        workload=OuterRef("workload"), month=OuterRef("month"), user_key=OuterRef("user_key")
    )
    counted = moved.order_by().values("workload").annotate(n=Count("id")).values("n")
    rows = UserMonth.objects.filter(tenant=tenant_id, month=month, user_key__in=mine.values("user_key"))
    return (
        rows.annotate(of_tier=Subquery(subject.values("tier")[:1]), label=Subquery(subject.values("label")[:1]))
        .annotate(
            ceiling=Subquery(gate.values("ceiling")[:1]),
            pattern=Subquery(gate.values("pattern")[:1]),
            opted_in_until=Subquery(gate.values("opted_in_until")[:1]),
            tier=Subquery(subject.values("tier__slug")[:1]),
            tier_name=Subquery(subject.values("tier__name")[:1]),
            moved=Coalesce(Subquery(counted, output_field=IntegerField()), 0),
        )
        .select_related("workload")
        .order_by("workload__key", "id")
    )


def bound(rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    """Of the workloads that a token is bound to, if it is."""
    return rows if actor.workloads is None else rows.filter(workload__in=actor.workloads)


def is_linked(tenant_id: UUID, user_id: UUID) -> bool:
    return Subject.objects.filter(tenant=tenant_id, member=user_id).exists()


def own_moved(tenant_id: UUID, user_id: UUID, month: str) -> QuerySet[Reservation]:
    """A person's own calls that a smaller model answered, the newest first, as they were told then: ``then_settled``
    and ``then_held`` are where their month stood, ``disclosure`` and ``limit`` those of the gate now.
    """
    mine = Subject.objects.filter(tenant=tenant_id, member=user_id)
    before = Entry.objects.filter(
        tenant=tenant_id,
        workload=OuterRef("workload"),
        month=OuterRef("month"),
        user_key=OuterRef("user_key"),
        at__lte=OuterRef("created_at"),
    )
    gate = TierGate.objects.filter(tenant=tenant_id, workload=OuterRef("workload"), tier=OuterRef("tier"))

    def summed(name: str) -> Any:
        rows: Any = before.order_by().values("user_key").annotate(sum=Sum(name)).values("sum")
        return Cast(Coalesce(Subquery(rows), Decimal(0), output_field=DecimalField()), BigIntegerField())

    rows = _moved(tenant_id).filter(month=month, user_key__in=mine.values("user_key"))
    return (
        rows.annotate(
            then_settled=summed("settled"),
            then_held=summed("held"),
            limit=Subquery(gate.values("ceiling")[:1]),
            disclosure=Subquery(gate.values("disclosure")[:1]),
        )
        .select_related("workload", "tier")
        .order_by("-created_at", "-id")
    )


def _moved(tenant_id: UUID) -> QuerySet[Reservation]:
    return Reservation.objects.filter(tenant=tenant_id, decision=Decision.DEGRADED)


def _of_month(workload: Workload, month: Month) -> QuerySet[Reservation]:
    return Reservation.objects.filter(tenant=workload.tenant_id, workload=workload.id, month=month.key)


def _ever(workload: Workload, user_key: str) -> QuerySet[Any]:
    return UserMonth.objects.filter(tenant=workload.tenant_id, workload=workload.id, user_key=user_key)
