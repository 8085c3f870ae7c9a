"""Reports, what became of them, and what people made of answers (FEED-1, FEED-2, FEED-3, FEED-5)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.feedback.rules import CATEGORIES, LIVE_SUPPORT, OPEN, SEVERITIES, STATES, Category, Reaction, Severity, State
from portal.tenancy.constraints import KnownRow, MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel

CATEGORY_CHOICES = [(category.value, words) for category, words in CATEGORIES.items()]
REPORT_STATES = [(state.value, words) for state, words in STATES.items()]
REPORT_SEVERITIES = [(severity.value, words) for severity, words in SEVERITIES.items()]
REACTIONS = [(reaction.value, reaction.value) for reaction in Reaction]


class Source(models.TextChoices):
    PORTAL = "portal", "the portal"
    LINK = "link", "a link from the answer"
    WIDGET = "widget", "the widget"
    API = "api", "the API"
    MAIL = "mail", "e-mail"


class Theme(TenantModel):
    """What several reports say in other words. A person made it; whoever knows it as well says "me too"."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    title = models.CharField(max_length=120)
    made_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_theme", app="select, insert, update"),
            SameTenant(field="workload", name="feedback_theme_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "id"], name="feedback_theme_of_workload"),
            models.UniqueConstraint(fields=["tenant", "workload", "title"], name="feedback_theme_title"),
        ]

    def __str__(self) -> str:
        return self.title


class Report(TenantModel):
    """One soft failure as somebody told it. The words never change; what becomes of it does.

    ``reporter`` is a member; ``reporter_key`` stands for somebody who has no sign-in, as in action records. ``near``
    is the report whose text is most alike, as a suggestion. A duplicate goes with the one it is of, and keeps its own
    state for the day it is taken out again.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    reporter = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    reporter_key = models.CharField(max_length=32, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    what_happened = models.TextField()
    would_help = models.TextField()
    category = models.CharField(max_length=20, choices=CATEGORY_CHOICES)
    severity = models.CharField(max_length=10, choices=REPORT_SEVERITIES, default=Severity.MEDIUM)
    request_id = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=15, choices=REPORT_STATES, default=State.NEW)
    fixed_in = models.ForeignKey(
        "workloads.AgentVersion", models.PROTECT, db_constraint=False, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)
    theme = models.ForeignKey(Theme, models.PROTECT, db_constraint=False, null=True, related_name="reports")
    duplicate_of = models.ForeignKey("self", models.PROTECT, db_constraint=False, null=True, related_name="duplicates")
    near = models.ForeignKey("self", models.PROTECT, db_constraint=False, null=True, related_name="+")
    likeness = models.FloatField(null=True)
    better_due_at = models.DateTimeField(null=True)
    is_better = models.BooleanField(null=True)
    # The fix didn't help: it waits for an answer again.
    is_reopened = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_report", app="select, insert, update", ops_columns=["tenant_id", "id", "better_due_at"]),
            SameTenant(field="workload", name="feedback_report_workload_fk"),
            MemberOfTenant(field="reporter", name="feedback_report_reporter_fk"),
            SameTenant(field="fixed_in", via="workload", name="feedback_report_fixed_in_fk"),
            SameTenant(field="theme", via="workload", name="feedback_report_theme_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "id"], name="feedback_report_of_workload"),
            SameTenant(field="duplicate_of", via="workload", name="feedback_report_duplicate_fk"),
            SameTenant(field="near", via="workload", name="feedback_report_near_fk"),
            models.CheckConstraint(
                condition=Q(reporter__isnull=False, reporter_key="") | Q(reporter=None) & ~Q(reporter_key=""),
                name="feedback_report_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state=State.FIXED, fixed_in__isnull=False) | ~Q(state=State.FIXED),
                name="feedback_report_fixed_in_something",
            ),
            models.CheckConstraint(
                condition=Q(state=State.NEW) | Q(answered_at__isnull=False), name="feedback_report_answered"
            ),
            models.CheckConstraint(
                condition=Q(duplicate_of=None) | ~Q(duplicate_of=models.F("id")), name="feedback_report_not_itself"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="feedback_recent"),
            models.Index(fields=["tenant", "workload", "-created_at", "-id"], name="feedback_of_workload"),
            models.Index(
                fields=["tenant", "workload", "-created_at"],
                condition=Q(state__in=sorted(OPEN), duplicate_of=None),
                name="feedback_open",
            ),
            models.Index(fields=["tenant", "reporter", "-created_at", "-id"], name="feedback_of_person"),
            models.Index(
                fields=["tenant", "reporter_key", "-created_at"],
                condition=~Q(reporter_key=""),
                name="feedback_of_key",
            ),
            models.Index(
                fields=["tenant", "duplicate_of"],
                condition=Q(duplicate_of__isnull=False),
                name="feedback_duplicates",
            ),
            models.Index(fields=["tenant", "theme"], condition=Q(theme__isnull=False), name="feedback_of_theme"),
            models.Index(
                fields=["better_due_at"],
                condition=Q(better_due_at__isnull=False),
                include=["tenant"],
                name="feedback_better_due",
            ),
        ]

    def __str__(self) -> str:
        return f"report {self.id}"

    @property
    def title(self) -> str:
        """The first line, for lists and messages."""
        first = self.what_happened.strip().splitlines()[0]
        return first if len(first) <= 80 else f"{first[:79].rstrip()}…"

    @property
    def is_unsafe(self) -> bool:
        return self.category == Category.UNSAFE


class Screenshot(TenantModel):
    """One picture of a report, drawn anew (:mod:`apps.feedback.pictures`)."""

    report = models.ForeignKey(Report, models.PROTECT, db_constraint=False, related_name="screenshots")
    data = models.BinaryField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_screenshot", app="select, insert"),
            SameTenant(field="report", name="feedback_screenshot_report_fk"),
            models.UniqueConstraint(fields=["tenant", "report"], name="feedback_screenshot_one"),
        ]

    def __str__(self) -> str:
        return f"screenshot of {self.report_id}"


class ReportEvent(TenantModel):
    """One thing that happened to a report. Never changed; its reporter reads those that aren't internal."""

    class Kind(models.TextChoices):
        ANSWERED = "answered", "answered"
        MERGED = "merged", "merged"
        UNMERGED = "unmerged", "taken out again"
        GROUPED = "grouped", "grouped"
        UNGROUPED = "ungrouped", "taken out of its group"
        ASKED = "asked", "asked whether it is better"
        BETTER = "better", "it is better"
        NOT_BETTER = "not_better", "it isn't better"

    report = models.ForeignKey(Report, models.PROTECT, db_constraint=False, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=15, blank=True)
    text = models.TextField(blank=True)
    by = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_reportevent", app="select, insert"),
            SameTenant(field="report", name="feedback_reportevent_report_fk"),
        ]
        indexes = [models.Index(fields=["tenant", "report", "created_at"], name="feedback_story")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.report_id}"


class MeToo(TenantModel):
    """Somebody knows a theme from their own work, too; they are told what becomes of it."""

    theme = models.ForeignKey(Theme, models.PROTECT, db_constraint=False, related_name="me_too")
    person = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    person_key = models.CharField(max_length=32, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_metoo", app="select, insert, delete"),
            SameTenant(field="theme", name="feedback_metoo_theme_fk"),
            MemberOfTenant(field="person", name="feedback_metoo_person_fk"),
            models.UniqueConstraint(
                fields=["tenant", "theme", "person", "person_key"], nulls_distinct=False, name="feedback_metoo_once"
            ),
            models.CheckConstraint(
                condition=Q(person__isnull=False, person_key="") | Q(person=None) & ~Q(person_key=""),
                name="feedback_metoo_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"me too on {self.theme_id}"


class ReactionRecord(TenantModel):
    """What somebody did with one answer, once a kind. ``next_look_at``: when its action is looked for again.

    Counted into the minute of its action when that has arrived; given up after a day (``next_look_at`` None).
    ``said_by`` is who reported it; ``started_at`` and ``stay`` (rollout and phase) are its action's, once it is found.
    ``is_own``: said with the ticket of one user, so that it counts for that user's answers alone.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    request_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=REACTIONS)
    user_key = models.CharField(max_length=32, blank=True)
    said_by = models.CharField(max_length=40, blank=True)
    is_own = models.BooleanField(default=False)
    started_at = models.DateTimeField(null=True)
    stay = models.CharField(max_length=60, blank=True)
    counted_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name = "reaction"
        constraints = [
            *walls(
                "feedback_reactionrecord",
                app="select, insert, update, delete",
                ops_columns=["tenant_id", "id", "next_look_at"],
            ),
            SameTenant(field="workload", name="feedback_reactionrecord_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "request_id", "kind"], name="feedback_reactionrecord_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=Q(next_look_at__isnull=False),
                include=["tenant"],
                name="feedback_reactions_due",
            ),
            models.Index(fields=["tenant", "created_at"], name="feedback_reactions_of_day"),
            models.Index(
                fields=["tenant", "user_key", "created_at"],
                condition=Q(is_own=True),
                name="feedback_reactions_own",
            ),
            models.Index(
                fields=["tenant", "started_at"],
                condition=Q(kind__in=["rechecked", "redone"]),
                name="feedback_doubts_of_day",
            ),
            models.Index(
                fields=["tenant", "workload", "stay", "said_by"],
                condition=Q(kind="unhelpful"),
                name="feedback_failures_of_stay",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.request_id}"


class TrustDay(TenantModel):
    """How many users a workload had on a day of the tenant's calendar, and how many of them doubted (FEED-3).

    ``is_falling``: on that day its trust was seen to fall, and an alert was raised.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    day = models.DateField()
    users = models.PositiveIntegerField()
    doubting = models.PositiveIntegerField()
    is_falling = models.BooleanField(default=False)
    as_of = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_trustday", app="select, insert, update"),
            SameTenant(field="workload", name="feedback_trustday_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "day"], name="feedback_trustday_once"),
            models.CheckConstraint(condition=Q(doubting__lte=models.F("users")), name="feedback_trustday_share"),
        ]

    def __str__(self) -> str:
        return f"{self.workload_id} {self.day}"

    @property
    def share(self) -> float | None:
        return self.doubting / self.users if self.users else None


class Desk(TenantModel):
    """Who answers people in the first 30 days of a rollout, when, and how much is expected (FEED-5, ROLL-10).

    ``hours`` is a list of ``[weekday, "09:00", "17:00"]`` on the clock of ``zone``.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    zone = models.CharField(max_length=64)
    hours = models.JSONField()
    target_minutes = models.PositiveIntegerField()
    expected_reports = models.PositiveIntegerField()
    weekly_shares = ArrayField(models.PositiveSmallIntegerField())
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_desk", app="select, insert, update"),
            SameTenant(field="workload", name="feedback_desk_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload"], name="feedback_desk_one"),
            models.CheckConstraint(condition=Q(target_minutes__gte=1), name="feedback_desk_target"),
        ]

    def __str__(self) -> str:
        return f"desk of {self.workload_id}, {LIVE_SUPPORT.days} days"


class DeskPerson(TenantModel):
    """One person of a desk."""

    desk = models.ForeignKey(Desk, models.CASCADE, db_constraint=False, related_name="people")
    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_deskperson", app="select, insert, delete"),
            SameTenant(field="desk", name="feedback_deskperson_desk_fk"),
            MemberOfTenant(field="person", name="feedback_deskperson_person_fk"),
            models.UniqueConstraint(fields=["tenant", "desk", "person"], name="feedback_deskperson_once"),
        ]

    def __str__(self) -> str:
        return str(self.person_id)


class Widget(TenantModel):
    """The script on somebody else's page: for which workload, and from which origins alone it is answered.

    ``key`` stands in the page and finds the row before any tenant is known; it proves nothing.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    name = models.CharField(max_length=100)
    key = models.CharField(max_length=12, editable=False)
    origins = ArrayField(models.CharField(max_length=200))
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("feedback_widget", app="select, insert, update"),
            KnownRow(field="key", setting="portal.widget_key", name="feedback_widget_known_row"),
            SameTenant(field="workload", name="feedback_widget_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "key"], name="feedback_widget_key"),
        ]
        indexes = [models.Index(fields=["key"], name="feedback_widget_by_key")]

    def __str__(self) -> str:
        return self.name
