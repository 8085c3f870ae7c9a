"""What became of a hold: settled, released, expired, corrected (COST-4).

Each is a move of one reservation and one entry of the ledger, in one transaction with the counters and with the
alerts that the move makes due (COST-3). Repeats change nothing; what is late is posted to the month of the admission.
Locks are taken in the order of ``budgets_reserve``: the user's month, then the rest, the workload's month last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet, Sum

from apps.audit.actions import record
from apps.budgets import alerting
from apps.budgets.models import (
    Closure,
    Entry,
    EntryKind,
    Reservation,
    ReservationState,
    TierGate,
    UserMonth,
    WorkloadMonth,
)
from apps.budgets.rules import Pattern, estimate, metered_of
from portal import faults
from portal.actor import Actor
from portal.errors import Invalid, Refused
from portal.outbox.actions import enqueue

MOST_USED = 1_000_000_000


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Used:
    """What a call really used; a figure that is None isn't known. ``model`` is what answered, if another did."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    outcome: Outcome = Outcome.OK
    model: str = ""

    @property
    def is_known(self) -> bool:
        return self.input_tokens is not None and self.output_tokens is not None

    @property
    def total(self) -> int:
        return (self.input_tokens or 0) + (self.output_tokens or 0)


@dataclass(frozen=True, slots=True)
class Settled:
    """``over_hold`` is by how many tokens it spent more than it might; ``is_repeated``: it was known already."""

    reservation: Reservation
    over_hold: int = 0
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Move:
    """From what stands in the counters for this reservation to what shall stand there."""

    kind: EntryKind
    state: ReservationState
    tokens: int
    cost: Decimal | None
    spent: Decimal
    used_input: int | None
    used_output: int | None
    model: str = ""
    by: str = ""
    reason: str = ""


def settle(
    *, reservation: Reservation, used: Used, prices: tuple[Decimal | None, Decimal | None] | None, now: datetime
) -> Settled:
    """Post what the call used. ``prices`` are those of ``used.model`` where another model answered than was held for.

    Usage that isn't known leaves the hold as it is, until it expires or the truth arrives.

    Raises:
        Invalid: a negative or absurd figure.
        Refused: it was settled with other figures, or corrected by a person.
    """
    _check(used)
    month, reservation = _locked(reservation)
    if reservation.state == ReservationState.CORRECTED:
        raise Refused("corrected", "A person has set this right; it takes no more figures.")
    if reservation.state == ReservationState.SETTLED:
        return _again(reservation, used)
    if used.outcome is Outcome.NOT_SENT:
        return _give_back(month, reservation, now)
    if not used.is_known:
        return Settled(reservation)
    cost, spent = _cost(reservation, used, prices)
    over = max(0, used.total - (0 if reservation.state == ReservationState.RELEASED else reservation.held))
    _post(
        month,
        reservation,
        _Move(
            kind=EntryKind.SETTLE,
            state=ReservationState.SETTLED,
            tokens=used.total,
            cost=cost,
            spent=spent,
            used_input=used.input_tokens,
            used_output=used.output_tokens,
            model=used.model,
        ),
        now,
    )
    if over or spent > reservation.held_money:
        _close(reservation, over, now)
    return Settled(reservation, over)


def expire(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> int:
    """Estimate holds whose time is over: in full on a hard cap, their input alone elsewhere. Returns how many."""
    rows = Reservation.objects.filter(tenant=tenant_id, id__in=ids, state=ReservationState.HELD, expires_at__lte=now)
    _lock_months(tenant_id, rows)
    done = 0
    for row in rows.order_by("workload", "month", "user_key", "id"):
        month, reservation = _locked(row)
        if reservation.state != ReservationState.HELD:
            continue
        tokens, spent = estimate(
            Pattern(reservation.pattern),
            held=reservation.held,
            input_tokens=reservation.asked_input,
            held_money=reservation.held_money,
        )
        move = _Move(EntryKind.EXPIRE, ReservationState.ESTIMATED, tokens, None, spent, None, None)
        _post(month, reservation, move, now)
        done += 1
    return done


def correct(
    *, reservation: Reservation, input_tokens: int, output_tokens: int, actor: Actor, reason: str, now: datetime
) -> None:
    """A person says what an estimated or wrongly settled call used. After that nothing settles it any more.

    Raises:
        Invalid: no reason, or an absurd figure.
        Refused: it is still held, or was corrected already.
    """
    if not reason.strip():
        raise Invalid("reason", "Say how you know.")
    used = Used(input_tokens, output_tokens)
    _check(used)
    month, reservation = _locked(reservation)
    if reservation.state not in {ReservationState.ESTIMATED, ReservationState.SETTLED}:
        raise Refused(
            "not_correctable", f"It is {reservation.get_state_display()}; only what expired or settled is corrected."
        )
    cost = reservation.input_price * input_tokens + reservation.output_price * output_tokens
    move = _Move(
        EntryKind.ADJUST,
        ReservationState.CORRECTED,
        used.total,
        cost,
        cost,
        input_tokens,
        output_tokens,
        by=actor.label[:200],
        reason=reason.strip()[:500],
    )
    before = {"state": reservation.state, "input": reservation.used_input, "output": reservation.used_output}
    _post(month, reservation, move, now)
    after = {"input": input_tokens, "output": output_tokens}
    record(actor=actor, action="budget.corrected", obj=reservation, before=before, after=after, reason=move.reason)


def _lock_months(tenant_id: UUID, rows: QuerySet[Reservation]) -> None:
    """Every user's month of these before any workload's, as a reservation takes them: nobody waits in a circle."""
    theirs = rows.filter(workload=OuterRef("workload"), month=OuterRef("month"), user_key=OuterRef("user_key"))
    months = UserMonth.objects.filter(Exists(theirs), tenant=tenant_id).select_for_update(of=("self",))
    list(months.order_by("workload", "month", "user_key").values_list("id"))


def _locked(reservation: Reservation) -> tuple[UserMonth, Reservation]:
    month = UserMonth.objects.select_for_update().get(
        tenant=reservation.tenant_id,
        workload=reservation.workload_id,
        month=reservation.month,
        user_key=reservation.user_key,
    )
    found = Reservation.objects.select_for_update().get(tenant=reservation.tenant_id, id=reservation.id)
    return month, found


def _check(used: Used) -> None:
    for name, figure in (("input_tokens", used.input_tokens), ("output_tokens", used.output_tokens)):
        if figure is not None and not 0 <= figure <= MOST_USED:
            raise Invalid(name, f"{name} has to be from 0 to {MOST_USED:,}.")


def _again(reservation: Reservation, used: Used) -> Settled:
    same = (reservation.used_input, reservation.used_output) == (used.input_tokens, used.output_tokens)
    if not same and used.is_known:
        raise Refused("already_settled", "It is settled, with other figures; a person can correct it, with a reason.")
    return Settled(reservation, max(0, _standing(reservation)[1] - reservation.held), is_repeated=True)


def _give_back(month: UserMonth, reservation: Reservation, now: datetime) -> Settled:
    if reservation.state == ReservationState.RELEASED:
        return Settled(reservation, is_repeated=True)
    nothing = Decimal(0)
    move = _Move(EntryKind.RELEASE, ReservationState.RELEASED, 0, nothing, nothing, 0, 0)
    _post(month, reservation, move, now)
    return Settled(reservation)


def _cost(
    reservation: Reservation, used: Used, prices: tuple[Decimal | None, Decimal | None] | None
) -> tuple[Decimal | None, Decimal]:
    """What it cost, and what counts against the spend cap: where no price is known what was held goes on to count."""
    input_price, output_price = prices or (reservation.input_price, reservation.output_price)
    if input_price is None or output_price is None:
        return None, reservation.held_money
    cost = input_price * (used.input_tokens or 0) + output_price * (used.output_tokens or 0)
    return cost, cost


def _standing(reservation: Reservation) -> tuple[int, int, Decimal, Decimal]:
    """What this reservation stands for in the counters: tokens held and settled, money held and spent."""
    sums = Entry.objects.filter(tenant=reservation.tenant_id, reservation=reservation.id).aggregate(
        held=Sum("held"), settled=Sum("settled"), held_money=Sum("held_money"), spent=Sum("spent")
    )
    return sums["held"] or 0, sums["settled"] or 0, sums["held_money"] or Decimal(0), sums["spent"] or Decimal(0)


def _post(month: UserMonth, reservation: Reservation, move: _Move, now: datetime) -> None:
    held, settled, held_money, spent = _standing(reservation)
    change = move.tokens - settled
    gate = TierGate.objects.get(
        tenant=reservation.tenant_id, workload=reservation.workload_id, tier=reservation.tier_id
    )
    metered = metered_of(
        Pattern(reservation.pattern), used=move.tokens, total=month.settled + change, ceiling=gate.ceiling
    )
    Entry.objects.create(
        tenant_id=reservation.tenant_id,
        reservation=reservation,
        workload_id=reservation.workload_id,
        user_key=reservation.user_key,
        month=reservation.month,
        kind=move.kind,
        at=now,
        held=-held,
        settled=change,
        metered=metered - reservation.metered,
        held_money=-held_money,
        spent=move.spent - spent,
        by=move.by,
        reason=move.reason,
        created_at=now,
    )
    faults.point("budget.entered")
    _move_counters(month, -held, change, metered - reservation.metered)
    reservation.state, reservation.cost, reservation.metered = move.state, move.cost, metered
    reservation.used_input, reservation.used_output = move.used_input, move.used_output
    reservation.served_model, reservation.settled_at = move.model, now
    reservation.save(
        update_fields=["state", "cost", "metered", "used_input", "used_output", "served_model", "settled_at"]
    )
    alerting.tell(month=month, gate=gate, now=now)
    WorkloadMonth.objects.filter(
        tenant=reservation.tenant_id, workload=reservation.workload_id, month=reservation.month
    ).update(held=F("held") - held_money, spent=F("spent") + move.spent - spent)
    faults.point("budget.posted")


def _move_counters(month: UserMonth, held: int, settled: int, metered: int) -> None:
    month.held, month.settled, month.metered = month.held + held, month.settled + settled, month.metered + metered
    month.save(update_fields=["held", "settled", "metered"])


def _close(reservation: Reservation, over: int, now: datetime) -> None:
    """More was spent than was held: that token gets nothing more until a person opens it, and somebody is woken."""
    Closure.objects.bulk_create(
        [
            Closure(
                tenant_id=reservation.tenant_id,
                credential=reservation.credential,
                reservation=reservation,
                over=over,
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    enqueue(topic="alert.raise", key=f"overspent:{reservation.id}", payload=_alarm(reservation, over), now=now)


def _alarm(reservation: Reservation, over: int) -> dict[str, Any]:
    key = reservation.workload.key
    return {
        "source": "budget",
        "key": f"overspent:{reservation.credential}",
        "summary": f"A call of {key} spent {over:,} tokens more than it held; its token is shut out.",
        "severity": "critical",
        "workload": key,
        "link": f"workloads/{key}/cost/",
        "details": {"reservation": str(reservation.id), "held": reservation.held},
    }
