"""Reading reports: one's own always, the others by whoever may see their workload (FEED-2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.feedback.models import MeToo, Report, ReportEvent, Screenshot, Theme, Widget
from apps.feedback.rules import OPEN
from apps.telemetry.models import Action
from apps.workloads import queries as workloads
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import NotFound
from portal.tenancy.context import known_row_transaction
from portal.tenancy.due import by_tenant

_JOINED = ("workload", "reporter", "theme", "fixed_in", "duplicate_of")
# Nobody has answered yet, or the reporter said that the fix didn't help.
WAITING = Q(answered_at=None) | Q(is_reopened=True)
# What a page groups at once; the newest are looked at first.
MOST_SUGGESTED = 300


def reports(tenant_id: UUID, actor: Actor) -> QuerySet[Report]:
    """Those that the actor may read, newest first."""
    if not actor.allows("read"):
        return Report.objects.none()
    seen = Q(workload__in=workloads.visible(tenant_id, actor))
    mine = Q(reporter=actor.user_id) if actor.user_id is not None else Q(pk__in=[])
    if actor.workloads is not None:
        mine &= Q(workload__in=actor.workloads)
    rows = Report.objects.filter(seen | mine, tenant=tenant_id).select_related(*_JOINED)
    return rows.order_by("-created_at", "-id")


def mine(tenant_id: UUID, person_id: UUID) -> QuerySet[Report]:
    """What somebody reported, newest first."""
    rows = Report.objects.filter(tenant=tenant_id, reporter=person_id).select_related(*_JOINED)
    return rows.order_by("-created_at", "-id")


def of_key(tenant_id: UUID, workload_id: UUID, key: str) -> QuerySet[Report]:
    """What a user without a sign-in reported about one workload, newest first."""
    rows = Report.objects.filter(tenant=tenant_id, workload=workload_id, reporter_key=key)
    return rows.select_related(*_JOINED).order_by("-created_at", "-id")


def report_for(tenant_id: UUID, actor: Actor, report_id: UUID, permission: str = "see_workload") -> Report:
    """A report that the actor may read; with another permission, one that they hold it on.

    Raises:
        NotFound: there is none for them.
        Forbidden: they may read it and not do this.
    """
    found = reports(tenant_id, actor).filter(id=report_id).first()
    if found is None:
        raise NotFound()
    if permission != "see_workload":
        workloads.workload_for(tenant_id, actor, found.workload.key, permission)
    return found


def chosen(workload: Workload, ids: Iterable[UUID]) -> list[Report]:
    """These reports of one workload.

    Raises:
        NotFound: one of them isn't there.
    """
    wanted = set(ids)
    rows = Report.objects.filter(tenant=workload.tenant_id, workload=workload.id, id__in=wanted)
    found = list(rows.select_related(*_JOINED).order_by("id"))
    if len(found) != len(wanted):
        raise NotFound("One of these reports isn't there; reload the page.")
    return found


def story(report: Report) -> QuerySet[ReportEvent]:
    rows = ReportEvent.objects.filter(tenant=report.tenant_id, report=report.id)
    return rows.order_by("created_at", "id")


def last_answers(reports: Sequence[Report]) -> dict[UUID, ReportEvent]:
    """The last answer that each report or, for a duplicate, the one that it goes with was given; in one statement."""
    led = {report.duplicate_of_id or report.id for report in reports}
    rows = ReportEvent.objects.filter(report__in=led, kind=ReportEvent.Kind.ANSWERED)
    if reports:
        rows = rows.filter(tenant=reports[0].tenant_id)
    return {row.report_id: row for row in rows.order_by("created_at", "id")} if reports else {}


def duplicates(report: Report) -> QuerySet[Report]:
    rows = Report.objects.filter(tenant=report.tenant_id, duplicate_of=report.id).select_related("reporter")
    return rows.order_by("created_at", "id")


def screenshot(report: Report) -> Screenshot | None:
    return Screenshot.objects.filter(tenant=report.tenant_id, report=report.id).first()


def has_screenshot(report: Report) -> bool:
    return Screenshot.objects.filter(tenant=report.tenant_id, report=report.id).exists()


def reportable(tenant_id: UUID) -> QuerySet[Workload]:
    """What can be reported about: every workload by name, since anyone in the tenant may have met its agent."""
    return workloads.workloads(tenant_id)


def reportable_by_key(tenant_id: UUID, key: str) -> Workload:
    found = reportable(tenant_id).filter(key=key).first()
    if found is None:
        raise NotFound(f"There is no workload {key!r} here.")
    return found


def workload_of_request(tenant_id: UUID, request_id: str) -> Workload | None:
    """Whose answer it was, if its record has arrived."""
    rows = Action.objects.filter(tenant=tenant_id, request_id=request_id).values("workload")
    return reportable(tenant_id).filter(id__in=rows[:1]).first() if request_id else None


def board(workload: Workload) -> QuerySet[Report]:
    """What waits for the workload's team, newest first; duplicates go with what they are of."""
    rows = Report.objects.filter(
        tenant=workload.tenant_id, workload=workload.id, state__in=sorted(OPEN), duplicate_of=None
    )
    return rows.select_related(*_JOINED).order_by("-created_at", "-id")


def themes(tenant_id: UUID, workload_ids: Sequence[UUID] | None = None, *, is_open: bool = True) -> QuerySet[Theme]:
    """With ``told`` and ``known``: how many reported it, and how many said "me too". The most known first."""
    rows = Theme.objects.filter(tenant=tenant_id, closed_at__isnull=is_open)
    if workload_ids is not None:
        rows = rows.filter(workload__in=workload_ids)
    counted = rows.annotate(told=_count(Report), known=_count(MeToo))
    return counted.select_related("workload", "made_by").order_by("-known", "-told", "-created_at", "-id")


def _count(model: type[Model]) -> Coalesce:
    """How many of a theme's. Counted apart: joined, every report would meet every "me too"."""
    mine = model._default_manager.filter(tenant=OuterRef("tenant"), theme=OuterRef("pk")).order_by()
    return Coalesce(Subquery(mine.values("theme").annotate(n=Count("id")).values("n")), 0)


def titles(tenant_id: UUID) -> QuerySet[Theme]:
    """Every theme, open or settled: its title is for every member."""
    return Theme.objects.filter(tenant=tenant_id).order_by("-created_at", "-id")


def theme(tenant_id: UUID, theme_id: UUID) -> Theme:
    """A theme, which every member may read by its title."""
    rows = Theme.objects.filter(tenant=tenant_id, id=theme_id).select_related("workload", "made_by")
    found = rows.annotate(told=_count(Report), known=_count(MeToo)).first()
    if found is None:
        raise NotFound()
    return found


def reports_of_theme(theme: Theme) -> QuerySet[Report]:
    rows = Report.objects.filter(tenant=theme.tenant_id, theme=theme.id).select_related(*_JOINED)
    return rows.order_by("-created_at", "-id")


def said_me_too(tenant_id: UUID, person_id: UUID | None) -> set[UUID]:
    """The themes on which somebody did."""
    return set(MeToo.objects.filter(tenant=tenant_id, person=person_id).values_list("theme", flat=True))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Reports that may say the same: at least two, of one workload, none of them in a theme."""

    reports: tuple[Report, ...]

    @property
    def title(self) -> str:
        """Words to begin with; whoever groups them finds better ones."""
        return self.reports[0].title

    @property
    def ids(self) -> str:
        return ",".join(str(report.id) for report in self.reports)


def suggestions(workload: Workload) -> list[Suggestion]:
    """Groups that likeness makes of what is open and in no theme, the largest first."""
    rows = list(board(workload).filter(theme=None)[:MOST_SUGGESTED])
    by_id = {row.id: row for row in rows}
    leader = {i: i for i in by_id}

    def top(i: UUID) -> UUID:
        while leader[i] != i:
            i = leader[i]
        return i

    for row in rows:
        if row.near_id in by_id:
            leader[top(row.id)] = top(row.near_id)
    groups: dict[UUID, list[Report]] = {}
    for row in rows:
        groups.setdefault(top(row.id), []).append(row)
    return sorted((Suggestion(tuple(g)) for g in groups.values() if len(g) > 1), key=lambda s: -len(s.reports))


def better_due(now: object) -> dict[UUID, list[UUID]]:
    """Fixed a week ago, their reporters not asked yet, by tenant."""
    return by_tenant(
        "feedback.find",
        lambda alias: Report.objects.using(alias).filter(better_due_at__lte=now).order_by("better_due_at", "tenant_id"),
        500,
    )


def widgets(workload: Workload) -> QuerySet[Widget]:
    return Widget.objects.filter(tenant=workload.tenant_id, workload=workload.id).order_by("-created_at", "-id")


def widget_for(tenant_id: UUID, key: str) -> Widget:
    found = Widget.objects.filter(tenant=tenant_id, key=key, revoked_at=None).select_related("workload").first()
    if found is None:
        raise NotFound("There is no widget of this key, or it was revoked.")
    return found


def known_widget(key: str) -> Widget | None:
    """The widget that a page names, before any tenant is known."""
    with known_row_transaction("portal.widget_key", key):
        return Widget.objects.filter(key=key, revoked_at=None).first()


def unanswered(tenant_id: UUID, visible: QuerySet[Workload]) -> QuerySet[Workload]:
    """Of these workloads those with a report that nobody has answered."""
    waiting = Report.objects.filter(
        WAITING, tenant=tenant_id, workload=OuterRef("pk"), state__in=sorted(OPEN), duplicate_of=None
    )
    return visible.filter(Exists(waiting))


def near(report: Report) -> Report | None:
    """The report that this one is most like, while it is neither merged nor grouped."""
    if report.near_id is None or report.duplicate_of_id is not None:
        return None
    return Report.objects.filter(tenant=report.tenant_id, id=report.near_id, duplicate_of=None).first()
