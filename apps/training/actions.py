"""Write modules, form cohorts, complete modules (FEED-4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.tenants.models import Membership
from apps.training.models import Cohort, CohortMember, Completion, Module
from apps.training.rules import LEAST_SHARE, TOPICS, How, wrong_answers
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Forbidden, Invalid, Refused
from portal.markdown import problems as problems_of
from portal.reasons import given

MOST_QUESTIONS = 20
MOST_ANSWERS = 6


def write_module(
    *,
    workload: Workload,
    topic: str,
    title: str,
    text: str,
    questions: Sequence[dict[str, Any]],
    actor: Actor,
    valid_days: int = 365,
) -> Module:
    """Add a lesson that everybody in the workload's cohorts has to complete.

    Raises:
        Invalid: a text with HTML, a question without a right answer; ``problems`` names each.
    """
    fields = _checked(topic, title, text, questions, valid_days)
    try:
        with transaction.atomic():
            made = Module.objects.create(tenant_id=workload.tenant_id, workload=workload, **fields)
    except IntegrityError as error:
        raise Refused("title_taken", f"{workload.key} has a module {fields['title']!r} already.") from error
    after = {"workload": workload.key, "title": made.title, "topic": topic}
    record(actor=actor, action="training.module_written", obj=made, after=after)
    return made


def rewrite_module(
    *, module: Module, text: str, questions: Sequence[dict[str, Any]], again: bool, actor: Actor, valid_days: int = 365
) -> Module:
    """A new revision. With ``again`` what was completed before no longer counts: everybody takes it anew."""
    fields = _checked(module.topic, module.title, text, questions, valid_days)
    found = Module.objects.select_for_update(of=("self",)).get(tenant=module.tenant_id, id=module.id)
    before = {"revision": found.revision, "counts_from": found.counts_from}
    found.text, found.questions, found.valid_days = fields["text"], fields["questions"], fields["valid_days"]
    found.revision += 1
    found.counts_from = found.revision if again else found.counts_from
    found.save(update_fields=["text", "questions", "valid_days", "revision", "counts_from"])
    after = {"revision": found.revision, "counts_from": found.counts_from}
    record(actor=actor, action="training.module_rewritten", obj=found, before=before, after=after)
    return found


def retire_module(*, module: Module, actor: Actor, now: datetime, reason: str) -> None:
    """Nobody has to complete it any more."""
    given(reason)
    if Module.objects.filter(tenant=module.tenant_id, id=module.id, retired_at=None).update(retired_at=now):
        record(actor=actor, action="training.module_retired", obj=module, reason=reason)


def form_cohort(
    *,
    workload: Workload,
    name: str,
    actor: Actor,
    attribute: str = "",
    value: str = "",
    threshold: int = LEAST_SHARE,
    is_first: bool = False,
) -> Cohort:
    """Name a group of people who begin together.

    Raises:
        Invalid: a threshold under 80 percent, or half of the attribute that a rollout's phase names.
    """
    name, attribute, value = name.strip(), attribute.strip(), value.strip()
    if not name or len(name) > 100 or len(attribute) > 60 or len(value) > 200:
        raise Invalid("name", "Give the cohort a name of at most 100 characters.")
    if not LEAST_SHARE <= threshold <= 100:
        raise Invalid("threshold", f"The threshold is {LEAST_SHARE} to 100 percent.")
    if bool(attribute) != bool(value):
        raise Invalid(
            "attribute", "Give both the attribute and its value, as a rollout's phase names them, or neither."
        )
    try:
        with transaction.atomic():
            made = Cohort.objects.create(
                tenant_id=workload.tenant_id,
                workload=workload,
                name=name,
                attribute=attribute,
                value=value,
                threshold=threshold,
                is_first=is_first,
            )
    except IntegrityError as error:
        raise Refused("name_taken", f"{workload.key} has a cohort {name!r} already.") from error
    after = {"workload": workload.key, "name": name, "first": is_first, "threshold": threshold}
    record(actor=actor, action="training.cohort_formed", obj=made, after=after)
    return made


def set_members(*, cohort: Cohort, people: Sequence[UUID], actor: Actor) -> int:
    """Make these the cohort's people; whoever isn't among them leaves it. Returns how many it has.

    Raises:
        Invalid: somebody isn't a member of this tenant; nothing is changed.
    """
    wanted = set(people)
    here = Membership.objects.filter(tenant=cohort.tenant_id, ended_at=None, user__in=wanted)
    if here.count() != len(wanted):
        raise Invalid("not_a_member", "Only members of this tenant can be in a cohort.")
    rows = CohortMember.objects.filter(tenant=cohort.tenant_id, cohort=cohort.id)
    before = set(rows.values_list("person", flat=True))
    if before == wanted:
        return len(wanted)
    rows.filter(person__in=before - wanted).delete()
    CohortMember.objects.bulk_create(
        CohortMember(tenant_id=cohort.tenant_id, cohort=cohort, person_id=person) for person in wanted - before
    )
    record(
        actor=actor,
        action="training.members_set",
        obj=cohort,
        before={"people": sorted(map(str, before))},
        after={"people": sorted(map(str, wanted))},
    )
    return len(wanted)


def complete_module(
    *, module: Module, answers: Sequence[int | None], person: User, actor: Actor, now: datetime
) -> Completion:
    """The person themselves, with every question answered rightly.

    Raises:
        Refused: ``wrong`` names the questions; nothing is kept of the attempt.
    """
    wrong = wrong_answers(module.asks, answers)
    if wrong:
        listed = ", ".join(map(str, wrong))
        raise Refused("wrong_answers", f"Not yet: look at question {listed} again.", wrong=wrong)
    return _complete(module, person, How.CHECK, person, actor, now)


def record_attendance(
    *, module: Module, people: Sequence[UUID], recorder: User, actor: Actor, now: datetime
) -> list[Completion]:
    """Somebody who was there says who took part. Never for oneself.

    Raises:
        Forbidden: the recorder is among them.
        Invalid: somebody isn't a member of this tenant; nothing is kept.
    """
    wanted = list(dict.fromkeys(people))
    if recorder.id in wanted:
        raise Forbidden("own_attendance", "Your own training is shown by the module's questions; leave yourself out.")
    here = Membership.objects.filter(tenant=module.tenant_id, ended_at=None, user__in=wanted).select_related("user")
    users = {row.user_id: row.user for row in here}
    if not wanted or len(users) != len(wanted):
        raise Invalid("not_a_member", "Name people who are members of this tenant.")
    return [_complete(module, users[person], How.ATTENDED, recorder, actor, now) for person in wanted]


def _complete(module: Module, person: User, how: How, recorder: User, actor: Actor, now: datetime) -> Completion:
    made = Completion.objects.create(
        tenant_id=module.tenant_id,
        module=module,
        person=person,
        revision=module.revision,
        how=how,
        recorded_by=recorder,
        completed_at=now,
        until=now + timedelta(days=module.valid_days),
    )
    after = {"module": module.title, "revision": module.revision, "person": person.email, "how": how}
    record(actor=actor, action="training.completed", obj=made, after=after)
    return made


def _checked(topic: str, title: str, text: str, questions: Sequence[dict[str, Any]], valid_days: int) -> dict[str, Any]:
    title, text = title.strip(), text.replace("\r\n", "\n")
    problems = [f"Text, {problem}" for problem in problems_of(text)]
    if topic not in TOPICS:
        problems.append(f"topic: one of {', '.join(TOPICS)}.")
    if not 1 <= len(title) <= 100:
        problems.append("Give it a title of at most 100 characters.")
    if not 1 <= valid_days <= 1_000:
        problems.append("It counts for 1 to 1,000 days.")
    if not 1 <= len(questions) <= MOST_QUESTIONS:
        problems.append(f"Ask 1 to {MOST_QUESTIONS} questions: reading alone shows nothing.")
    cleaned = [_question(number, each, problems) for number, each in enumerate(questions[:MOST_QUESTIONS], start=1)]
    if problems:
        raise Invalid("module_invalid", " ".join(problems), problems=problems)
    return {"topic": topic, "title": title, "text": text, "questions": cleaned, "valid_days": valid_days}


def _question(number: int, asked: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    text = str(asked.get("text", "")).strip()
    answers = [str(answer).strip() for answer in asked.get("answers", [])]
    right = asked.get("right")
    fitting = all(1 <= len(answer) <= 300 for answer in answers)
    if not 1 <= len(text) <= 500 or not 2 <= len(answers) <= MOST_ANSWERS or not fitting:
        problems.append(f"Question {number}: give a question and 2 to {MOST_ANSWERS} answers.")
    elif len(set(answers)) != len(answers):
        problems.append(f"Question {number}: two answers are the same.")
    elif not isinstance(right, int) or isinstance(right, bool) or not 0 <= right < len(answers):
        problems.append(f"Question {number}: say which answer is right, counted from 0.")
    return {"text": text, "answers": answers, "right": right}
