"""What the classifier learns from, what it learned, and what is asked before it (domain, section 7: DISP-1, DISP-3)."""

from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.dispatch.classify.curve import Point
from apps.dispatch.classify.features import LONGEST
from apps.dispatch.classify.reading import LONGEST_TOPIC
from apps.dispatch.classify.rules import LONGEST_PHRASE
from portal.tenancy.constraints import SameTenant, walls
from portal.tenancy.models import TenantModel


class ExampleSource(models.TextChoices):
    GIVEN = "given", "given"
    CORRECTED = "corrected", "corrected"


class Example(TenantModel):
    """A text and whose it is; without a workload it is nobody's. ``digest`` is that of the text as it is compared, so a
    text stands once.

    ``said_at`` is when somebody last said whose it is: a correction later than the newest training waits for the next
    one.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, null=True, related_name="+")
    topic = models.CharField(max_length=LONGEST_TOPIC, blank=True)
    text = models.CharField(max_length=LONGEST)
    digest = models.CharField(max_length=64)
    source = models.CharField(max_length=10, choices=ExampleSource.choices)
    request_id = models.CharField(max_length=64, blank=True)
    said_by = models.CharField(max_length=200)
    said_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("dispatch_example"),
            SameTenant(field="workload", name="dispatch_example_workload_fk"),
            models.UniqueConstraint(fields=["tenant", "digest"], name="dispatch_example_text"),
        ]
        indexes = [
            models.Index(fields=["tenant", "workload", "-said_at", "-id"], name="dispatch_examples"),
            models.Index(
                fields=["tenant", "-said_at", "-id"], name="dispatch_corrections", condition=Q(source="corrected")
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class Classifier(TenantModel):
    """One trained version. Never changed: what it is, what it learned from, and how cross-validation judged it.

    ``data`` is no pickle (:mod:`apps.dispatch.classify.storage`). ``right`` and ``none`` are shares at ``threshold``,
    the one that cross-validation chose; ``curve`` is a list of ``[threshold, right, wrong, none]``.
    """

    number = models.PositiveIntegerField()
    data = models.BinaryField()
    examples = models.PositiveIntegerField()
    nobodys = models.PositiveIntegerField()
    workloads = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    threshold = models.FloatField()
    right = models.FloatField()
    none = models.FloatField(null=True)
    curve = models.JSONField()
    took_ms = models.PositiveIntegerField()
    asked_by = models.CharField(max_length=200)
    # When its examples were read: what was said later isn't in it.
    read_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("dispatch_classifier", app="select, insert, delete"),
            models.UniqueConstraint(fields=["tenant", "number"], name="dispatch_classifier_number"),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1), name="dispatch_classifier_threshold"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def seconds(self) -> float:
        return self.took_ms / 1_000

    @property
    def points(self) -> list[Point]:
        return [Point(*row) for row in self.curve]


class Dispatcher(TenantModel):
    """A tenant's one: which version answers from which threshold on, and the training that is due.

    ``turn`` counts the trainings that were begun: one that was overtaken recognises itself and writes nothing.
    """

    live = models.ForeignKey(Classifier, models.PROTECT, db_constraint=False, null=True, related_name="+")
    threshold = models.FloatField(default=1.0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    live_since = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    turn = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_by = models.CharField(max_length=200, blank=True)
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("dispatch_dispatcher", app="select, insert, update", ops_columns=("id", "tenant_id", "due_at")),
            SameTenant(field="live", name="dispatch_dispatcher_live_fk"),
            models.UniqueConstraint(fields=["tenant"], name="dispatch_dispatcher_one"),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1), name="dispatch_dispatcher_threshold"
            ),
            models.CheckConstraint(
                condition=Q(live=None, live_since=None) | Q(live__isnull=False, live_since__isnull=False),
                name="dispatch_dispatcher_live_since",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="dispatch_training_due", condition=Q(due_at__isnull=False))]

    def __str__(self) -> str:
        return "dispatcher"


class Rule(TenantModel):
    """Asked before the classifier, by ``place``: a text with all of ``phrases`` in it is the workload's."""

    place = models.PositiveSmallIntegerField()
    phrases = ArrayField(models.CharField(max_length=LONGEST_PHRASE))
    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    made_by = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("dispatch_rule"),
            SameTenant(field="workload", name="dispatch_rule_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "place"], name="dispatch_rule_place", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(condition=~Q(phrases=[]), name="dispatch_rule_phrases"),
        ]

    def __str__(self) -> str:
        return self.said

    @property
    def said(self) -> str:
        """The phrases as a person reads them."""
        return ", ".join(str(phrase).strip() for phrase in self.phrases)


def stored(points: Iterable[Point]) -> list[list[float | None]]:
    """A curve as it is kept."""
    return [[p.threshold, p.right, p.wrong, p.none] for p in points]
