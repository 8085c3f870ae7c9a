"""How a workload stands: its criteria at an instant, its red flags, its attempts (STAGE-3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import DateTimeField, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, JSONObject

from apps.gates import sources
from apps.gates.criteria import ORDER, Criterion, limits_of, of_stage
from apps.gates.evidence import first_recorded
from apps.gates.freshness import Standing, stand
from apps.gates.models import CriterionLimit, GateAttempt, RedFlag, StageMove, Waiver
from apps.gates.own import queries as own
from apps.gates.sources import Look
from apps.workloads.models import Workload
from apps.workloads.policy import Stage
from portal.tenancy.together import instant, together

# Work of Harden that shows on record.
EVER = datetime(1970, 1, 1, tzinfo=UTC)
HARDENING = ("permission_review", "data_path", "load_run", "content_record")
FlagSource = Callable[[Look, Combinable], str]
_flags: dict[str, list[FlagSource]] = {}


def red_flag(stage: Stage) -> Callable[[FlagSource], FlagSource]:
    """Register a red flag that the portal sees by itself. It gets the look and since when the past counts."""

    def register(source: FlagSource) -> FlagSource:
        _flags.setdefault(stage, []).append(source)
        return source

    return register


@dataclass(frozen=True, slots=True)
class GateView:
    """A stage's gate as it stands now."""

    stage: str
    standings: list[Standing]
    red_flags: list[str]
    # How many waivers were ever granted, for whichever stage: always counted (STAGE-4).
    waivers: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether nothing but the signatures is missing."""
        return not self.red_flags and all(standing.is_open for standing in self.standings)

    @property
    def missing(self) -> list[Standing]:
        return [standing for standing in self.standings if not standing.is_open]


def gate(workload: Workload, stage: str, now: datetime) -> GateView:
    """The stage's criteria and red flags, in a number of statements that doesn't grow with what has been recorded."""
    look = Look(workload, now)
    rules = _rules(workload, stage, now)
    criteria = [*of_stage(stage), *rules.own]
    traits = own.traits_of(workload)
    reported = sources.ask(criteria, look)
    waived, limits = rules.waived, rules.tightened
    standings = [
        stand(
            criterion,
            reported[criterion.id],
            limits_of(criterion, limits.get(criterion.id, {})),
            now,
            waived.get(criterion.id),
            traits,
        )
        for criterion in criteria
    ]
    return GateView(stage, standings, [*_seen(look, stage, standings), *rules.raised], rules.granted)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What people have said about a gate: waivers, tighter thresholds, criteria of their own, red flags."""

    waived: dict[str, datetime]
    tightened: dict[str, dict[str, float]]
    own: list[Criterion]
    raised: list[str]
    granted: int


def _rules(workload: Workload, stage: str, now: datetime) -> _Rules:
    """All of it in one statement."""
    found = together(
        {
            "waived": (_live_waivers(workload, now), JSONObject(id="criterion", until="until")),
            "limit": (own_limits(workload.tenant_id), JSONObject(id="criterion", name="name", value="value")),
            "own": (own.rows(workload.tenant_id).filter(stage=stage), JSONObject(**{n: n for n in own.COLUMNS})),
            "raised": (_raised(workload, stage), JSONObject(at="created_at", what="what")),
            "granted": (_granted_waivers(workload), JSONObject(id="id")),
        }
    )
    limits: dict[str, dict[str, float]] = {}
    for row in found["limit"]:
        limits.setdefault(row["id"], {})[row["name"]] = row["value"]
    waived = sorted((instant(row["until"]), row["id"]) for row in found["waived"])
    return _Rules(
        waived={criterion: until for until, criterion in waived},
        tightened=limits,
        own=[own.from_json(row) for row in sorted(found["own"], key=lambda row: row["code"])],
        raised=[row["what"] for row in sorted(found["raised"], key=lambda row: row["at"])],
        granted=len(found["granted"]),
    )


def _seen(look: Look, stage: str, standings: list[Standing]) -> list[str]:
    """Red flags that came with evidence, and those that are seen since the workload last went back (STAGE-4)."""
    since = reset_at(look.workload, stage)
    told = [str(flag) for standing in standings for flag in _told(standing)]
    return [*told, *(what for source in _flags.get(stage, []) if (what := source(look, since)))]


def _raised(workload: Workload, stage: str) -> QuerySet[RedFlag]:
    """Those that people raised, since the workload last went back before this stage (STAGE-4)."""
    since = reset_at(workload, stage)
    return RedFlag.objects.filter(tenant=workload.tenant_id, workload=workload.id, stage=stage, created_at__gt=since)


def _told(standing: Standing) -> list[str]:
    """Flags that come with a criterion's own facts, such as what an evaluation's sample was."""
    return list(standing.reported.facts.get("red_flags", [])) if standing.reported else []


def reset_at(workload: Workload, stage: str) -> Combinable:
    """When the workload last went back to this stage or an earlier one, as an expression for a statement that asks."""
    last = Subquery(_resets(workload, stage).order_by("-created_at").values("created_at")[:1])
    return Coalesce(last, Value(EVER), output_field=DateTimeField())


def last_reset(workload: Workload, stage: str) -> datetime | None:
    """When the workload last went back to this stage or an earlier one."""
    rows = _resets(workload, stage)
    return rows.order_by("-created_at").values_list("created_at", flat=True).first()


def _resets(workload: Workload, stage: str) -> QuerySet[StageMove]:
    earlier = [each.value for each in ORDER[: ORDER.index(Stage(stage)) + 1]]
    return StageMove.objects.filter(tenant=workload.tenant_id, workload=workload.id, after__in=earlier)


def waivers(workload: Workload, now: datetime) -> dict[str, datetime]:
    """The criteria that are waived now, and until when."""
    found = _live_waivers(workload, now).order_by("until").values_list("criterion", "until")
    return {criterion: until for criterion, until in found if until is not None}


def _live_waivers(workload: Workload, now: datetime) -> QuerySet[Waiver]:
    return Waiver.objects.filter(tenant=workload.tenant_id, workload=workload.id, until__gt=now)


def asked_waivers(workload: Workload) -> QuerySet[Waiver]:
    """Every waiver that was ever asked for, newest first."""
    rows = Waiver.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("requester").order_by("-created_at", "-id")


def _granted_waivers(workload: Workload) -> QuerySet[Waiver]:
    return Waiver.objects.filter(tenant=workload.tenant_id, workload=workload.id, granted_at__isnull=False)


def tightened(tenant_id: UUID) -> dict[str, dict[str, float]]:
    """The tenant's own thresholds by criterion."""
    found: dict[str, dict[str, float]] = {}
    for row in own_limits(tenant_id):
        found.setdefault(row.criterion, {})[row.name] = row.value
    return found


def own_limits(tenant_id: UUID) -> QuerySet[CriterionLimit]:
    return CriterionLimit.objects.filter(tenant=tenant_id)


def attempts(workload: Workload) -> QuerySet[GateAttempt]:
    rows = GateAttempt.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("requester").order_by("-created_at", "-id")


def attempt(tenant_id: UUID, attempt_id: UUID) -> GateAttempt | None:
    rows = GateAttempt.objects.filter(tenant=tenant_id, id=attempt_id)
    return rows.select_related("workload", "workload__owner").first()


def open_gates(workload: Workload) -> dict[str, GateAttempt]:
    """The gates that stand open, by stage."""
    rows = attempts(workload).filter(opened_at__isnull=False, ended_at=None)
    return {row.stage: row for row in rows}


def road(workload: Workload) -> tuple[dict[str, GateAttempt], GateAttempt | None]:
    """The gates that stand open, by stage, and the request that waits for signatures; in one statement."""
    rows = list(attempts(workload).filter(ended_at=None))
    return {row.stage: row for row in rows if row.opened_at}, next((row for row in rows if not row.opened_at), None)


def moves(workload: Workload) -> QuerySet[StageMove]:
    rows = StageMove.objects.filter(tenant=workload.tenant_id, workload=workload.id)
    return rows.select_related("by").order_by("-created_at")


def unreported(stage: str) -> list[Criterion]:
    """Criteria that nothing reports yet, in this installation."""
    return [criterion for criterion in of_stage(stage) if not sources.has_source(criterion.id)]


@red_flag(Stage.VALIDATE)
def _hardened_too_early(look: Look, since: Combinable) -> str:
    """Work of Harden is on record, and no list of edge cases is older."""
    hardened, mapped = first_recorded(look.workload, HARDENING, since, "edge_cases")
    if hardened is not None and (mapped is None or hardened < mapped):
        return "Hardening began before the edge cases were mapped."
    return ""
