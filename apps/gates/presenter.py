"""The ladder and the gate as a person reads them: what stops this workload, and what to do next."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from apps.gates import queries, sources
from apps.gates.criteria import ORDER, Criterion
from apps.gates.documents import DOCUMENTS
from apps.gates.freshness import Standing
from apps.gates.models import GateAttempt
from apps.workloads.models import Workload
from apps.workloads.policy import Stage
from portal import charts

# Where what isn't a document is shown, and what the button there says.
PAGES = {
    "P1": "evaluations",
    "V3": "evaluations",
    "V4": "evaluations",
    "H1": "workload_runbooks",
    "H3": "workload_runbooks",
    "H6": "workload_people",
    "H7": "workload_cost",
    "H8": "workload_training",
}
_MODEL = "a model for others"
VERBS = {
    "evaluations": "Import an evaluation",
    "workload_runbooks": "To its runbooks",
    "workload_training": "To its training",
    "workload_people": "To its people",
    "workload_cost": "To its cost gate",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One criterion on the gate's page, and where something can be done about it: ``page`` names the URL."""

    standing: Standing
    document: str
    page: str
    later: bool

    @property
    def criterion(self) -> Criterion:
        return self.standing.criterion

    @property
    def verb(self) -> str:
        return VERBS.get(self.page, "")


@dataclass(frozen=True, slots=True)
class Ladder:
    chart: charts.Ladder
    gate: queries.GateView
    attempt: GateAttempt | None
    waivers: int

    @property
    def next_missing(self) -> Row | None:
        """The first thing that somebody here can do something about, or else the first that is missing."""
        rows = [row_of(standing) for standing in self.gate.missing]
        return next((row for row in rows if row.document or row.page), rows[0] if rows else None)


def ladder(workload: Workload, now: datetime, slug: str) -> Ladder:
    """``slug`` is the tenant's, for the way to each gate."""
    open_gates, pending = queries.road(workload)
    current = ORDER.index(Stage(workload.stage))
    rungs = []
    for place, stage in enumerate(ORDER):
        opened = open_gates[stage].opened_at if stage in open_gates else None
        rungs.append(
            charts.Rung(
                name=stage.label,
                place="done" if place < current else "now" if place == current else "ahead",
                url=reverse("gate", args=[slug, workload.key, stage.value]),
                said=(_MODEL if stage is Stage.OPTIMIZE else "gate opened") if opened else "",
                at=opened,
            )
        )
    chart, gate = charts.ladder("The road", rungs), queries.gate(workload, workload.stage, now)
    return Ladder(chart, gate, pending, gate.waivers)


def row_of(standing: Standing) -> Row:
    criterion = standing.criterion
    document = criterion.kind if criterion.kind in DOCUMENTS or criterion.is_own else ""
    if criterion.id == "H4":
        document = "content_record"
    has_source = criterion.is_own or sources.has_source(criterion.id)
    return Row(standing, document, PAGES.get(criterion.id, ""), not has_source)
