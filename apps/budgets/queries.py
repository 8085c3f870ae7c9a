"""Reading the ledger, tenant first."""

from datetime import datetime, timedelta
from uuid import UUID

from apps.budgets.models import Reservation, ReservationState, TierGate, UserMonth
from apps.budgets.reserving import Held
from apps.budgets.rules import Decision, Reason
from portal.errors import NotFound
from portal.tenancy.due import by_tenant

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
