"""Rotas: rotations through their versions, what overrides them, and the past as it was (domain, section 9)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.ownership.rotation import MIDNIGHT, Unit
from apps.ownership.rules import JOBS
from apps.ownership.schedule import Change
from portal.tenancy.constraints import KnownRow, MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel

UNITS = [(unit.value, unit.value) for unit in Unit]
CHANGES = [(change.value, change.value) for change in Change]


class Rota(TenantModel):
    """Who of a team answers, when. ``rank`` 1 is woken first, 2 is the secondary.

    ``target_*`` say what has to be covered; without ``has_target`` nothing is nagged about. Before ``frozen_until``
    the answer stands in :class:`FrozenDuty` and no longer moves (V29); ``freeze_at`` is when the next stretch is due.
    """

    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, related_name="+")
    name = models.CharField(max_length=100)
    rank = models.PositiveSmallIntegerField(default=1)
    zone = models.CharField(max_length=60)
    has_target = models.BooleanField(default=True)
    target_days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    target_starts = models.TimeField(default=MIDNIGHT)
    target_ends = models.TimeField(default=MIDNIGHT)
    # The first instant ahead that nobody covers, or the horizon: worked out anew with every change and every freeze.
    covered_until = models.DateTimeField()
    frozen_until = models.DateTimeField()
    freeze_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_rota", app="select, insert, update", ops_columns=["tenant_id", "id", "freeze_at"]),
            SameTenant(field="team", name="ownership_rota_team_fk"),
            models.UniqueConstraint(fields=["tenant", "team", "rank"], name="ownership_rota_rank"),
            models.CheckConstraint(condition=models.Q(rank__gte=1, rank__lte=5), name="ownership_rota_rank_range"),
        ]
        indexes = [models.Index(fields=["freeze_at"], include=["tenant"], name="ownership_rota_due")]

    def __str__(self) -> str:
        return self.name


class Rotation(TenantModel):
    """One layer of a rota; what it says stands in its versions."""

    rota = models.ForeignKey(Rota, models.PROTECT, db_constraint=False, related_name="rotations")
    name = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField(default=1)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_rotation", app="select, insert"),
            SameTenant(field="rota", name="ownership_rotation_rota_fk"),
            models.UniqueConstraint(fields=["tenant", "rota", "name"], name="ownership_rotation_name"),
        ]

    def __str__(self) -> str:
        return self.name


class RotationVersion(TenantModel):
    """Who takes turns from ``valid_from`` on. Never changed, except that a later version ends it.

    The anchor is a local wall time, kept as it was written (V26). ``replaced_at`` is when the later version was made,
    so that it can be told what was known before.
    """

    rotation = models.ForeignKey(Rotation, models.PROTECT, db_constraint=False, related_name="versions")
    number = models.PositiveIntegerField()
    anchor_day = models.DateField()
    anchor_time = models.TimeField()
    zone = models.CharField(max_length=60)
    unit = models.CharField(max_length=10, choices=UNITS)
    length = models.PositiveSmallIntegerField(default=1)
    participants = ArrayField(models.UUIDField())
    has_hours = models.BooleanField(default=False)
    days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    starts = models.TimeField(default=MIDNIGHT)
    ends = models.TimeField(default=MIDNIGHT)
    counts_active_days = models.BooleanField(default=True)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(null=True)
    by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_rotationversion", app="select, insert, update (valid_to, replaced_at)"),
            SameTenant(field="rotation", name="ownership_rotationversion_rotation_fk"),
            models.UniqueConstraint(fields=["tenant", "rotation", "number"], name="ownership_rotationversion_number"),
            models.UniqueConstraint(
                fields=["tenant", "rotation"],
                condition=models.Q(valid_to=None),
                name="ownership_rotationversion_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_to=None) | models.Q(valid_to__gte=models.F("valid_from")),
                name="ownership_rotationversion_valid",
            ),
            models.CheckConstraint(condition=models.Q(length__gte=1), name="ownership_rotationversion_length"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class RotaOverride(TenantModel):
    """Somebody more, somebody less, or one instead of another, for a while."""

    rota = models.ForeignKey(Rota, models.PROTECT, db_constraint=False, related_name="overrides")
    change = models.CharField(max_length=10, choices=CHANGES)
    start = models.DateTimeField()
    end = models.DateTimeField()
    person = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    instead_of = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_rotaoverride", app="select, insert, update (cancelled_at)"),
            SameTenant(field="rota", name="ownership_rotaoverride_rota_fk"),
            MemberOfTenant(field="person", name="ownership_rotaoverride_person_fk"),
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="ownership_rotaoverride_span"),
            models.CheckConstraint(
                condition=(models.Q(change=Change.REPLACE, person__isnull=False, instead_of__isnull=False))
                | (~models.Q(change=Change.REPLACE) & models.Q(person__isnull=False, instead_of=None)),
                name="ownership_rotaoverride_people",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "rota", "end"], name="ownership_overrides")]

    def __str__(self) -> str:
        return self.change


class TemporarySchedule(TenantModel):
    """For a while nothing else counts. ``spans`` is a list of ``{"start", "end", "person"}``."""

    rota = models.ForeignKey(Rota, models.PROTECT, db_constraint=False, related_name="temporaries")
    start = models.DateTimeField()
    end = models.DateTimeField()
    spans = models.JSONField()
    fallback = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_temporaryschedule", app="select, insert, update (cancelled_at)"),
            SameTenant(field="rota", name="ownership_temporaryschedule_rota_fk"),
            models.CheckConstraint(
                condition=models.Q(end__gt=models.F("start")), name="ownership_temporaryschedule_span"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "rota", "end"], name="ownership_temporaries")]

    def __str__(self) -> str:
        return self.reason


class ShiftSwap(TenantModel):
    """A shift that its holder offers, and who took it. It belongs to the shift's number, and moves with the shift."""

    version = models.ForeignKey(RotationVersion, models.PROTECT, db_constraint=False, related_name="swaps")
    shift = models.IntegerField()
    offered_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    note = models.CharField(max_length=300, blank=True)
    taken_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    taken_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_shiftswap", app="select, insert, update (taken_by_id, taken_at, cancelled_at)"),
            SameTenant(field="version", name="ownership_shiftswap_version_fk"),
            MemberOfTenant(field="taken_by", name="ownership_shiftswap_taker_fk"),
            models.UniqueConstraint(
                fields=["tenant", "version", "shift"],
                condition=models.Q(cancelled_at=None),
                name="ownership_shiftswap_one",
            ),
        ]

    def __str__(self) -> str:
        return f"shift {self.shift}"


class FrozenDuty(TenantModel):
    """Who was on call, as it was when it passed: no later change of rules, zones or people moves it (V29)."""

    rota = models.ForeignKey(Rota, models.PROTECT, db_constraint=False, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()
    people = ArrayField(models.UUIDField())

    class Meta:
        default_permissions = ()
        verbose_name_plural = "frozen duties"
        constraints = [
            *walls("ownership_frozenduty", app="select, insert"),
            SameTenant(field="rota", name="ownership_frozenduty_rota_fk"),
            models.UniqueConstraint(fields=["tenant", "rota", "start"], name="ownership_frozenduty_start"),
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="ownership_frozenduty_span"),
        ]

    def __str__(self) -> str:
        return str(self.start)


class TeamOfThree(TenantModel):
    """Who does one of the three jobs that every workload names somebody for (domain, section 1)."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    job = models.CharField(max_length=20, choices=[(job.value, words) for job, words in JOBS.items()])
    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        verbose_name_plural = "teams of three"
        constraints = [
            *walls("ownership_teamofthree", app="select, insert, delete"),
            SameTenant(field="workload", name="ownership_teamofthree_workload_fk"),
            MemberOfTenant(field="person", name="ownership_teamofthree_person_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "job", "person"], name="ownership_teamofthree_once"),
        ]

    def __str__(self) -> str:
        return self.job


class Handover(TenantModel):
    """A workload offered to another owner or another team. It changes hands when they accept, not before (CALL-1)."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    to_owner = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    to_team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, null=True, related_name="+")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    accepted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_handover", app="select, insert, update (accepted_by_id, ended_at)"),
            SameTenant(field="workload", name="ownership_handover_workload_fk"),
            SameTenant(field="to_team", name="ownership_handover_team_fk"),
            MemberOfTenant(field="to_owner", name="ownership_handover_owner_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload"],
                condition=models.Q(ended_at=None, to_team=None),
                name="ownership_handover_one_owner",
            ),
            models.UniqueConstraint(
                fields=["tenant", "workload"],
                condition=models.Q(ended_at=None, to_owner=None),
                name="ownership_handover_one_team",
            ),
            models.CheckConstraint(
                condition=models.Q(to_owner=None, to_team__isnull=False)
                | models.Q(to_team=None, to_owner__isnull=False),
                name="ownership_handover_one_of_two",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at"], name="ownership_handovers")]

    def __str__(self) -> str:
        return f"hand-over of {self.workload_id}"


class CalendarFeed(TenantModel):
    """A secret address under which a calendar is read: of one rota, or of all shifts of the person who made it.

    ``key`` names it; the rest of the address is derived (:func:`portal.secrets.derived`) and stored nowhere.
    """

    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    rota = models.ForeignKey(Rota, models.PROTECT, db_constraint=False, null=True, related_name="+")
    key = models.CharField(max_length=12, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_calendarfeed", app="select, insert, update (revoked_at)"),
            KnownRow(field="key", setting="portal.calendar_key", name="ownership_calendarfeed_known_row"),
            MemberOfTenant(field="person", name="ownership_calendarfeed_person_fk"),
            SameTenant(field="rota", name="ownership_calendarfeed_rota_fk"),
            models.UniqueConstraint(fields=["tenant", "key"], name="ownership_calendarfeed_key"),
        ]
        indexes = [
            models.Index(fields=["key"], name="ownership_calendar_by_key"),
            models.Index(fields=["tenant", "person"], name="ownership_calendars"),
        ]

    def __str__(self) -> str:
        return self.key


class OwnershipPeriod(TenantModel):
    """Who owned a workload, and which team answered for it, in ``[start, end)``; written when it changes hands."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    owner = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    team = models.ForeignKey("tenants.Team", models.PROTECT, db_constraint=False, null=True, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("ownership_ownershipperiod", app='select, insert, update ("end")'),
            SameTenant(field="workload", name="ownership_ownershipperiod_workload_fk"),
            SameTenant(field="team", name="ownership_ownershipperiod_team_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload"], condition=models.Q(end=None), name="ownership_ownershipperiod_one_open"
            ),
            models.UniqueConstraint(fields=["tenant", "workload", "start"], name="ownership_ownershipperiod_start"),
        ]

    def __str__(self) -> str:
        return str(self.start)
