"""Evidence, attempts at gates, waivers, declared red flags, moves back, and a tenant's tighter thresholds."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.gates.evaluations.comparison import MOST_MARGIN
from apps.workloads.policy import Stage
from portal.tenancy.constraints import MemberOfTenant, SameTenant, walls
from portal.tenancy.models import TenantModel


class Source(models.TextChoices):
    ATTESTATION = "attestation", "Attested by a person"
    MEASURED = "measured", "Measured from the portal's own records"
    FROZEN = "frozen", "Frozen when a gate was asked for"


class Evidence(TenantModel):
    """One record that a criterion rests on (STAGE-1). Never changed: a later one takes its place.

    ``content_hash`` is SHA-256 over canonical JSON of ``content``; ``observed_at`` is when it was so, from which its
    life counts. ``notice_at`` is when somebody has to hear that it runs out, or has. ``origin`` is the record that a
    frozen copy of facts came from.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    kind = models.CharField(max_length=40)
    source = models.CharField(max_length=20, choices=Source.choices)
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    observed_at = models.DateTimeField()
    notice_at = models.DateTimeField(null=True)
    author = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    origin = models.ForeignKey("self", models.PROTECT, db_constraint=False, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        verbose_name_plural = "evidence"
        constraints = [
            *walls(
                "gates_evidence",
                app="select, insert, update (notice_at)",
                ops_columns=["tenant_id", "id", "notice_at"],
            ),
            SameTenant(field="workload", name="gates_evidence_workload_fk"),
            SameTenant(field="origin", name="gates_evidence_origin_fk"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "workload", "kind", "-observed_at", "-created_at"], name="gates_evidence_newest"
            ),
            models.Index(
                fields=["notice_at"],
                condition=models.Q(notice_at__isnull=False),
                include=["tenant"],
                name="gates_evidence_due",
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class GateAttempt(TenantModel):
    """One request to open a stage's gate, with all that was decided upon (STAGE-5).

    The snapshot never changes; the application's role may write the three columns that say what became of it.
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    stage = models.CharField(max_length=20, choices=Stage.choices)
    requester = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)
    opened_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_gateattempt", app="select, insert, update (opened_at, ended_at, end_reason)"),
            SameTenant(field="workload", name="gates_gateattempt_workload_fk"),
            models.UniqueConstraint(
                fields=["tenant", "workload", "stage"],
                condition=models.Q(opened_at__isnull=False, ended_at=None),
                name="gates_gateattempt_one_open",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at"], name="gates_attempts")]

    def __str__(self) -> str:
        return f"{self.stage} gate"


class StageMove(TenantModel):
    """A step back to an earlier stage, with its reason. What red flags say about the time before it is over."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    before = models.CharField(max_length=20, choices=Stage.choices)
    after = models.CharField(max_length=20, choices=Stage.choices)
    reason = models.TextField()
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_stagemove", app="select, insert"),
            SameTenant(field="workload", name="gates_stagemove_workload_fk"),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at"], name="gates_moves")]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"


class RedFlag(TenantModel):
    """A red flag that a person raised. It stands until the workload goes back a stage (STAGE-4); nothing waives it."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    stage = models.CharField(max_length=20, choices=Stage.choices)
    what = models.TextField()
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_redflag", app="select, insert"),
            SameTenant(field="workload", name="gates_redflag_workload_fk"),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at"], name="gates_flags")]

    def __str__(self) -> str:
        return self.what[:60]


class Waiver(TenantModel):
    """A criterion that two approvers let stand open for at most 30 days (STAGE-4). Never one of Harden's."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    criterion = models.CharField(max_length=10)
    reason = models.TextField()
    days = models.PositiveSmallIntegerField()
    requester = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_waiver", app="select, insert, update (granted_at, until)"),
            SameTenant(field="workload", name="gates_waiver_workload_fk"),
            models.CheckConstraint(condition=models.Q(days__gte=1, days__lte=30), name="gates_waiver_days"),
            models.CheckConstraint(condition=~models.Q(criterion__startswith="H"), name="gates_waiver_never_harden"),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at"], name="gates_waivers")]

    def __str__(self) -> str:
        return self.criterion


class CriterionLimit(TenantModel):
    """A tenant's own threshold, tighter than the default."""

    criterion = models.CharField(max_length=10)
    name = models.CharField(max_length=40)
    value = models.FloatField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_criterionlimit", app="select, insert, update"),
            models.UniqueConstraint(fields=["tenant", "criterion", "name"], name="gates_criterionlimit_one"),
        ]

    def __str__(self) -> str:
        return f"{self.criterion} {self.name}"


class OwnCriterion(TenantModel):
    """A criterion that a tenant adds to a stage. It never changes: a new one takes its place, and this one is retired.

    ``shapes``, ``sensitivities`` and ``customer_facing_only`` say whom it concerns (empty: everybody). Before
    ``counts_from`` it is shown and keeps nothing closed.
    """

    code = models.CharField(max_length=6)
    stage = models.CharField(max_length=20, choices=Stage.choices)
    title = models.CharField(max_length=100)
    intro = models.CharField(max_length=500)
    valid_days = models.PositiveSmallIntegerField(null=True)
    shapes = ArrayField(models.CharField(max_length=20), default=list)
    sensitivities = ArrayField(models.CharField(max_length=20), default=list)
    customer_facing_only = models.BooleanField(default=False)
    counts_from = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")

    class Meta:
        default_permissions = ()
        verbose_name_plural = "own criteria"
        constraints = [
            *walls("gates_owncriterion", app="select, insert, update (retired_at)"),
            models.UniqueConstraint(fields=["tenant", "code"], name="gates_owncriterion_code"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"


class Attachment(TenantModel):
    """A file that belongs to a document. Its digest stands in the document, so that signatures cover it."""

    evidence = models.ForeignKey(Evidence, models.PROTECT, db_constraint=False, related_name="attachments")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=60)
    digest = models.CharField(max_length=64)
    data = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_attachment", app="select, insert"),
            SameTenant(field="evidence", name="gates_attachment_evidence_fk"),
            models.UniqueConstraint(fields=["tenant", "evidence", "digest"], name="gates_attachment_once"),
        ]

    def __str__(self) -> str:
        return self.name


class EvalSet(TenantModel):
    """The set of inputs that every version of a workload is run on, who keeps it, and how much worse is too much.

    ``margin`` is a share of the inputs; a run is fresh for ``fresh_days`` (WORK-5).
    """

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    name = models.CharField(max_length=100)
    owner = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    margin = models.FloatField(default=0.02)
    fresh_days = models.PositiveSmallIntegerField(default=30)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_evalset", app="select, insert, update"),
            SameTenant(field="workload", name="gates_evalset_workload_fk"),
            MemberOfTenant(field="owner", name="gates_evalset_owner_fk"),
            models.UniqueConstraint(fields=["tenant", "workload"], name="gates_evalset_one"),
            models.CheckConstraint(
                condition=models.Q(margin__gte=0, margin__lte=MOST_MARGIN), name="gates_evalset_margin"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Purpose(models.TextChoices):
    ACCURACY = "accuracy", "Accuracy: was the answer right"
    SHADOW = "shadow", "Shadow run: did it agree with the manual process"
    EVAL_SET = "eval_set", "Eval set: this version against the one before"


class Upload(TenantModel):
    """An evaluation file that somebody sent over the page and that a worker reads: its state, its progress, its end.

    ``due_at`` is when a worker has to take it, or to take it over from one that died; None once it has ended.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        READING = "reading", "Reading"
        IMPORTED = "imported", "Imported"
        REFUSED = "refused", "Refused"

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    version = models.ForeignKey("workloads.AgentVersion", models.PROTECT, db_constraint=False, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    mapping = models.TextField(blank=True)
    file_name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    done = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    problems = ArrayField(models.TextField(), default=list)
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    due_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls(
                "gates_upload",
                app="select, insert, update (done, state, problems, due_at, attempt)",
                ops_columns=["tenant_id", "id", "due_at"],
            ),
            SameTenant(field="workload", name="gates_upload_workload_fk"),
            SameTenant(field="version", via="workload", name="gates_upload_version_fk"),
        ]
        indexes = [
            models.Index(fields=["tenant", "workload", "-created_at"], name="gates_uploads"),
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                include=["tenant"],
                name="gates_uploads_due",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class UploadChunk(TenantModel):
    """A piece of an uploaded file; gone once the file has been read."""

    upload = models.ForeignKey(Upload, models.CASCADE, db_constraint=False, related_name="chunks")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_uploadchunk", app="select, insert, delete"),
            SameTenant(field="upload", name="gates_uploadchunk_upload_fk"),
            models.UniqueConstraint(fields=["tenant", "upload", "number"], name="gates_uploadchunk_number"),
        ]

    def __str__(self) -> str:
        return str(self.number)


class Evaluation(TenantModel):
    """One imported file about one agent version (STAGE-2). ``summary`` is worked out from its rows, never typed in."""

    workload = models.ForeignKey("workloads.Workload", models.PROTECT, db_constraint=False, related_name="+")
    version = models.ForeignKey("workloads.AgentVersion", models.PROTECT, db_constraint=False, related_name="+")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    file_name = models.CharField(max_length=200)
    file_digest = models.CharField(max_length=64)
    mapping_digest = models.CharField(max_length=64)
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    summary = models.JSONField()
    summary_hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_evaluation", app="select, insert, update (summary, summary_hash)"),
            SameTenant(field="workload", name="gates_evaluation_workload_fk"),
            SameTenant(field="version", via="workload", name="gates_evaluation_version_fk"),
            models.UniqueConstraint(
                fields=["tenant", "version", "purpose", "file_digest", "mapping_digest"], name="gates_evaluation_once"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "workload", "-created_at"], name="gates_evaluations")]

    def __str__(self) -> str:
        return self.file_name


class EvaluationRow(TenantModel):
    """One input as it was judged; of the input itself only a digest is kept."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, db_constraint=False, related_name="+")
    input_digest = models.BinaryField(max_length=16)
    provenance = models.CharField(max_length=10)
    outcome = models.BooleanField()
    category = models.CharField(max_length=200)
    user_group = models.CharField(max_length=200)
    at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            *walls("gates_evaluationrow", app="select, insert"),
            SameTenant(field="evaluation", name="gates_evaluationrow_evaluation_fk"),
        ]
        indexes = [models.Index(fields=["tenant", "evaluation"], name="gates_evaluationrows")]

    def __str__(self) -> str:
        return str(self.evaluation_id)
