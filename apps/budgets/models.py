"""Gates, and the ledger behind them (domain, section 5).

A *hold* is what one attempt of one model call may spend; a *settlement* is what it did spend. Every movement is an
:class:`Entry`, which nobody changes; counters are their sums, kept beside them so that a decision reads one row, and
can be made anew from them at any time. Holds have a name and an end, so what is stuck is never mistaken for spent.
"""

from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.budgets.reported.models import UsageReport as UsageReport
from apps.budgets.rules import THRESHOLDS, Pattern
from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel

MOST_TOKENS = 10**15
PATTERNS = [(Pattern.HARD.value, "hard cap"), (Pattern.SOFT.value, "soft cap"), (Pattern.METERED.value, "metered")]


def tokens() -> "models.BigIntegerField[int, int]":
    return models.BigIntegerField(default=0)


def money(**options: Any) -> "models.DecimalField[Any, Any]":
    """In the rate card's currency, to a millionth of a millionth: one token of the cheapest model is exact."""
    return models.DecimalField(max_digits=24, decimal_places=12, **options)


def standard_thresholds() -> list[int]:
    return list(THRESHOLDS)


class UserTier(TenantModel):
    """Free, standard, premium, or the tenant's own. One is what everybody has whom nobody has put elsewhere."""

    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=60)
    is_free = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        verbose_name = "user tier"
        ordering = ["slug"]
        constraints = [
            *walls("budgets_usertier", app="select, insert, update"),
            models.UniqueConstraint(fields=["tenant", "slug"], name="budgets_usertier_slug"),
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(is_default=True), name="budgets_usertier_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Subject(TenantModel):
    """A user whom somebody put into a tier, under the pseudonym of action records.

    ``label`` is how the tenant's admin calls them; whoever isn't listed stays a pseudonym. ``member`` is who may see
    the budget as their own.
    """

    user_key = models.CharField(max_length=32)
    label = models.CharField(max_length=200, blank=True)
    tier = models.ForeignKey(UserTier, models.PROTECT, db_constraint=False, related_name="+")
    member = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        verbose_name = "budget subject"
        constraints = [
            *walls("budgets_subject"),
            SameTenant(field="tier", name="budgets_subject_tier_fk"),
            MemberOfTenant(field="member", name="budgets_subject_member_fk"),
            models.UniqueConstraint(fields=["tenant", "user_key"], name="budgets_subject_once"),
        ]
        indexes = [
            models.Index(fields=["tenant", "tier", "label", "id"], name="budgets_subject_list"),
            models.Index(fields=["tenant", "member"], name="budgets_subject_of_member"),
        ]


class CostGate(TenantModel):
    """A workload's gate: the spend cap that no pattern lifts (COST-1) and the runaway brake (COST-10).

    A brake of None doesn't brake. ``sized_at`` is when ceilings and cap were last worked out (COST-8).
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    spend_cap = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="USD")
    billing_contact = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    request_calls = models.PositiveIntegerField(null=True, blank=True)
    request_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    request_money = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    session_calls = models.PositiveIntegerField(null=True, blank=True)
    session_tokens = models.PositiveBigIntegerField(null=True, blank=True)
    session_money = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    sized_at = models.DateTimeField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        verbose_name = "cost gate"
        constraints = [
            *walls("budgets_costgate", app="select, insert, update"),
            SameTenant(field="workload", name="budgets_costgate_workload_fk"),
            MemberOfTenant(field="billing_contact", name="budgets_costgate_contact_fk"),
            models.UniqueConstraint(fields=["tenant", "workload"], name="budgets_costgate_one"),
            models.CheckConstraint(condition=Q(spend_cap__gte=0), name="budgets_costgate_cap"),
        ]


class TierGate(TenantModel):
    """What one tier may use of one workload in a month, and what happens at the ceiling (COST-1, COST-2)."""

    gate = models.ForeignKey(CostGate, models.PROTECT, db_constraint=False, related_name="tiers")
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    tier = models.ForeignKey(UserTier, models.PROTECT, db_constraint=False, related_name="+")
    ceiling = models.BigIntegerField()
    pattern = models.CharField(max_length=10, choices=PATTERNS)
    disclosure = models.CharField(max_length=500, blank=True)
    thresholds = ArrayField(models.PositiveSmallIntegerField(), size=3, default=standard_thresholds)
    opted_in_until = models.DateTimeField(null=True, editable=False)
    opt_in = models.ForeignKey(
        "budgets.MeteredOptIn", models.PROTECT, db_constraint=False, null=True, editable=False, related_name="+"
    )

    class Meta:
        default_permissions = ()
        verbose_name = "tier's ceiling"
        constraints = [
            *walls("budgets_tiergate", app="select, insert, update"),
            SameTenant(field="gate", name="budgets_tiergate_gate_fk"),
            SameTenant(field="workload", name="budgets_tiergate_workload_fk"),
            SameTenant(field="tier", name="budgets_tiergate_tier_fk"),
            SameTenant(field="opt_in", name="budgets_tiergate_optin_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "tier"], name="budgets_tiergate_one"),
            models.CheckConstraint(
                condition=Q(ceiling__gte=1, ceiling__lte=MOST_TOKENS), name="budgets_tiergate_ceiling"
            ),
            models.CheckConstraint(
                condition=~Q(pattern=Pattern.SOFT) | ~Q(disclosure=""), name="budgets_tiergate_says_so"
            ),
        ]


class HoldSize(TenantModel):
    """What a call of a workload to a model is held at: the output that 99 of 100 of them stayed within (COST-4)."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    model = models.CharField(max_length=120)
    output = models.PositiveIntegerField()
    calls = models.PositiveIntegerField()
    learned_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        verbose_name = "learned hold"
        constraints = [
            *walls("budgets_holdsize", app="select, insert, update"),
            SameTenant(field="workload", name="budgets_holdsize_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "model"], name="budgets_holdsize_one"),
        ]


class UserMonth(TenantModel):
    """One user's counters for one workload and month: the sums of their entries."""

    workload = models.ForeignKey(
        "workloads.Workload", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    user_key = models.CharField(max_length=32)
    month = models.CharField(max_length=80)
    settled = tokens()
    held = tokens()
    metered = tokens()

    class Meta:
        default_permissions = ()
        verbose_name = "user's month"
        constraints = [
            *walls("budgets_usermonth", app="select, insert, update"),
            SameTenant(field="workload", name="budgets_usermonth_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "month", "user_key"], name="budgets_usermonth_one"),
            models.CheckConstraint(condition=Q(settled__gte=0, held__gte=0), name="budgets_usermonth_counts"),
        ]
        indexes = [models.Index(fields=["tenant", "user_key", "month"], name="budgets_usermonth_of_user")]


class WorkloadMonth(TenantModel):
    """One workload's money in one month, across its users: what the spend cap stands over."""

    workload = models.ForeignKey(
        "workloads.Workload", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    month = models.CharField(max_length=80)
    spent = money(default=0)
    held = money(default=0)

    class Meta:
        default_permissions = ()
        verbose_name = "workload's month"
        constraints = [
            *walls("budgets_workloadmonth", app="select, insert, update"),
            SameTenant(field="workload", name="budgets_workloadmonth_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "month"], name="budgets_workloadmonth_one"),
            models.CheckConstraint(condition=Q(spent__gte=0, held__gte=0), name="budgets_workloadmonth_counts"),
        ]


class ReservationState(models.TextChoices):
    HELD = "held", "held"
    SETTLED = "settled", "settled"
    RELEASED = "released", "released"
    ESTIMATED = "estimated", "expired, estimated"
    CORRECTED = "corrected", "corrected by a person"


class Reservation(TenantModel):
    """One attempt of one model call: what it may spend, and what has become of it.

    ``input_tokens`` and ``output_tokens`` are what was reserved until it is settled, then what was used; ``held``
    never changes. ``cost`` is None where no price was known. ``request_id`` groups the attempts of one request.
    ``opt_in`` is what its tokens beyond the ceiling stand on.
    """

    workload = models.ForeignKey(
        "workloads.Workload", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    user_key = models.CharField(max_length=32)
    month = models.CharField(max_length=80)
    tier = models.ForeignKey(UserTier, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    request_id = models.UUIDField()
    attempt = models.PositiveSmallIntegerField()
    session = models.CharField(max_length=100, blank=True)
    idempotency_key = models.CharField(max_length=100, blank=True)
    credential = models.UUIDField()
    decision = models.CharField(max_length=10)
    reason = models.CharField(max_length=30)
    pattern = models.CharField(max_length=10)
    requested_model = models.CharField(max_length=120)
    model = models.CharField(max_length=120)
    asked_input = models.BigIntegerField()
    held = models.BigIntegerField()
    held_money = money()
    metered = tokens()
    input_price = money()
    output_price = money()
    state = models.CharField(max_length=10, choices=ReservationState.choices, default=ReservationState.HELD)
    used_input = models.BigIntegerField(null=True)
    used_output = models.BigIntegerField(null=True)
    cost = money(null=True)
    served_model = models.CharField(max_length=120, blank=True)
    expires_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    version = models.CharField(max_length=60, blank=True)
    opt_in = models.ForeignKey(
        "budgets.MeteredOptIn", models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )

    class Meta:
        default_permissions = ()
        verbose_name = "reservation"
        constraints = [
            *walls(
                "budgets_reservation",
                app="select, insert, update",
                ops_columns=["tenant_id", "id", "expires_at", "state"],
            ),
            SameTenant(field="workload", name="budgets_reservation_workload_fk"),
            SameTenant(field="tier", name="budgets_reservation_tier_fk"),
            SameTenant(field="opt_in", name="budgets_reservation_optin_fk"),
            models.UniqueConstraint(fields=["tenant", "request_id", "attempt"], name="budgets_reservation_attempt"),
            models.UniqueConstraint(
                fields=["tenant", "credential", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="budgets_reservation_idempotent",
            ),
            models.CheckConstraint(condition=Q(held__gte=1, asked_input__gte=1), name="budgets_reservation_positive"),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state="held"),
                include=["tenant"],
                name="budgets_reservation_due",
            ),
            models.Index(
                fields=["tenant", "workload", "user_key", "session"],
                condition=~Q(session=""),
                name="budgets_reservation_session",
            ),
            models.Index(fields=["tenant", "workload", "month", "user_key"], name="budgets_reservation_month"),
            models.Index(
                fields=["tenant", "workload", "model", "-settled_at"],
                condition=Q(state="settled"),
                name="budgets_reservation_learn",
            ),
            models.Index(
                fields=["tenant", "workload", "month", "created_at", "id"],
                condition=Q(metered__gt=0),
                name="budgets_reservation_metered",
            ),
        ]

    @property
    def output(self) -> int:
        """The most that the call may answer, in tokens."""
        return self.held - self.asked_input


class EntryKind(models.TextChoices):
    HOLD = "hold", "held"
    SETTLE = "settle", "settled"
    RELEASE = "release", "released"
    EXPIRE = "expire", "expired, estimated"
    ADJUST = "adjust", "adjusted"


class Entry(TenantModel):
    """One movement of the ledger: what it changed in the counters. Written once, never changed."""

    reservation = models.ForeignKey(
        Reservation, models.PROTECT, db_constraint=False, db_index=False, related_name="entries"
    )
    workload = models.ForeignKey(
        "workloads.Workload", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    user_key = models.CharField(max_length=32)
    month = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=EntryKind.choices)
    at = models.DateTimeField()
    held = tokens()
    settled = tokens()
    metered = tokens()
    held_money = money(default=0)
    spent = money(default=0)
    by = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "ledger entry"
        constraints = [
            *walls("budgets_entry", app="select, insert"),
            SameTenant(field="reservation", name="budgets_entry_reservation_fk"),
            SameTenant(field="workload", name="budgets_entry_workload_fk"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "workload", "month", "user_key", "at"],
                include=["held", "settled", "metered", "held_money", "spent"],
                name="budgets_entry_sums",
            ),
            models.Index(fields=["tenant", "reservation"], name="budgets_entry_of"),
        ]


class BudgetAlert(TenantModel):
    """One threshold of one user's month, once (COST-3): this row is the alert."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    user_key = models.CharField(max_length=32)
    month = models.CharField(max_length=80)
    threshold = models.PositiveSmallIntegerField()
    place = models.PositiveSmallIntegerField()
    used = models.BigIntegerField()
    ceiling = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        verbose_name = "budget alert"
        constraints = [
            *walls("budgets_budgetalert", app="select, insert"),
            SameTenant(field="workload", name="budgets_budgetalert_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "month", "user_key", "place"], name="budgets_budgetalert_once"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "user_key", "month"], name="budgets_alert_of_user")]


class Closure(TenantModel):
    """A credential that spent more than it held: nothing is admitted for it until a person opens it (COST-4)."""

    credential = models.UUIDField()
    reservation = models.ForeignKey(Reservation, models.PROTECT, db_constraint=False, related_name="+")
    over = models.BigIntegerField()
    opened_at = models.DateTimeField(null=True)
    opened_by = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "closed admissions"
        constraints = [
            *walls("budgets_closure", app="select, insert, update"),
            SameTenant(field="reservation", name="budgets_closure_reservation_fk"),
            models.UniqueConstraint(
                fields=["tenant", "credential"], condition=Q(opened_at=None), name="budgets_closure_one_open"
            ),
        ]


class LedgerCheck(TenantModel):
    """The last comparison of the counters with the ledger (COST-4): one row a tenant, ``differing`` has to be 0."""

    checked_at = models.DateTimeField()
    counters = models.PositiveIntegerField()
    differing = models.PositiveIntegerField()
    found = models.JSONField(default=list)

    class Meta:
        default_permissions = ()
        verbose_name = "ledger check"
        constraints = [
            *walls("budgets_ledgercheck", app="select, insert, update"),
            models.UniqueConstraint(fields=["tenant"], name="budgets_ledgercheck_one"),
        ]


class MeteredOptIn(TenantModel):
    """The workspace admin's signed consent that a tier goes on beyond its ceiling and is billed for it (COST-2).

    ``ceiling`` and ``cap`` (the workload's spend cap: the most that a month can cost) are as they were signed. It is
    asked for until it is granted, and in force from then until ``until``, unless it ended before.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    tier = models.ForeignKey(UserTier, models.PROTECT, db_constraint=False, related_name="+")
    requester = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    ceiling = models.BigIntegerField()
    cap = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    until = models.DateTimeField()
    granted_at = models.DateTimeField(null=True)
    signed_by = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "opt-in to metered billing"
        verbose_name_plural = "opt-ins to metered billing"
        constraints = [
            *walls("budgets_meteredoptin", app="select, insert, update"),
            SameTenant(field="workload", name="budgets_meteredoptin_workload_fk"),
            SameTenant(field="tier", name="budgets_meteredoptin_tier_fk"),
            MemberOfTenant(field="requester", name="budgets_meteredoptin_requester_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "tier"],
                condition=Q(granted_at=None, ended_at=None),
                name="budgets_meteredoptin_one_asked",
            ),
            models.UniqueConstraint(
                fields=["tenant", "workload", "tier"],
                condition=Q(granted_at__isnull=False, ended_at=None),
                name="budgets_meteredoptin_one_in_force",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at", "id"], name="budgets_optins")]

    def standing(self, now: datetime) -> str:
        """One word: asked, granted or ended."""
        if self.ended_at is None and self.granted_at is None:
            return "asked"
        return "granted" if self.ended_at is None and now < self.until else "ended"


class MailState(models.TextChoices):
    SENDING = "sending", "on its way"
    SENT = "sent", "sent"
    FAILED = "failed", "not taken by the mail server"


class AlertMail(TenantModel):
    """The one mail of an alert, and to whom (COST-3): claimed before it is sent, so that it never goes out twice."""

    alert = models.ForeignKey(BudgetAlert, models.PROTECT, db_constraint=False, related_name="+")
    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=MailState.choices, default=MailState.SENDING)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        verbose_name = "mail of a budget alert"
        verbose_name_plural = "mails of budget alerts"
        constraints = [
            *walls("budgets_alertmail", app="select, insert, update"),
            SameTenant(field="alert", name="budgets_alertmail_alert_fk"),
            MemberOfTenant(field="person", name="budgets_alertmail_person_fk"),
            models.UniqueConstraint(fields=["tenant", "alert"], name="budgets_alertmail_once"),
        ]
