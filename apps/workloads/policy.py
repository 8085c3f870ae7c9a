"""The words of the registry, and the few numbers that hang on them. Pure."""

from django.db import models


class Shape(models.TextChoices):
    CHAT = "chat", "Chat"
    DOCUMENT_QA = "document_qa", "Document Q&A"
    SUMMARISING = "summarising", "Summarising"
    CODE = "code", "Code"
    DRAFTING = "drafting", "Drafting"
    CLASSIFICATION = "classification", "Classification"
    EXTRACTION = "extraction", "Extraction"
    OTHER = "other", "Other"


class Sensitivity(models.TextChoices):
    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    REGULATED = "regulated", "Regulated"


class Commitment(models.TextChoices):
    CANDIDATE = "candidate", "Candidate"
    PLANNED = "planned", "Planned"
    COMMITTED = "committed", "Committed"


class Stage(models.TextChoices):
    PILOT = "pilot", "1 Pilot"
    VALIDATE = "validate", "2 Validate"
    HARDEN = "harden", "3 Harden"
    DEPLOY = "deploy", "4 Deploy"
    OPTIMIZE = "optimize", "5 Optimize"


class Posture(models.TextChoices):
    PAUSE = "pause", "Pause"
    CONTROLLED = "controlled", "Controlled investment"
    AUTHORIZE = "authorize", "Authorize"


class UnitKind(models.TextChoices):
    USER = "user", "User"
    SESSION = "session", "Session"
    TICKET = "ticket", "Ticket"
    ACCOUNT = "account", "Account"
    RUN = "run", "Agent run"


class FallbackKind(models.TextChoices):
    PEOPLE = "people", "People do it by hand"
    SYSTEM = "system", "The system from before"


# The share, in basis points, up to which a posture lets a rollout step (ROLL-3).
SHARE_CAP: dict[str, int] = {Posture.PAUSE: 0, Posture.CONTROLLED: 5_000, Posture.AUTHORIZE: 10_000}

PERMISSIONS = ("see_workload", "operate_workload", "manage_workload")
# Each permission contains those before it.
IMPLIED_BY: dict[str, tuple[str, ...]] = {
    permission: PERMISSIONS[index:] for index, permission in enumerate(PERMISSIONS)
}
SCOPE_FOR: dict[str, str] = {
    "see_workload": "read",
    "operate_workload": "operate",
    "manage_workload": "write",
}
