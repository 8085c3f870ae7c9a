"""COST-2 and COST-3, cell by cell: which alerts are due at which share and pace, and what the next call gets."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.budgets import actions, alerting
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.models import BudgetAlert, CostGate, TierGate, UserTier
from apps.budgets.months import month_at
from apps.budgets.rules import Decision, Pattern, Reason, due_thresholds
from apps.workloads.models import Workload
from portal.errors import Refused
from portal.ids import uuid7
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import HAIKU, ZONE, held, settled
from tests.world import NOW, SETUP, World, make_workload

CEILING = 1_000
HARD, SOFT, METERED = Pattern.HARD, Pattern.SOFT, Pattern.METERED
# (used of 1,000, days elapsed of 30, tokens an hour) -> due. The pace is used / elapsed; 72 h at the burn is soon.
CELLS: list[tuple[int, float, float, list[int]]] = [
    # below half: never a word, however fast and however soon
    (499, 1.0, 1_000.0, []),
    (499, 29.0, 1_000.0, []),
    # from half on: only because it will soon be over
    (500, 14.9, 0.0, []),
    (500, 29.0, 6.94, []),
    (500, 29.0, 6.95, [70]),
    (699, 1.0, 0.0, []),
    (699, 1.0, 4.19, [70]),
    # 70: ahead of the month, level with it, behind it, behind it and soon over
    (700, 20.9, 0.0, [70]),
    (700, 21.0, 0.0, [70]),
    (700, 21.1, 0.0, []),
    (700, 21.1, 4.16, []),
    (700, 21.1, 4.17, [70]),
    (899, 26.9, 0.0, [70]),
    (899, 27.1, 0.0, []),
    # 90: the same, and being soon over makes no banner
    (900, 26.9, 0.0, [70, 90]),
    (900, 27.0, 0.0, [70, 90]),
    (900, 27.1, 0.0, []),
    (900, 27.1, 1.39, [70]),
    (999, 29.9, 0.0, [70, 90]),
    (999, 30.0, 0.0, []),
    # 100: always, and nobody who is there is behind the month
    (1_000, 1.0, 0.0, [70, 90, 100]),
    (1_000, 30.0, 0.0, [70, 90, 100]),
    (1_500, 30.0, 0.0, [70, 90, 100]),
]


@pytest.mark.parametrize(("used", "days", "burn", "due"), CELLS)
def test_each_threshold_is_due_at_its_share_and_pace_and_never_elsewhere(
    used: int, days: float, burn: float, due: list[int]
) -> None:
    assert due_thresholds(used=used, ceiling=CEILING, elapsed=days / 30, burn=burn) == due


@pytest.mark.parametrize(("used", "due"), [(499, []), (500, [100]), (899, [100]), (900, [100])])
def test_a_rest_too_small_for_any_call_is_the_ceiling_but_nothing_is_said_below_half(used: int, due: list[int]) -> None:
    """A month behind its pace, whose next call was refused with nothing held."""
    assert due_thresholds(used=used, ceiling=CEILING, elapsed=1.0, burn=0.0, is_exhausted=True) == due


@given(
    used=st.integers(0, 2_000),
    elapsed=st.floats(1 / 31, 1.0),
    burn=st.floats(0.0, 1e6),
    is_exhausted=st.booleans(),
)
def test_below_half_nothing_is_ever_said_and_at_the_ceiling_always_the_last(
    used: int, elapsed: float, burn: float, is_exhausted: bool
) -> None:
    due = due_thresholds(used=used, ceiling=CEILING, elapsed=elapsed, burn=burn, is_exhausted=is_exhausted)
    assert due == [] or used >= 500
    assert 100 in due or used < 1_000


@pytest.mark.parametrize(
    ("pattern", "tier", "refused"),
    [
        (HARD, "free", ""),
        (HARD, "standard", ""),
        (HARD, "premium", ""),
        (SOFT, "free", "hard_only"),
        (SOFT, "standard", ""),
        (SOFT, "premium", ""),
        (METERED, "free", "hard_only"),
        (METERED, "standard", ""),
        (METERED, "premium", ""),
    ],
)
@pytest.mark.parametrize("sensitivity", ["public", "internal", "confidential", "regulated"])
def test_which_tier_may_have_which_pattern(
    world: World, pattern: Pattern, tier: str, refused: str, sensitivity: str
) -> None:
    if sensitivity == "regulated" and pattern is not HARD:
        refused = "hard_only"
    with tenant_transaction(world.tenant.id):
        world.workload.sensitivity, world.workload.may_degrade, world.workload.budget_tier = sensitivity, True, "haiku"
        wanted = Ceiling(CEILING, pattern, "A smaller model answered.")
        row = UserTier(tenant=world.tenant, slug=tier, name=tier, is_free=tier == "free")
        if not refused:
            actions.refuse_pattern(world.workload, row, wanted)
            return
        with pytest.raises(Refused) as error:
            actions.refuse_pattern(world.workload, row, wanted)
    assert error.value.code == refused


# November, in UTC: the days at which the pace of each used share is above, and below, one.
AHEAD, BEHIND = datetime(2026, 11, 2, 12, tzinfo=UTC), datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
TOLD = {
    # used: (ahead of the month, behind it)
    499: ([], []),
    500: ([], []),
    699: ([], []),
    700: ([70], []),
    899: ([70], []),
    900: ([70, 90], []),
    # Nothing of it was used in the last week, so it isn't soon over either.
    999: ([70, 90], []),
    1_000: ([70, 90, 100], [70, 90, 100]),
}
# What the next call of 50 in and at most 100 out gets, by what counts: a hard cap with so much left, or beyond it.
NEXT = {
    HARD: lambda used: (
        (Decision.ADMITTED, Reason.WITHIN)
        if used <= 850
        else (Decision.ADMITTED, Reason.CUT)
        if used <= 934
        else (Decision.REFUSED, Reason.HARD_CAP)
    ),
    SOFT: lambda used: (Decision.ADMITTED, Reason.WITHIN) if used <= 850 else (Decision.DEGRADED, Reason.SOFT_CAP),
    METERED: lambda used: (Decision.ADMITTED, Reason.WITHIN) if used <= 850 else (Decision.OVERAGE, Reason.METERED),
}
TIERS = {"free": [HARD], "standard": [HARD, SOFT, METERED], "premium": [HARD, SOFT, METERED]}


def test_every_pattern_tier_threshold_and_pace_tells_and_admits_as_it_should(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell is a user of their own, in a workload whose tiers have the pattern."""
    workloads = {pattern: _workload(world, pattern) for pattern in Pattern}
    seen, wanted = {}, {}
    for pattern, tier, used, is_ahead in product(Pattern, TIERS, TOLD, (True, False)):
        if pattern not in TIERS[tier]:
            continue
        user, now = f"{pattern}-{tier}-{used}-{is_ahead}", AHEAD if is_ahead else BEHIND
        with tenant_transaction(world.tenant.id):
            row = UserTier.objects.get(tenant=world.tenant, slug=tier)
            actions.put_subject(tier=row, user_key=user, actor=SETUP)
        _use(world, monkeypatch, workloads[pattern], user, used, now)
        places = _told(world, user)
        after = held(world, workload_id=workloads[pattern].id, user_key=user, budget=HAIKU, now=now, input_tokens=50)
        seen[user] = (places, (after.decision, after.reason))
        wanted[user] = (TOLD[used][0 if is_ahead else 1], NEXT[pattern](used))
    assert len(seen) == 7 * len(TOLD) * 2
    assert seen == wanted


def _workload(world: World, pattern: Pattern) -> Workload:
    """One whose tiers have this pattern, those that may; the others a hard cap."""
    with tenant_transaction(world.tenant.id):
        workload, _, _ = make_workload(world.tenant, world.alice, f"T-{pattern}", is_gated=False)
        workload.may_degrade, workload.budget_tier = True, HAIKU.model
        workload.save(update_fields=["may_degrade", "budget_tier"])
        gate = actions.set_gate(
            workload=workload,
            spend_cap=Decimal(1_000),
            billing_contact=world.alice,
            brake=Brake(),
            actor=SETUP,
            now=NOW,
        )
        for slug, patterns in TIERS.items():
            _ceiling(world, gate, slug, pattern if pattern in patterns else HARD)
        TierGate.objects.filter(tenant=world.tenant, pattern=METERED).update(opted_in_until=BEHIND + timedelta(days=9))
    return workload


def _ceiling(world: World, gate: CostGate, slug: str, pattern: Pattern) -> None:
    tier = UserTier.objects.filter(tenant=world.tenant, slug=slug).first()
    if tier is None:
        tier = actions.create_tier(tenant_id=world.tenant.id, slug=slug, name=slug, is_free=slug == "free", actor=SETUP)
    disclosure = "A smaller model answered." if pattern is SOFT else ""
    actions.set_ceiling(gate=gate, tier=tier, ceiling=Ceiling(CEILING, pattern, disclosure), actor=SETUP, now=NOW)


def _use(
    world: World, monkeypatch: pytest.MonkeyPatch, workload: Workload, user: str, used: int, now: datetime
) -> None:
    """All of it but one token long before, where nobody listened; the last one now."""
    began = month_at(now, ZONE).start
    # Each by a token of its own: whatever was held, none is shut out for the next.
    early, last = (
        held(world, workload_id=workload.id, user_key=user, now=at, input_tokens=1, credential=uuid7())
        for at in (began, now)
    )
    with monkeypatch.context() as quiet:
        quiet.setattr(alerting, "tell", lambda **_: [])
        settled(world, early, used - 1, 0, now=began)
    settled(world, last, 1, 0, now=now)


def _told(world: World, user: str) -> Sequence[int]:
    with tenant_transaction(world.tenant.id):
        rows = BudgetAlert.objects.filter(tenant=world.tenant, user_key=user).order_by("place")
        return list(rows.values_list("threshold", flat=True))
