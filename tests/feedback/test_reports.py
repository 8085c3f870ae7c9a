"""FEED-1, FEED-2: reports are taken from somebody, answered, merged, grouped, and asked about a week later."""

import json
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from apps.audit.models import AuditEntry
from apps.feedback import actions, desks, nearness, queries, triage
from apps.feedback.actions import Person
from apps.feedback.models import MeToo, Report, ReportEvent, Screenshot, Source, Theme
from apps.ownership.models import Alert, Notification
from portal import actor as actors
from portal.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_races import at_once
from tests.feedback.factory import filed, told
from tests.ownership.alerts.test_races import together
from tests.world import NOW, SETUP, World, make_workload

DAY = timedelta(days=1)


def delivered(world: World, topic: str) -> None:
    with tenant_transaction(world.tenant.id):
        ids = [m.id for m in OutboxMessage.objects.filter(topic=topic, delivered_at=None)]
    assert outbox.deliver(tenant_id=world.tenant.id, message_ids=ids, now=NOW + 30 * DAY) == len(ids) > 0


def notices(world: World) -> list[tuple[str, str, str]]:
    with tenant_transaction(world.tenant.id):
        rows = Notification.objects.order_by("person__name", "created_at", "id")
        return list(rows.values_list("person__name", "title", "body"))


def answer(world: World, report: Report, state: str = "acknowledged", **options: Any) -> Report:
    values: dict[str, Any] = {"text": "We look into it.", "actor": world.actor(world.bob), "now": NOW + DAY, **options}
    with tenant_transaction(world.tenant.id):
        return triage.answer(report=report, state=state, **values)


def test_two_sentences_are_a_report_and_the_desk_is_told(world: World) -> None:
    report = filed(world)
    assert (report.state, report.category, report.severity, report.source) == ("new", "unhelpful", "medium", "portal")
    delivered(world, "feedback.filed")
    assert notices(world) == [
        ("Alice", "W-01: Didn't help me", "Somebody reported a soft failure; they see your answer.")
    ]
    with tenant_transaction(world.tenant.id):
        kept = AuditEntry.objects.get(action="feedback.reported")
    assert json.loads(kept.body)["after"] == {
        "workload": "W-01",
        "category": "unhelpful",
        "source": "portal",
        "request": "",
    }


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"what_happened": "  "}, "what_happened"),
        ({"would_help": "x" * 4_001}, "would_help"),
        ({"category": "sad"}, "category"),
        ({"severity": "extreme"}, "severity"),
        ({"request_id": "x" * 201}, "request_id"),
        ({"what_happened": "a\x00b"}, "what_happened"),
        ({"screenshot": b"<svg/>"}, "screenshot"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(world: World, fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        filed(world, **fields)
    assert set(refused.value.data["fields"]) == {wrong}
    with tenant_transaction(world.tenant.id):
        assert not Report.objects.exists() and not Screenshot.objects.exists()


def test_nobody_reports_anonymously_and_the_database_says_so_too(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Forbidden):
            actions.file_report(
                workload=world.workload, told=told(), person=Person(), source=Source.API, actor=SETUP, now=NOW
            )
        assert not Report.objects.exists()
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.create(
                workload=world.workload, source="api", what_happened="x", would_help="y", category="wrong"
            )


def test_a_stranger_can_not_be_written_down_as_reporter(world: World) -> None:
    """The database's own: a reporter is a member of the row's tenant."""
    with pytest.raises(IntegrityError), tenant_transaction(world.tenant.id):
        Report.objects.create(
            workload=world.workload,
            reporter=world.mallory,
            source="api",
            what_happened="x",
            would_help="y",
            category="wrong",
        )
        with transaction.get_connection().cursor() as cursor:
            cursor.execute("set constraints all immediate")


def test_thirty_an_hour_are_enough_and_another_hour_is_another(world: World) -> None:
    for _ in range(30):
        filed(world)
    with pytest.raises(Refused, match="30 reports"):
        filed(world)
    filed(world, by=world.bob)
    filed(world, now=NOW + timedelta(hours=1))


def test_whoever_sends_many_at_once_passes_thirty_no_more(live_world: World) -> None:
    for _ in range(29):
        filed(live_world)
    found = at_once(live_world, *[partial(filed, live_world)] * 5)
    assert sorted(isinstance(each, Report) for each in found) == [False] * 4 + [True]


def test_unsafe_wakes_whoever_is_on_call_and_keeps_the_words_inside(world: World) -> None:
    filed(world, category="unsafe", severity="high", what_happened="It told a patient to double the dose.")
    delivered(world, "alert.raise")
    with tenant_transaction(world.tenant.id):
        alert = Alert.objects.get()
    assert (alert.summary, alert.severity) == ("A user of W-01 reports that it was unsafe.", "critical")
    assert "dose" not in str(alert.details)


def test_each_answer_reaches_the_reporter(world: World) -> None:
    report = answer(world, filed(world))
    assert (report.state, report.answered_at) == ("acknowledged", NOW + DAY)
    delivered(world, "feedback.answered")
    assert notices(world) == [("Charlie", "Your report on W-01: acknowledged", "We look into it.")]
    again = answer(world, report, "planned", now=NOW + 2 * DAY)
    assert again.answered_at == NOW + DAY, "the first response stays the first"


@pytest.mark.parametrize(
    ("state", "options", "code"),
    [
        ("new", {}, "state"),
        ("lost", {}, "state"),
        ("planned", {"text": "   "}, "text"),
        ("fixed", {}, "fixed_in"),
    ],
)
def test_an_answer_that_says_too_little_is_refused(
    world: World, state: str, options: dict[str, Any], code: str
) -> None:
    report = filed(world)
    with pytest.raises(Invalid) as refused:
        answer(world, report, state, **options)
    assert refused.value.code == code
    with tenant_transaction(world.tenant.id):
        assert Report.objects.get().state == "new" and not ReportEvent.objects.exists()


def test_a_version_of_another_workload_fixes_nothing(world: World) -> None:
    report = filed(world)
    with tenant_transaction(world.tenant.id):
        _, other, _ = make_workload(world.tenant, world.alice, "W-02")
    with pytest.raises(Invalid, match="of this workload"):
        answer(world, report, "fixed", fixed_in=other)


def test_what_is_settled_is_taken_up_before_it_becomes_anything_else(world: World) -> None:
    report = answer(world, filed(world), "declined", text="It follows our policy on prices.")
    with pytest.raises(Refused, match="take it up again first"):
        answer(world, report, "planned")
    assert answer(world, report, "acknowledged").state == "acknowledged"


def test_an_answer_to_a_state_that_is_no_more_is_refused(world: World) -> None:
    report = filed(world)
    answer(world, report, "planned", seen="new")
    with pytest.raises(Conflict, match="planned meanwhile"):
        answer(world, report, "declined", seen="new")


def test_of_two_who_answer_the_same_state_at_once_one_does(live_world: World) -> None:
    world = live_world
    report, bob = filed(world), world.actor(world.bob)

    def say(state: str) -> None:
        triage.answer(report=report, state=state, text="x", seen="new", actor=bob, now=NOW)

    assert sorted(together(world, lambda: say("planned"), lambda: say("declined"))) == ["done", "moved"]
    with tenant_transaction(world.tenant.id):
        assert ReportEvent.objects.count() == 1


def test_a_week_after_a_fix_the_reporter_is_asked_once_and_no_opens_it_again(world: World) -> None:
    report = answer(world, filed(world), "fixed", text="1.1 knows this year.", fixed_in=world.candidate)
    robot = actors.task("feedback")

    def ask(days: int) -> int:
        with tenant_transaction(world.tenant.id):
            return triage.ask_whether_better(
                tenant_id=world.tenant.id, ids=[report.id], actor=robot, now=NOW + days * DAY
            )

    assert [ask(7), ask(8), ask(9)] == [0, 1, 0]
    delivered(world, "feedback.better")
    assert notices(world)[0][1] == "Is W-01 better now?"
    with tenant_transaction(world.tenant.id):
        charlie = {"person": Person(member=world.charlie), "actor": world.actor(world.charlie), "now": NOW + 9 * DAY}
        with pytest.raises(Forbidden):
            actions.say_whether_better(
                report=report, is_better=True, text="", **{**charlie, "person": Person(world.bob)}
            )
        judged = actions.say_whether_better(report=report, is_better=False, text="Still old.", **charlie)
        assert (judged.state, judged.is_better) == ("acknowledged", False)
        with pytest.raises(Conflict):
            actions.say_whether_better(report=report, is_better=True, text="", **charlie)
        assert list(queries.story(report).values_list("kind", "text")) == [
            ("answered", "1.1 knows this year."),
            ("asked", ""),
            ("not_better", "Still old."),
        ]


def test_who_was_not_asked_yet_may_say_so_before(world: World) -> None:
    report = answer(world, filed(world), "fixed", fixed_in=world.candidate)
    with tenant_transaction(world.tenant.id):
        person, actor = Person(member=world.charlie), world.actor(world.charlie)
        judged = actions.say_whether_better(
            report=report, is_better=True, text="", person=person, actor=actor, now=NOW + DAY
        )
        assert (judged.state, judged.is_better, judged.better_due_at) == ("fixed", True, None)


def merged(world: World, one: Report, other: Report) -> Report:
    with tenant_transaction(world.tenant.id):
        return triage.merge(report=one, into=other, actor=world.actor(world.bob), now=NOW)


def test_a_duplicate_goes_with_the_other_and_both_reporters_are_told(world: World) -> None:
    first, second = filed(world), filed(world, by=world.erin)
    merged(world, second, first)
    merged(world, second, first)
    with tenant_transaction(world.tenant.id):
        assert list(queries.board(world.workload)) == [first]
        assert ReportEvent.objects.filter(kind="merged").count() == 1, "merging again changes nothing"
    with pytest.raises(Refused, match="answer the report that it belongs to"):
        answer(world, second)
    answer(world, first)
    delivered(world, "feedback.answered")
    assert [name for name, *_ in notices(world)] == ["Charlie", "Erin"]


def test_un_merging_restores_what_was(world: World) -> None:
    first, second = filed(world), answer(world, filed(world, by=world.erin), "planned", now=NOW - DAY)
    merged(world, second, first)
    answer(world, first, "declined", text="No.")
    with tenant_transaction(world.tenant.id):
        for _ in range(2):
            back = triage.unmerge(report=second, actor=world.actor(world.bob), now=NOW)
        assert (back.state, back.duplicate_of_id) == ("planned", None)
        assert [e.kind for e in queries.story(second)] == ["answered", "merged", "unmerged"]


def test_merges_are_one_level_deep_within_one_workload(world: World) -> None:
    one, two, three = filed(world), filed(world), filed(world)
    merged(world, two, one)
    with pytest.raises(Refused, match="no duplicate of itself"):
        merged(world, one, one)
    with pytest.raises(Refused, match="has duplicates itself"):
        merged(world, one, three)
    with pytest.raises(Refused, match="a duplicate already"):
        merged(world, three, two)
    with tenant_transaction(world.tenant.id):
        other, *_ = make_workload(world.tenant, world.alice, "W-02")
        elsewhere = actions.file_report(
            workload=other, told=told(), person=Person(world.bob), source=Source.PORTAL, actor=SETUP, now=NOW
        )
    with pytest.raises(Refused, match="of one workload"):
        merged(world, three, elsewhere)


def test_two_that_are_merged_into_each_other_at_once_end_as_one_pair(live_world: World) -> None:
    world = live_world
    one, two, bob = filed(world), filed(world), world.actor(world.bob)

    def merge(a: Report, b: Report) -> None:
        try:
            triage.merge(report=a, into=b, actor=bob, now=NOW)
        except Refused as error:
            raise Conflict(error.code, error.message) from error

    found = together(world, lambda: merge(one, two), lambda: merge(two, one))
    assert sorted(found) == ["done", "is_duplicate"]
    with tenant_transaction(world.tenant.id):
        assert Report.objects.filter(duplicate_of=None).count() == 1


def themed(world: World, *reports: Report, title: str = "Old prices") -> Theme:
    with tenant_transaction(world.tenant.id):
        return triage.make_theme(
            workload=world.workload,
            title=title,
            reports=reports,
            maker=world.bob,
            actor=world.actor(world.bob),
            now=NOW,
        )


def test_me_too_counts_once_and_whoever_said_it_is_told_what_became_of_it(world: World) -> None:
    theme = themed(world, filed(world))
    with tenant_transaction(world.tenant.id):
        person, actor = Person(member=world.erin), world.actor(world.erin)
        said = [actions.me_too(theme=theme, person=person, actor=actor, now=NOW) for _ in range(3)]
        assert (said, MeToo.objects.count()) == ([True, False, False], 1)
        triage.settle(theme=theme, text="1.1 knows this year.", actor=world.actor(world.bob), now=NOW)
        with pytest.raises(Conflict):
            triage.settle(theme=theme, text="again", actor=world.actor(world.bob), now=NOW)
        with pytest.raises(Refused, match="settled"):
            actions.me_too(theme=theme, person=Person(world.gina), actor=actor, now=NOW)
    delivered(world, "feedback.settled")
    assert notices(world) == [("Erin", "W-01: Old prices", "1.1 knows this year.")]


def test_a_theme_is_a_persons_decision_and_can_be_undone(world: World) -> None:
    one, two = filed(world), filed(world)
    theme = themed(world, one)
    with pytest.raises(Refused, match="already: add the reports"):
        themed(world, two)
    with pytest.raises(Invalid, match="Name the theme"):
        themed(world, two, title="   ")
    with tenant_transaction(world.tenant.id):
        bob = world.actor(world.bob)
        assert [triage.group(theme=theme, reports=[one, two], actor=bob, now=NOW) for _ in range(2)] == [1, 0]
        assert triage.ungroup(report=two, actor=bob, now=NOW).theme_id is None
        (found,) = queries.themes(world.tenant.id)
        assert (found.told, found.known) == (1, 0)


def test_alike_reports_are_suggested_as_a_group_and_others_are_not(world: World) -> None:
    texts = (
        "It quoted last year's price for the premium plan.",
        "The price it quoted for the premium plan was last year's",
        "Quoted the premium plan with the price of last year",
        "The answer was in French although I asked in German.",
    )
    for n, text in enumerate(texts):
        filed(world, what_happened=text, would_help="x", now=NOW + timedelta(seconds=n))
    with tenant_transaction(world.tenant.id):
        for report in Report.objects.order_by("created_at"):
            nearness.find(tenant_id=world.tenant.id, report_id=report.id)
        (group,) = queries.suggestions(world.workload)
        assert {report.what_happened for report in group.reports} == set(texts[:3])
    themed(world, *group.reports)
    with tenant_transaction(world.tenant.id):
        assert queries.suggestions(world.workload) == []


def test_a_reporter_reads_their_own_and_the_others_take_the_workload(world: World) -> None:
    mine, theirs = filed(world), filed(world, by=world.erin)
    with tenant_transaction(world.tenant.id):
        charlie = world.actor(world.charlie)
        assert list(queries.reports(world.tenant.id, charlie)) == [mine]
        with pytest.raises(NotFound):
            queries.report_for(world.tenant.id, charlie, theirs.id)
        with pytest.raises(NotFound):
            queries.report_for(world.tenant.id, charlie, uuid4())
        assert list(queries.reports(world.tenant.id, world.actor(world.alice))) == [theirs, mine]
        assert queries.report_for(world.tenant.id, world.actor(world.audrey), mine.id) == mine


@pytest.mark.parametrize(
    "sql",
    [
        "update feedback_reportevent set text = 'x'",
        "delete from feedback_reportevent",
        "update feedback_screenshot set width = 1",
        "delete from feedback_report",
    ],
)
def test_what_was_said_never_changes(world: World, sql: str) -> None:
    answer(world, filed(world))
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        tenant_transaction(world.tenant.id),
        transaction.get_connection().cursor() as cursor,
    ):
        cursor.execute(sql)


def test_a_duplicate_that_is_merged_late_hears_the_answer_that_was_given(world: World) -> None:
    first, second = answer(world, filed(world)), filed(world, by=world.erin)
    delivered(world, "feedback.answered")
    merged(world, second, first)
    delivered(world, "feedback.answered")
    assert [(name, body) for name, _, body in notices(world)] == [
        ("Charlie", "We look into it."),
        ("Erin", "We look into it."),
    ], "and nobody twice"


def test_whoever_reported_a_duplicate_is_asked_too_and_their_no_opens_what_it_goes_with(world: World) -> None:
    first, second = filed(world), filed(world, by=world.erin)
    merged(world, second, first)
    answer(world, first, "fixed", fixed_in=world.candidate)
    with tenant_transaction(world.tenant.id):
        asked = triage.ask_whether_better(
            tenant_id=world.tenant.id, ids=[first.id], actor=actors.task("feedback"), now=NOW + 9 * DAY
        )
    assert asked == 1
    delivered(world, "feedback.better")
    assert [name for name, *_ in notices(world)] == ["Charlie", "Erin"]
    with tenant_transaction(world.tenant.id):
        erin = {"person": Person(member=world.erin), "actor": world.actor(world.erin), "now": NOW + 9 * DAY}
        actions.say_whether_better(report=second, is_better=False, text="Still old.", **erin)
        with pytest.raises(Conflict):
            actions.say_whether_better(report=second, is_better=False, text="again", **erin)
        found = Report.objects.get(id=first.id)
        assert (found.state, found.is_reopened) == ("acknowledged", True)


def test_a_fix_that_did_not_help_waits_for_an_answer_again_and_the_desk_is_told(world: World) -> None:
    report = answer(world, filed(world), "fixed", fixed_in=world.candidate)
    with tenant_transaction(world.tenant.id):
        charlie = {"person": Person(member=world.charlie), "actor": world.actor(world.charlie), "now": NOW + DAY}
        actions.say_whether_better(report=report, is_better=False, text="", **charlie)
        desk = desks.desk_of(world.workload)
        assert desk is not None and desks.figures(desk, NOW + DAY).queue == 1
        assert list(queries.unanswered(world.tenant.id, queries.reportable(world.tenant.id))) == [world.workload]
    delivered(world, "feedback.reopened")
    assert notices(world) == [
        ("Alice", "W-01: it isn't better", "Whoever reported it says that the fix didn't help; it is open again.")
    ]
    answer(world, report, "planned")
    with tenant_transaction(world.tenant.id):
        assert desks.figures(desk, NOW + DAY).queue == 0


def test_somebody_without_a_sign_in_is_not_asked_what_they_cannot_answer(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        report = actions.file_report(
            workload=world.workload,
            told=told(),
            person=actions.outsider(world.tenant.id, "ann"),
            source=Source.WIDGET,
            actor=SETUP,
            now=NOW,
        )
    answer(world, report, "fixed", fixed_in=world.candidate)
    with tenant_transaction(world.tenant.id):
        robot = actors.task("feedback")
        arguments = {"tenant_id": world.tenant.id, "ids": [report.id], "actor": robot}
        assert triage.ask_whether_better(now=NOW + 9 * DAY, **arguments) == 0
        assert [event.kind for event in queries.story(report)] == ["answered"]


@pytest.mark.parametrize("turn", range(3))
def test_many_answers_and_one_at_the_same_moment_wait_for_each_other(live_world: World, turn: int) -> None:
    """The trail's lock comes last, or the two would wait for each other for ever."""
    world = live_world
    reports = [filed(world) for _ in range(4)]
    bob = world.actor(world.bob)

    def many() -> None:
        triage.answer_all(reports=reports, state="planned", text="x", actor=bob, now=NOW)

    def theme() -> None:
        triage.make_theme(
            workload=world.workload, title=f"T{turn}", reports=reports, maker=world.bob, actor=bob, now=NOW
        )

    def one() -> None:
        triage.answer(report=reports[-1], state="planned", text="y", actor=bob, now=NOW)

    assert together(world, many, one, theme, one) == ["done"] * 4


def test_themes_are_counted_apart(world: World) -> None:
    theme = themed(world, *[filed(world) for _ in range(3)])
    with tenant_transaction(world.tenant.id):
        for name in ("erin", "gina"):
            who = getattr(world, name)
            actions.me_too(theme=theme, person=Person(who), actor=world.actor(who), now=NOW)
        found = queries.theme(world.tenant.id, theme.id)
        assert (found.told, found.known) == (3, 2)  # type: ignore[attr-defined]
