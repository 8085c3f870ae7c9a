"""Somebody reports a soft failure, says "me too", or whether it is better now (FEED-1, FEED-2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from apps.accounts.models import User
from apps.audit.actions import record
from apps.feedback import counting
from apps.feedback.models import MeToo, Report, ReportEvent, Screenshot, Source, Theme
from apps.feedback.pictures import NotAPicture, Picture, redrawn
from apps.feedback.rules import CATEGORIES, SEVERITIES, Category, Reaction, Severity, State, reactions_of
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.outbox.actions import enqueue
from portal.pseudonyms import user_key
from portal.tenancy.locks import one_at_a_time

LONGEST = 4_000
LONGEST_REQUEST_ID = 200
# Nobody writes more by hand; a loop in somebody's script does.
MOST_AN_HOUR = 30
MOST_REACTIONS_AN_HOUR = 300


@dataclass(frozen=True, slots=True)
class Person:
    """Who reports: a member, or a user of the application whom it knows by a key of its own."""

    member: User | None = None
    key: str = ""

    @property
    def columns(self) -> dict[str, object]:
        return {"reporter": self.member, "reporter_key": "" if self.member else self.key}

    @property
    def name(self) -> str:
        """What tells them from everybody else."""
        return str(self.member.id) if self.member else self.key


def outsider(tenant_id: UUID, user: str) -> Person:
    """A user without a sign-in, under the same pseudonym as in action records."""
    return Person(key=user_key(tenant_id, user))


@dataclass(frozen=True, slots=True)
class Told:
    """What a report says. ``screenshot`` is the file as it was sent."""

    what_happened: str
    would_help: str
    category: str = Category.UNHELPFUL
    severity: str = Severity.MEDIUM
    request_id: str = ""
    screenshot: bytes | None = None


def file_report(
    *,
    workload: Workload,
    told: Told,
    person: Person,
    source: Source,
    actor: Actor,
    now: datetime,
    cause: str = "",
) -> Report:
    """Take a report. With a request id it also counts where that request's action stands (ROLL-5).

    ``cause`` is what a sender who tries again repeats, such as a message's id: the same one is one report.

    Raises:
        Invalid: a field is empty, too long or unknown; the screenshot is no picture. Nothing is kept.
        Forbidden: nobody reports.
        Refused: thirty within an hour.
    """
    fields = _checked(told)
    one_at_a_time(workload.tenant_id, f"feedback.report:{person.name}")
    named = {"id": uuid5(workload.tenant_id, f"{person.name}:{cause}")} if cause else {}
    if named and (known := Report.objects.filter(tenant=workload.tenant_id, **named).first()):
        return known
    _refuse_flood(workload.tenant_id, person, now)
    picture = _picture(told.screenshot)
    report = Report.objects.create(
        tenant_id=workload.tenant_id,
        workload=workload,
        source=source,
        created_at=now,
        **named,
        **fields,
        **person.columns,
    )
    if picture is not None:
        _attach(picture, report, now)
    if report.request_id:
        said = [(report.request_id, kind, person.key) for kind in reactions_of(Category(report.category))]
        counting.keep(workload=workload, said=said, said_by=person.name, now=now)
    after = {"workload": workload.key, "category": report.category, "source": source, "request": report.request_id}
    record(actor=actor, action="feedback.reported", obj=report, after=after)
    enqueue(topic="feedback.filed", key=str(report.id), payload={"report": str(report.id)}, now=now)
    if report.is_unsafe:
        _alarm(report, workload, now)
    return report


def react(
    *, workload: Workload, said: Iterable[tuple[str, str, str]], actor: Actor, now: datetime, is_own: bool = False
) -> int:
    """What people did with answers, as (request id, kind, user): many at once, each once. Returns how many were new.

    ``is_own``: it was said with the ticket of that one user, and counts for no other user's answers.

    Raises:
        Invalid: an unknown kind, or no request id; nothing is kept.
        Refused: with a ticket, more of one user within an hour than anybody reads answers.
    """
    allowed = {Reaction.USED, Reaction.RECHECKED, Reaction.REDONE}
    found = []
    for request_id, kind, user in said:
        if kind not in allowed:
            raise Invalid("kind", f"Say one of {', '.join(sorted(allowed))}.")
        if not 1 <= len(request_id) <= LONGEST_REQUEST_ID or "\x00" in request_id:
            raise Invalid("request_id", f"Name the request, in 1 to {LONGEST_REQUEST_ID} characters.")
        found.append((request_id, Reaction(kind), user_key(workload.tenant_id, user)))
    if is_own:
        _refuse_many_reactions(workload.tenant_id, {key for _, _, key in found}, now)
    new = counting.keep(workload=workload, said=found, is_own=is_own, now=now)
    if new:
        record(actor=actor, action="feedback.reacted", obj=workload, after={"reactions": new})
    return new


def me_too(*, theme: Theme, person: Person, actor: Actor, now: datetime) -> bool:
    """Somebody knows this as well. Saying it twice changes nothing; False then."""
    if theme.closed_at is not None:
        raise Refused("theme_closed", "This is settled; if it happens again, report it.")
    _refuse_nobody(person)
    rows = MeToo.objects.bulk_create(
        [
            MeToo(
                tenant_id=theme.tenant_id,
                theme=theme,
                person=person.member,
                person_key="" if person.member else person.key,
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    is_new = MeToo.objects.filter(tenant=theme.tenant_id, id=rows[0].id).exists()
    if is_new:
        record(actor=actor, action="feedback.me_too", obj=theme, after={"title": theme.title})
    return is_new


def take_back_me_too(*, theme: Theme, person: Person, actor: Actor) -> bool:
    """They don't know it after all, or pressed the wrong button. False where they never said so."""
    _refuse_nobody(person)
    key = "" if person.member else person.key
    rows = MeToo.objects.filter(tenant=theme.tenant_id, theme=theme.id, person=person.member, person_key=key)
    count, _ = rows.delete()
    if count:
        record(actor=actor, action="feedback.me_too_taken_back", obj=theme, before={"title": theme.title})
    return count > 0


def say_whether_better(
    *, report: Report, is_better: bool, text: str, person: Person, actor: Actor, now: datetime
) -> Report:
    """The reporter's own verdict on the fix. "No" opens the report again (FEED-2).

    Raises:
        Forbidden: somebody else's report.
        Conflict: it was said, or the report isn't fixed (any more).
    """
    if not _is_of(report, person):
        raise Forbidden("not_yours", "Only who reported it can say whether it is better.")
    own, led = _with_its_lead(report)
    if led.state != State.FIXED or own.is_better is not None:
        raise Conflict("not_asked", "This report isn't waiting for that answer.")
    own.is_better = is_better
    # Nobody is asked what they have said; a duplicate has nothing due.
    own.better_due_at = None
    own.save(update_fields=["is_better", "better_due_at"])
    if not is_better:
        Report.objects.filter(tenant=led.tenant_id, id=led.id).update(
            state=State.ACKNOWLEDGED, is_reopened=True, better_due_at=None
        )
        own.refresh_from_db()
    event = ReportEvent.objects.create(
        tenant_id=own.tenant_id,
        report=own,
        kind=ReportEvent.Kind.BETTER if is_better else ReportEvent.Kind.NOT_BETTER,
        state=own.state,
        text=text.strip()[:LONGEST],
        by=actor.label,
        created_at=now,
    )
    record(actor=actor, action="feedback.judged", obj=own, after={"better": is_better})
    if not is_better:
        enqueue(topic="feedback.reopened", key=str(event.id), payload={"report": str(led.id)}, now=now)
    return own


def _with_its_lead(report: Report) -> tuple[Report, Report]:
    """The report and the one that it goes with, which may be itself; both held, in the order of their ids."""
    mine = Report.objects.filter(tenant=report.tenant_id)
    lead = mine.filter(id=report.id).values_list("duplicate_of", flat=True).get()
    rows = mine.filter(id__in={report.id, lead or report.id}).select_for_update(of=("self",)).order_by("id")
    held = {row.id: row for row in rows}
    own = held[report.id]
    return own, held.get(own.duplicate_of_id or own.id, own)


def _is_of(report: Report, person: Person) -> bool:
    if person.member is not None:
        return report.reporter_id == person.member.id
    return bool(person.key) and report.reporter_key == person.key


def _checked(told: Told) -> dict[str, str]:
    fields = {
        "what_happened": told.what_happened.replace("\r\n", "\n").strip(),
        "would_help": told.would_help.replace("\r\n", "\n").strip(),
        "category": told.category,
        "severity": told.severity,
        "request_id": told.request_id.strip(),
    }
    problems = {}
    for name, words in (("what_happened", "what happened"), ("would_help", "what would have helped")):
        if not 1 <= len(fields[name]) <= LONGEST:
            problems[name] = f"Say {words}, in at most {LONGEST} characters."
    if fields["category"] not in CATEGORIES:
        problems["category"] = f"Choose one of {', '.join(CATEGORIES)}."
    if fields["severity"] not in SEVERITIES:
        problems["severity"] = f"Choose one of {', '.join(SEVERITIES)}."
    if len(fields["request_id"]) > LONGEST_REQUEST_ID:
        problems["request_id"] = f"A request id has at most {LONGEST_REQUEST_ID} characters."
    for name, value in fields.items():
        if "\x00" in value:
            problems[name] = "Leave out the character NUL."
    if problems:
        raise Invalid("report_invalid", " ".join(problems.values()), fields=problems)
    return fields


def _picture(data: bytes | None) -> Picture | None:
    if data is None:
        return None
    try:
        return redrawn(data)
    except NotAPicture as error:
        raise Invalid("screenshot", str(error), fields={"screenshot": str(error)}) from error


def _attach(picture: Picture, report: Report, now: datetime) -> None:
    Screenshot.objects.create(
        tenant_id=report.tenant_id,
        report=report,
        data=picture.data,
        width=picture.width,
        height=picture.height,
        created_at=now,
    )


def _refuse_nobody(person: Person) -> None:
    if person.member is None and not person.key:
        raise Forbidden("somebody", "Somebody has to say it: sign in, or send the user.")


def _refuse_flood(tenant_id: UUID, person: Person, now: datetime) -> None:
    _refuse_nobody(person)
    rows = Report.objects.filter(tenant=tenant_id, created_at__gt=now - timedelta(hours=1), **person.columns)
    if rows.count() >= MOST_AN_HOUR:
        raise Refused("too_many", f"{MOST_AN_HOUR} reports within an hour are enough; call the workload's team.")


def _refuse_many_reactions(tenant_id: UUID, keys: set[str], now: datetime) -> None:
    for key in sorted(keys):
        one_at_a_time(tenant_id, f"feedback.react:{key}")
        if counting.own_since(tenant_id, key, now - timedelta(hours=1)) >= MOST_REACTIONS_AN_HOUR:
            raise Refused("too_many", f"{MOST_REACTIONS_AN_HOUR} reactions of one user within an hour are enough.")


def _alarm(report: Report, workload: Workload, now: datetime) -> None:
    """Unsafe is for whoever is on call, at once; what it says stays in the portal."""
    payload = {
        "source": "feedback",
        "key": f"unsafe:{workload.id}",
        "summary": f"A user of {workload.key} reports that it was unsafe.",
        "severity": "critical" if report.severity == Severity.HIGH else "error",
        "workload": workload.key,
        "link": f"feedback/{report.id}/",
        "details": {"report": str(report.id)},
    }
    enqueue(topic="alert.raise", key=f"unsafe:{report.id}", payload=payload, now=now)
