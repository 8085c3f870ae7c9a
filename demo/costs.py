"""The demo's cost gates, users in their tiers, and what they have used since the last month: some near their ceiling,
and one whom a smaller model answers. Made through the same actions as everything else, once a tenant, with earlier
clocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.budgets import actions, settling
from apps.budgets.actions import Brake, Ceiling
from apps.budgets.models import Reservation, UserTier
from apps.budgets.months import Month, month_at, month_before
from apps.budgets.reserving import Ask, reserve
from apps.budgets.rules import Offer, Pattern
from apps.pricing.queries import prices
from apps.pricing.rules import Price, day_of, per_token
from apps.tenants.models import Membership, Tenant
from apps.tenants.queries import zone_of
from apps.workloads.models import Workload
from apps.workloads.queries import versions, workloads
from portal import actor as actors
from portal.ids import uuid7
from portal.pseudonyms import user_key

SETUP = actors.task("demo")
CREDENTIAL = UUID(int=2026)
SET_SINCE = timedelta(days=40)
HARD, SOFT, METERED = Pattern.HARD, Pattern.SOFT, Pattern.METERED
TIERS = (("standard", "Standard", False), ("free", "Free", True), ("premium", "Premium", False))
SMALLER = "You have used this month's share of the large model; a smaller one answers until the month begins anew."


@dataclass(frozen=True, slots=True)
class Gate:
    """The spend cap in USD, calls of one request, and tokens and pattern of each tier."""

    cap: int
    calls: int
    free: int
    standard: tuple[int, Pattern]
    premium: tuple[int, Pattern]

    def ceiling(self, tier: str) -> tuple[int, Pattern]:
        return {"free": (self.free, HARD), "standard": self.standard, "premium": self.premium}[tier]


GATES: dict[str, Gate] = {
    "W-01": Gate(5_000, 20, 100_000, (300_000, SOFT), (2_000_000, METERED)),
    "W-02": Gate(3_000, 20, 100_000, (400_000, HARD), (1_500_000, HARD)),
    "W-03": Gate(3_000, 10, 50_000, (300_000, HARD), (1_200_000, METERED)),
    "W-04": Gate(25, 30, 80_000, (600_000, SOFT), (2_500_000, SOFT)),
    "W-05": Gate(5, 5, 50_000, (500_000, HARD), (1_000_000, HARD)),
}

# Who is in which tier: members by their login, customers by the name that the help centre has for them.
MEMBERS = {"fred": "standard", "tom": "standard", "aisha": "free", "marcus": "premium", "pablo": "standard"}
CUSTOMERS = {"nordwind": ("Nordwind GmbH", "premium"), "blaulicht": ("Blaulicht e. V.", "free")}
# Who has used what share of their ceiling this month; beyond 1 the pattern decides.
USED: tuple[tuple[str, str, float], ...] = (
    ("fred", "W-01", 1.15), ("fred", "W-02", 0.35), ("fred", "W-03", 0.72), ("tom", "W-01", 0.55),
    ("tom", "W-02", 0.93), ("tom", "W-04", 0.64), ("aisha", "W-01", 0.20), ("aisha", "W-05", 0.81),
    ("marcus", "W-01", 0.42), ("marcus", "W-02", 0.18), ("marcus", "W-04", 0.37), ("pablo", "W-02", 0.47),
    ("pablo", "W-03", 0.28), ("nordwind", "W-01", 0.88), ("nordwind", "W-03", 0.31), ("blaulicht", "W-01", 0.96),
)  # fmt: skip
CALLS = 7
# What of a call is its input; the rest is the answer.
INPUT_SHARE = 0.7


def build(tenant: Tenant, now: datetime) -> None:
    """Once a tenant, when there is no tier yet."""
    if UserTier.objects.filter(tenant=tenant).exists():
        return
    members = {
        member.user.email.partition("@")[0]: member
        for member in Membership.objects.filter(tenant=tenant, ended_at=None).select_related("user")
    }
    began = now - SET_SINCE
    tiers = {
        slug: actions.create_tier(tenant_id=tenant.id, slug=slug, name=name, is_free=free, actor=SETUP)
        for slug, name, free in TIERS
    }
    rows = {row.key: row for row in workloads(tenant.id).select_related("owner") if row.key in GATES}
    for workload in rows.values():
        _set(workload, GATES[workload.key], tiers, members, began)
    keys = _put(tenant, tiers, members)
    for name, key, share in USED:
        if key in rows:
            tier = MEMBERS.get(name) or CUSTOMERS[name][1]
            ceiling, _ = GATES[key].ceiling(tier)
            _use(rows[key], keys[name], round(ceiling * share), now)


def _set(
    workload: Workload, wanted: Gate, tiers: dict[str, UserTier], members: dict[str, Membership], now: datetime
) -> None:
    payer = members["fiona"].user if "fiona" in members else workload.owner
    gate = actions.set_gate(
        workload=workload,
        spend_cap=Decimal(wanted.cap),
        billing_contact=payer,
        brake=Brake(request_calls=wanted.calls),
        actor=SETUP,
        now=now,
    )
    for slug, tier in tiers.items():
        tokens, pattern = wanted.ceiling(slug)
        ceiling = Ceiling(tokens, pattern, SMALLER if pattern is SOFT else "")
        actions.set_ceiling(gate=gate, tier=tier, ceiling=ceiling, actor=SETUP, now=now)


def _put(tenant: Tenant, tiers: dict[str, UserTier], members: dict[str, Membership]) -> dict[str, str]:
    """Everybody into their tier; the pseudonym of each by name."""
    keys = {}
    for name, slug in MEMBERS.items():
        if name in members:
            user = members[name].user
            keys[name] = user_key(tenant.id, user.email)
            actions.put_subject(tier=tiers[slug], user_key=keys[name], label=user.name, member=user, actor=SETUP)
    for name, (label, slug) in CUSTOMERS.items():
        keys[name] = user_key(tenant.id, name)
        actions.put_subject(tier=tiers[slug], user_key=keys[name], label=label, actor=SETUP)
    return keys


def _use(workload: Workload, user: str, tokens: int, now: datetime) -> None:
    """So many tokens this month in a few calls, and half as many in the month before."""
    month = month_at(now, zone_of(workload.tenant_id).key)
    former = month_before(month)
    version = versions(workload).first()
    assert version is not None, "a demo workload has a version"
    budget_model = workload.budget_tier if workload.may_degrade else ""
    card = prices(workload.tenant_id, {version.model, budget_model} - {""}, day_of(now))
    for at in _moments(former, former.end, CALLS // 2):
        _call(workload, version.label, user, tokens // CALLS, at, [card[version.model]])
    offered = [card[version.model], *([card[budget_model]] if budget_model else [])]
    for at in _moments(month, now, CALLS):
        _call(workload, version.label, user, tokens // CALLS, at, offered)


def _moments(month: Month, until: datetime, calls: int) -> Iterator[datetime]:
    """Evenly over what is over of a month."""
    return (month.start + (until - month.start) * (n + 0.5) / calls for n in range(calls))


def _call(workload: Workload, label: str, user: str, tokens: int, at: datetime, offered: list[Price]) -> None:
    """One that is held and then settled with all that it held."""
    asked = round(tokens * INPUT_SHARE)
    offers = [_offer(price, tokens - asked) for price in offered]
    held = reserve(
        Ask(
            tenant_id=workload.tenant_id,
            workload_id=workload.id,
            id=uuid7(),
            request_id=uuid7(),
            attempt=1,
            credential=CREDENTIAL,
            user_key=user,
            month=month_at(at, zone_of(workload.tenant_id).key).key,
            input_tokens=asked,
            primary=offers[0],
            budget=offers[1] if len(offers) > 1 else None,
            at=at,
            expires_at=at + timedelta(minutes=10),
            version=label,
        )
    )
    if held.id is None:
        return  # A ceiling was reached, as it is meant to be.
    rows = Reservation.objects.select_related("workload")
    reservation = rows.get(tenant=workload.tenant_id, id=held.id)
    done = at + timedelta(seconds=4)
    settling.settle(reservation=reservation, used=settling.Used(asked, held.output), prices=None, now=done)


def _offer(price: Price, output: int) -> Offer:
    assert price.input is not None and price.output is not None, f"the demo's {price.model} has a price"
    return Offer(price.model, output, per_token(price.input), per_token(price.output))
