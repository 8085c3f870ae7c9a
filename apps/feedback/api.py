"""Feedback over the API: reports and what becomes of them, reactions, trust, desks, tickets for the widget."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.feedback import actions, counting, desks, queries, tickets, triage
from apps.feedback.actions import LONGEST, LONGEST_REQUEST_ID, Person, Told, outsider
from apps.feedback.models import CATEGORY_CHOICES, REPORT_SEVERITIES, Desk, Report, Source, Theme
from apps.feedback.rules import WEEKLY_SHARES, Category, Hours, Reaction, Severity, State
from apps.feedback.widget.views import picture
from apps.tenants.queries import members_by_email, zone_of
from apps.workloads import queries as workloads
from apps.workloads.access import on_workload
from apps.workloads.models import Workload
from portal.access import member, workload_bound
from portal.api import TenantView
from portal.errors import Forbidden, NotFound

NEWEST = ("-created_at", "-id")


class ReportSerializer(serializers.ModelSerializer[Report]):
    workload = serializers.CharField(source="workload.key")
    reporter = serializers.EmailField(
        source="reporter.email", default=None, help_text="None for a user without sign-in."
    )
    theme = serializers.CharField(source="theme.title", default=None)
    fixed_in = serializers.CharField(source="fixed_in.label", default=None)

    class Meta:
        model = Report
        fields = [
            "id",
            "workload",
            "reporter",
            "source",
            "what_happened",
            "would_help",
            "category",
            "severity",
            "request_id",
            "state",
            "fixed_in",
            "theme",
            "duplicate_of",
            "is_better",
            "answered_at",
            "created_at",
        ]


class NewReportSerializer(serializers.Serializer[Any]):
    workload = serializers.CharField(max_length=60)
    what_happened = serializers.CharField(max_length=LONGEST)
    would_help = serializers.CharField(max_length=LONGEST)
    category = serializers.ChoiceField(choices=CATEGORY_CHOICES, default=Category.UNHELPFUL)
    severity = serializers.ChoiceField(choices=REPORT_SEVERITIES, default=Severity.MEDIUM)
    request_id = serializers.CharField(max_length=LONGEST_REQUEST_ID, allow_blank=True, default="")
    screenshot = serializers.CharField(
        max_length=7_000_000, allow_blank=True, default="", help_text="PNG, JPEG or WebP in base64."
    )
    user = serializers.CharField(
        max_length=200,
        allow_blank=True,
        default="",
        help_text="Who reports, as a service's token names its users; not for somebody who signed in.",
    )


class ReportAnswerSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=[(s.value, s.value) for s in State if s is not State.NEW])
    text = serializers.CharField(max_length=LONGEST)
    fixed_in = serializers.CharField(max_length=60, allow_blank=True, default="", help_text="The version's label.")
    seen = serializers.CharField(
        max_length=15, allow_blank=True, default="", help_text="The state that this answer was written for."
    )


class DuplicateSerializer(serializers.Serializer[Any]):
    report = serializers.UUIDField(allow_null=True, help_text="None takes it out again.")


class BetterSerializer(serializers.Serializer[Any]):
    is_better = serializers.BooleanField()
    text = serializers.CharField(max_length=LONGEST, allow_blank=True, default="")


class ThemeSerializer(serializers.ModelSerializer[Theme]):
    workload = serializers.CharField(source="workload.key")
    reports = serializers.IntegerField(source="told")
    me_too = serializers.IntegerField(source="known")

    class Meta:
        model = Theme
        fields = ["id", "workload", "title", "reports", "me_too", "created_at"]


class MeTooSerializer(serializers.Serializer[Any]):
    is_new = serializers.BooleanField()


class ReactionSerializer(serializers.Serializer[Any]):
    request_id = serializers.CharField(max_length=LONGEST_REQUEST_ID)
    kind = serializers.ChoiceField(choices=[(r.value, r.value) for r in Reaction if r is not Reaction.UNHELPFUL])
    user = serializers.CharField(max_length=200, allow_blank=True, default="")


class ReactionsSerializer(serializers.Serializer[Any]):
    reactions = serializers.ListField(child=ReactionSerializer(), min_length=1, max_length=1_000)


class ReactionsTakenSerializer(serializers.Serializer[Any]):
    new = serializers.IntegerField()


class TrustDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    users = serializers.IntegerField()
    doubting = serializers.IntegerField()


class TrustSerializer(serializers.Serializer[Any]):
    is_rising = serializers.BooleanField(help_text="Whether more users re-check or redo than before.")
    share = serializers.FloatField(allow_null=True)
    share_before = serializers.FloatField(allow_null=True)
    users = serializers.IntegerField()
    users_before = serializers.IntegerField()
    days = TrustDaySerializer(many=True)


class OpeningSerializer(serializers.Serializer[Any]):
    weekday = serializers.IntegerField(min_value=0, max_value=6, help_text="Monday is 0.")
    opens = serializers.TimeField(format="%H:%M")
    closes = serializers.TimeField(format="%H:%M")


class DeskSerializer(serializers.Serializer[Any]):
    people = serializers.ListField(child=serializers.EmailField(), min_length=1, max_length=200)
    zone = serializers.CharField(max_length=64)
    hours = serializers.ListField(child=OpeningSerializer(), min_length=1, max_length=50)
    target_minutes = serializers.IntegerField(min_value=1, max_value=desks.LONGEST_TARGET)
    expected_reports = serializers.IntegerField(min_value=0, max_value=desks.MOST_EXPECTED)
    weekly_shares = serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=100), required=False)


class DeskStateSerializer(DeskSerializer):
    live_until = serializers.DateTimeField(allow_null=True)
    is_open = serializers.BooleanField()
    queue = serializers.IntegerField()
    late = serializers.IntegerField()
    answered = serializers.IntegerField()
    in_time = serializers.IntegerField()
    median_minutes = serializers.FloatField(allow_null=True)


class NewTicketSerializer(serializers.Serializer[Any]):
    user = serializers.CharField(max_length=200, help_text="Your own key of the user in front of the page.")
    email = serializers.EmailField(required=False, allow_blank=True, default="", help_text="If they are a member.")


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    seconds = serializers.IntegerField()


class ReportsView(TenantView):
    @extend_schema(operation_id="list_reports", responses=ReportSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.reports(self.tenant.id, self.actor)
        if key := request.query_params.get("workload"):
            rows = rows.filter(workload__key=key)
        if state := request.query_params.get("state"):
            rows = rows.filter(state=state)
        return self.paged(rows, ReportSerializer, NEWEST)

    @extend_schema(operation_id="file_report", request=NewReportSerializer, responses={201: ReportSerializer})
    def post(self, request: Request, slug: str) -> Response:
        _refuse_without_scope(self)
        said = self.said(NewReportSerializer)
        workload = queries.reportable_by_key(self.tenant.id, said["workload"])
        if not workload_bound(self.actor, workload.id):
            raise NotFound(f"There is no workload {said['workload']!r} that this token covers.")
        filed = actions.file_report(
            workload=workload,
            told=Told(
                what_happened=said["what_happened"],
                would_help=said["would_help"],
                category=said["category"],
                severity=said["severity"],
                request_id=said["request_id"],
                screenshot=picture(said["screenshot"]),
            ),
            person=_person(self, said["user"]),
            source=Source.API,
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(ReportSerializer(filed).data, status=201)


class ReportView(TenantView):
    @extend_schema(operation_id="get_report", responses=ReportSerializer)
    def get(self, request: Request, slug: str, report_id: UUID) -> Response:
        return Response(ReportSerializer(queries.report_for(self.tenant.id, self.actor, report_id)).data)


class ReportAnswersView(TenantView):
    @extend_schema(operation_id="answer_report", request=ReportAnswerSerializer, responses=ReportSerializer)
    def post(self, request: Request, slug: str, report_id: UUID) -> Response:
        found = queries.report_for(self.tenant.id, self.actor, report_id, "operate_workload")
        said = self.said(ReportAnswerSerializer)
        version = workloads.version(found.workload, said["fixed_in"]) if said["fixed_in"] else None
        answered = triage.answer(
            report=found,
            state=said["state"],
            text=said["text"],
            fixed_in=version,
            seen=said["seen"],
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(ReportSerializer(answered).data)


class DuplicateView(TenantView):
    @extend_schema(operation_id="set_report_duplicate", request=DuplicateSerializer, responses=ReportSerializer)
    def put(self, request: Request, slug: str, report_id: UUID) -> Response:
        found = queries.report_for(self.tenant.id, self.actor, report_id, "operate_workload")
        other, now = self.said(DuplicateSerializer)["report"], timezone.now()
        if other is None:
            done = triage.unmerge(report=found, actor=self.actor, now=now)
        else:
            into = queries.report_for(self.tenant.id, self.actor, other)
            done = triage.merge(report=found, into=into, actor=self.actor, now=now)
        return Response(ReportSerializer(done).data)


class BetterView(TenantView):
    @extend_schema(operation_id="judge_report", request=BetterSerializer, responses=ReportSerializer)
    def post(self, request: Request, slug: str, report_id: UUID) -> Response:
        found = queries.report_for(self.tenant.id, self.actor, report_id)
        _refuse_without_scope(self)
        judged = actions.say_whether_better(
            report=found, person=_person(self, ""), actor=self.actor, now=timezone.now(), **self.said(BetterSerializer)
        )
        return Response(ReportSerializer(judged).data)


class ThemesView(TenantView):
    @extend_schema(operation_id="list_themes", responses=ThemeSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.themes(self.tenant.id)
        if self.actor.workloads is not None:
            rows = rows.filter(workload__in=self.actor.workloads)
        return self.paged(rows, ThemeSerializer, NEWEST)


class MeTooView(TenantView):
    @extend_schema(operation_id="say_me_too", request=None, responses=MeTooSerializer)
    def post(self, request: Request, slug: str, theme_id: UUID) -> Response:
        theme = queries.theme(self.tenant.id, theme_id)
        if not workload_bound(self.actor, theme.workload_id):
            raise NotFound()
        _refuse_without_scope(self)
        is_new = actions.me_too(theme=theme, person=_person(self, ""), actor=self.actor, now=timezone.now())
        return Response({"is_new": is_new})


class ReactionsView(TenantView):
    @extend_schema(
        operation_id="send_reactions", request=ReactionsSerializer, responses={201: ReactionsTakenSerializer}
    )
    def post(self, request: Request, slug: str, key: str) -> Response:
        if self.actor.kind != "service":
            workloads.workload_for(self.tenant.id, self.actor, key)
            raise _token_needed("Reactions are for an application's server")
        workload = queries.reportable_by_key(self.tenant.id, key)
        if not workload_bound(self.actor, workload.id):
            raise NotFound()
        _refuse_without_scope(self)
        said = [(r["request_id"], r["kind"], r["user"]) for r in self.said(ReactionsSerializer)["reactions"]]
        new = actions.react(workload=workload, said=said, actor=self.actor, now=timezone.now())
        return Response({"new": new}, status=201)


class TrustView(TenantView):
    @extend_schema(operation_id="get_trust", responses=TrustSerializer)
    def get(self, request: Request, slug: str, workload: Workload) -> Response:
        today = timezone.now().astimezone(zone_of(self.tenant.id)).date()
        rows = counting.days(self.tenant.id, today, [workload.id]).get(workload.id, [])
        found = counting.trend(rows, today)
        names = ("is_rising", "share", "share_before", "users", "users_before")
        return Response(TrustSerializer({**{name: getattr(found, name) for name in names}, "days": rows}).data)


class DeskView(TenantView):
    @extend_schema(operation_id="get_desk", responses=DeskStateSerializer)
    def get(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key)
        found = desks.desk_of(workload)
        if found is None:
            raise NotFound(f"{key} has no support desk yet.")
        return Response(_shown(found))

    @extend_schema(operation_id="name_desk", request=DeskSerializer, responses=DeskStateSerializer)
    def put(self, request: Request, slug: str, key: str) -> Response:
        workload = workloads.workload_for(self.tenant.id, self.actor, key, "manage_workload")
        said = self.said(DeskSerializer)
        made = desks.name_desk(
            workload=workload,
            people=[user.id for user in members_by_email(self.tenant.id, said["people"]).values()],
            hours=[Hours(**each) for each in said["hours"]],
            zone=said["zone"],
            target_minutes=said["target_minutes"],
            expected_reports=said["expected_reports"],
            weekly_shares=said.get("weekly_shares", WEEKLY_SHARES),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(_shown(made))


class TicketsView(TenantView):
    @extend_schema(operation_id="issue_ticket", request=NewTicketSerializer, responses={201: TicketSerializer})
    def post(self, request: Request, slug: str, widget_key: str) -> Response:
        widget = queries.widget_for(self.tenant.id, widget_key)
        if not workload_bound(self.actor, widget.workload_id):
            raise NotFound()
        if self.actor.kind != "service":
            raise _token_needed("Tickets are for an application's server")
        _refuse_without_scope(self)
        raw = tickets.issue(widget.id, tickets.Ticket(**self.said(NewTicketSerializer)))
        return Response({"ticket": raw, "seconds": int(tickets.LASTS.total_seconds())}, status=201)


def _token_needed(why: str) -> Forbidden:
    return Forbidden("token_needed", f"{why}: use an API token.")


def _refuse_without_scope(view: TenantView) -> None:
    if not view.actor.allows("feedback"):
        raise Forbidden("scope_missing", "This needs a token with the scope 'feedback'.", scope="feedback")


def _person(view: TenantView, user: str) -> Person:
    """Whoever signed in or stands behind the token; for a service the user that it names.

    Raises:
        Forbidden: a service that names nobody: there are no anonymous reports.
    """
    if view.actor.user_id is not None:
        return Person(member=User.objects.get(id=view.actor.user_id))
    if not user:
        raise Forbidden("somebody", "Name the user who reports it; nobody reports anonymously.")
    return outsider(view.tenant.id, user)


def _shown(desk: Desk) -> dict[str, Any]:
    found = desks.figures(desk, timezone.now())
    names = ("is_open", "queue", "late", "answered", "in_time", "median_minutes")
    shown = {
        "people": [row.person.email for row in desks.people_of(desk)],
        "zone": desk.zone,
        "hours": [{"weekday": h.weekday, "opens": h.opens, "closes": h.closes} for h in desks.hours_of(desk)],
        "target_minutes": desk.target_minutes,
        "expected_reports": desk.expected_reports,
        "weekly_shares": desk.weekly_shares,
        "live_until": found.until,
        **{name: getattr(found, name) for name in names},
    }
    return dict(DeskStateSerializer(shown).data)


reports = member(ReportsView.as_view())
report = member(ReportView.as_view())
answers = member(ReportAnswersView.as_view())
duplicate = member(DuplicateView.as_view())
better = member(BetterView.as_view())
themes = member(ThemesView.as_view())
me_too = member(MeTooView.as_view())
reactions = member(ReactionsView.as_view())
trust = on_workload("see_workload")(TrustView.as_view())
desk = member(DeskView.as_view())
tickets_view = member(TicketsView.as_view())
