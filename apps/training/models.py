"""Modules, cohorts and who completed what (domain, section 12: FEED-4)."""

from django.db import models

from apps.training.rules import LEAST_SHARE, TOPICS, How, Question
from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel

HOW = [(how.value, how.value) for how in How]


class Module(TenantModel):
    """One short lesson of a workload. A new text is a new revision; ``counts_from`` is the oldest that still counts.

    ``questions`` is a list of ``{"text", "answers", "right"}``.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    topic = models.CharField(max_length=20, choices=[(topic.value, words) for topic, words in TOPICS.items()])
    title = models.CharField(max_length=100)
    text = models.TextField()
    questions = models.JSONField(default=list)
    valid_days = models.PositiveSmallIntegerField(default=365)
    revision = models.PositiveIntegerField(default=1)
    counts_from = models.PositiveIntegerField(default=1)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("training_module", app="select, insert, update"),
            SameTenant(field="workload", name="training_module_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "title"], name="training_module_title"),
            models.CheckConstraint(
                condition=models.Q(counts_from__gte=1, counts_from__lte=models.F("revision")),
                name="training_module_counts_from",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def asks(self) -> list[Question]:
        return [Question(each["text"], tuple(each["answers"]), each["right"]) for each in self.questions]


class Cohort(TenantModel):
    """People who begin together: a department, a region. ``attribute`` and ``value`` are what a rollout's phase names.

    ``is_first`` marks the first users, who have to be trained before the Harden gate opens (H8).
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    name = models.CharField(max_length=100)
    attribute = models.CharField(max_length=60, blank=True)
    value = models.CharField(max_length=200, blank=True)
    threshold = models.PositiveSmallIntegerField(default=LEAST_SHARE)
    is_first = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("training_cohort", app="select, insert, update"),
            SameTenant(field="workload", name="training_cohort_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "workload", "name"], name="training_cohort_name"),
            models.CheckConstraint(
                condition=models.Q(threshold__gte=LEAST_SHARE, threshold__lte=100), name="training_cohort_threshold"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CohortMember(TenantModel):
    """One person of a cohort."""

    cohort = models.ForeignKey(Cohort, models.CASCADE, db_constraint=False, related_name="members")
    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("training_cohortmember", app="select, insert, delete"),
            SameTenant(field="cohort", name="training_cohortmember_cohort_fk"),
            MemberOfTenant(field="person", name="training_cohortmember_person_fk"),
            models.UniqueConstraint(fields=["tenant", "cohort", "person"], name="training_cohortmember_once"),
        ]
        indexes = [models.Index(fields=["tenant", "person"], name="training_cohorts_of")]

    def __str__(self) -> str:
        return str(self.person_id)


class Completion(TenantModel):
    """A person completed a revision of a module. Never changed; it counts on ``[completed_at, until)``.

    ``recorded_by`` is the person themselves for a check, and whoever was there for attendance: never the same one.
    """

    module = models.ForeignKey(Module, models.PROTECT, db_constraint=False, related_name="completions")
    person = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField()
    how = models.CharField(max_length=10, choices=HOW)
    recorded_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    completed_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("training_completion", app="select, insert"),
            SameTenant(field="module", name="training_completion_module_fk"),
            models.CheckConstraint(
                condition=models.Q(how=How.CHECK, recorded_by=models.F("person"))
                | (models.Q(how=How.ATTENDED) & ~models.Q(recorded_by=models.F("person"))),
                name="training_completion_second_person",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "module", "person", "-completed_at"], name="training_completions")]

    def __str__(self) -> str:
        return f"{self.how} of {self.module_id}"
