"""The look that the tick takes at each due rollout, and what follows from it (ROLL-6, ROLL-8, ROLL-11).

A batch of one tenant's rollouts is read in a constant number of statements; each move is its own savepoint, so that
one rollout's trouble is not another's. Whatever dies here is found again by the due index.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import Error, transaction

from apps.rollouts import actions, conditions, moves
from apps.rollouts.bake import accrue
from apps.rollouts.machine import Hold, State
from apps.rollouts.models import Rollout
from apps.rollouts.plan import Kind, Metric, expected_share, judged
from apps.rollouts.statistics import Mean, split_alpha
from apps.rollouts.verdict import Effect, Figures, Judgement, Run, Verdict, blind_limit, effect, run, sentence
from apps.telemetry.queries import ArmSums, arm_sums, first_bad_minute
from apps.workloads.actions import serve_version
from portal import actor as actors
from portal import faults
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("rollouts")

ENGINE = actors.task("rollouts.check")
# An evaluator serves what it knew for one second at most; the read-back waits a little longer.
EVERYWHERE_AFTER = timedelta(seconds=1.5)
PROBES = 50

Probe = Callable[[Rollout, Sequence[str]], list[str]]
_probe: list[Probe] = []


def reads_back(probe: Probe) -> Probe:
    """Register the read-back through the real decision path: the probe units that still get the agent."""
    _probe[:] = [probe]
    return probe


def check_batch(*, tenant_id: UUID, ids: Sequence[UUID], now: datetime) -> None:
    """Look at those of the rollouts that are due and that no other worker holds."""
    faults.point("rollouts.batch")
    with tenant_transaction(tenant_id):
        due = Rollout.objects.filter(tenant=tenant_id, id__in=ids, next_check_at__lte=now)
        rollouts = list(
            due.select_for_update(skip_locked=True, of=("self",))
            .select_related("workload", "version", "control_version", "approval")
            .order_by("id")
        )
        sums, failed = _read(tenant_id, rollouts)
        quiet = [rollout for rollout in rollouts if not _attend(rollout, sums[rollout.id], failed, now)]
        Rollout.objects.bulk_update(quiet, ["looked_at", "next_check_at", "baked", "look", "watch_until"])
        faults.point("rollouts.checked")
    faults.point("rollouts.committed")


def _read(tenant_id: UUID, rollouts: list[Rollout]) -> tuple[dict[UUID, list[ArmSums]], str]:
    """The sums by rollout. A query that fails is an *error* verdict for all and no reason to stop looking."""
    sums: dict[UUID, list[ArmSums]] = defaultdict(list)
    try:
        with transaction.atomic():
            for row in arm_sums(tenant_id, [rollout.id for rollout in rollouts]):
                sums[row.rollout_id].append(row)
    except Error as error:
        log.exception("figures could not be read")
        return defaultdict(list), type(error).__name__
    return sums, ""


def _attend(rollout: Rollout, sums: list[ArmSums], failed: str, now: datetime) -> bool:
    """Look at one rollout. True if it moved, and so was written already."""
    try:
        with transaction.atomic():
            if rollout.state == State.ROLLING_BACK:
                return _verify(rollout, now)
            return _look(rollout, sums, failed, now)
    except Exception:
        log.exception("a rollout could not be checked", extra={"rollout": str(rollout.id)})
        rollout.next_check_at = now + rollout.check_every
        return False


def _look(rollout: Rollout, sums: list[ArmSums], failed: str, now: datetime) -> bool:
    if rollout.phase < 0:
        rollout.next_check_at = now + rollout.check_every
        return False
    seen = _judge(rollout, sums, failed)
    last = max((row.last_at for row in sums if row.arm == "agent"), default=None)
    blind_for = now - max(last or rollout.phase_entered_at or now, rollout.phase_entered_at or now)
    _note(rollout, seen, blind_for, last, now)
    return _follow(rollout, seen, blind_for, now)


def _judge(rollout: Rollout, sums: list[ArmSums], failed: str) -> Run:
    """The verdict on the figures since the present step began."""
    current, arms = rollout.current, {row.arm: row for row in sums if row.phase == rollout.step}
    assert current is not None, "a rollout outside every phase isn't judged"
    return run(
        judged(rollout.guardrails, current.share),
        _figures(arms.get("agent")),
        _figures(arms.get("control")),
        alpha=split_alpha(len(rollout.guardrails), len(rollout.phases), rollout.step),
        least=current.min_transactions,
        split=_split(rollout, sums),
        failed=failed,
    )


def _figures(row: ArmSums | None) -> Figures:
    if row is None:
        return Figures()
    return Figures(
        n=row.n,
        errors=row.errors,
        judged=row.judged,
        flagged=row.flagged,
        overridden=row.overridden,
        unauthorised=row.unauthorised,
        cost=Mean(row.cost_n, row.cost_sum, row.cost_squares),
        latency=row.latency,
        seen=row.seen,
        doubting=row.doubting,
        heard=row.heard,
        soft_failures=row.soft_failures,
    )


def _split(rollout: Rollout, sums: list[ArmSums]) -> tuple[int, int, int] | None:
    """Units by arm over all steps, where both arms are planned to be as large and both send records."""
    control_reports = rollout.control_version_id is not None or rollout.workload.fallback_sends_records
    if rollout.served.share > 5_000 or rollout.served.cohorts or not control_reports:
        return None
    units = {arm: sum(row.units for row in sums if row.arm == arm) for arm in ("agent", "control")}
    return units["agent"], units["control"], sum(row.crossed for row in sums)


def _note(rollout: Rollout, seen: Run, blind_for: timedelta, last: datetime | None, now: datetime) -> None:
    """Write what was seen, and count the bake: only exposure that was observed and healthy (ROLL-11)."""
    observed = (
        rollout.state == State.RUNNING
        and blind_for <= _quiet_limit(rollout)
        and seen.verdict not in {Verdict.ERROR, Verdict.UNHEALTHY, Verdict.NO_DATA}
    )
    rollout.baked = accrue(
        rollout.baked, looked_at=rollout.looked_at, now=now, observed=observed, at_most=2 * rollout.check_every
    )
    rollout.looked_at, rollout.next_check_at = now, now + rollout.check_every
    rollout.look = {
        "verdict": seen.verdict,
        "provider": seen.provider,
        "blind_seconds": blind_for.total_seconds(),
        "last_record_at": last.isoformat() if last else None,
        "judgements": [_judgement(j) for j in seen.judgements],
    }


def _judgement(found: Judgement) -> dict[str, Any]:
    return {
        **asdict(found.guardrail),
        "verdict": found.verdict,
        "needed": found.needed,
        "figures": {key: _short(value) for key, value in found.figures.items()},
    }


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _follow(rollout: Rollout, seen: Run, blind_for: timedelta, now: datetime) -> bool:
    """Carry out what the look means. True if the rollout moved."""
    current = rollout.current
    assert current is not None, "a rollout outside every phase isn't judged"
    target = current.bake * (2 if rollout.extended else 1)
    high, low = (timedelta(seconds=rollout.plan[f"blind_{end}_seconds"]) for end in ("high", "low"))
    limit = blind_limit(rollout.served.share, high, low)
    found = effect(
        seen, baked=rollout.baked >= target, extended=rollout.extended, blind_for=blind_for, blind_limit=limit
    )
    if found is Effect.ROLL_BACK:
        return _roll_back(rollout, seen, now)
    if rollout.state == State.COMPLETED:
        return _end_watch(rollout, now)
    if found is Effect.STEP_BACK:
        return _step_back(rollout, blind_for, now)
    if rollout.state == State.HELD:
        return _wake(rollout, seen, blind_for, now)
    if found is Effect.HOLD or blind_for > _quiet_limit(rollout):
        return _hold(rollout, seen, blind_for, now)
    if found is Effect.EXTEND:
        return _extend(rollout, seen, now)
    return _advance(rollout, seen, now) if found is Effect.ADVANCE else False


def _roll_back(rollout: Rollout, seen: Run, now: datetime) -> bool:
    decisive = seen.decisive
    assert decisive is not None, "a breach has a guardrail"
    figures = _judgement(decisive)
    # A second for the evaluators: none serves the agent longer than that after the commit.
    figures["seconds_exposed"] = round((now - _bad_since(rollout, decisive, now)).total_seconds() + 1, 1)
    moves.begin_rollback(rollout, actor=ENGINE, now=now, reason=sentence(decisive), figures=figures)
    _save_look(rollout)
    return True


def _bad_since(rollout: Rollout, decisive: Judgement, now: datetime) -> datetime:
    """The beginning of the first bad minute of this stay, where minutes say so; else the beginning of the stay."""
    entered = rollout.phase_entered_at or now
    guardrail = decisive.guardrail
    if (guardrail.metric, guardrail.kind) != (Metric.ERROR_RATE, Kind.ABSOLUTE):
        return entered
    bad = first_bad_minute(rollout.tenant_id, rollout.id, rollout.step, guardrail.limit)
    return max(bad or entered, entered)


def _hold(rollout: Rollout, seen: Run, blind_for: timedelta, now: datetime) -> bool:
    if blind_for > _quiet_limit(rollout):
        reason, note = Hold.BLIND, f"No record of the agent's arm for {blind_for.total_seconds():.0f} s."
    elif seen.provider:
        name = rollout.version.model
        reason, note = Hold.PROVIDER, f"Both arms broke a limit together: look at the provider of {name}."
    else:
        reason = _HOLDS[seen.verdict]
        note = _said(seen)
    moves.move(
        rollout, State.HELD, actor=ENGINE, now=now, reason=note, hold_reason=reason, note=note, figures=rollout.look
    )
    moves.alarm(rollout, f"held:{rollout.revision}", f"Held: {note}", "error", now=now)
    _save_look(rollout)
    return True


def _said(seen: Run) -> str:
    """A broken limit in its own figures; what else holds a rollout is no single guardrail's doing."""
    if seen.verdict is Verdict.BREACH and seen.decisive is not None:
        return sentence(seen.decisive)
    return f"The check says {seen.verdict.replace('_', ' ')}."


_HOLDS = {
    Verdict.BREACH: Hold.BREACH,
    Verdict.UNHEALTHY: Hold.UNHEALTHY,
    Verdict.ERROR: Hold.ERROR,
    Verdict.NO_DATA: Hold.BLIND,
    Verdict.INSUFFICIENT: Hold.INSUFFICIENT,
    Verdict.INCONCLUSIVE: Hold.INCONCLUSIVE,
}


def _wake(rollout: Rollout, seen: Run, blind_for: timedelta, now: datetime) -> bool:
    """Blindness and failed queries end by themselves; every other hold waits for a person."""
    passing = rollout.hold_reason in {Hold.BLIND, Hold.ERROR}
    if not passing or blind_for > _quiet_limit(rollout) or seen.verdict in {Verdict.ERROR, Verdict.NO_DATA}:
        return False
    moves.move(rollout, State.RUNNING, actor=ENGINE, now=now, reason="Records arrive again.", hold_reason="", note="")
    _save_look(rollout)
    return True


def _step_back(rollout: Rollout, blind_for: timedelta, now: datetime) -> bool:
    """Back to the last share that had telemetry, and held there."""
    minutes = blind_for.total_seconds() / 60
    note = f"Blind for {minutes:.0f} minutes: back to the share before."
    place = {**actions.entry(rollout.phase - 1, rollout.step, now), "next_check_at": now + rollout.check_every}
    figures, was_held = rollout.look, rollout.state == State.HELD
    moves.move(
        rollout,
        State.HELD,
        actor=ENGINE,
        now=now,
        reason=note,
        hold_reason=Hold.BLIND,
        note=note,
        figures=figures,
        **place,
    )
    if not was_held:
        moves.alarm(rollout, f"held:{rollout.revision}", f"Held: {note}", "error", now=now)
    return True


def _extend(rollout: Rollout, seen: Run, now: datetime) -> bool:
    note = f"{seen.verdict.replace('_', ' ')} at the end of the bake: extended once by its own length."
    moves.move(rollout, State.RUNNING, actor=ENGINE, now=now, reason=note, extended=True, figures=rollout.look)
    _save_look(rollout)
    return True


def _advance(rollout: Rollout, seen: Run, now: datetime) -> bool:
    """The next step, if everything that the start asked for still holds and the posture allows the share."""
    following = rollout.phase + 1
    if following == len(rollout.phases):
        return _complete(rollout, now)
    reasons = [missing.why for missing in conditions.unmet(rollout, now)]
    reasons += [over] if (over := conditions.over_cap(rollout, expected_share(rollout.phases, following))) else []
    if reasons:
        rollout.look["waiting_for"] = reasons
        return False
    figures = rollout.look
    share = rollout.phases[following].share
    place = actions.entry(following, rollout.step, now)
    moves.move(
        rollout,
        State.RUNNING,
        actor=ENGINE,
        now=now,
        reason=f"Every guardrail passed; on to {share / 100:g} %.",
        figures=figures,
        **place,
    )
    return True


def _complete(rollout: Rollout, now: datetime) -> bool:
    """Everybody is on the version, and it serves from now on. The brakes stay on for a day."""
    moves.move(
        rollout,
        State.COMPLETED,
        actor=ENGINE,
        now=now,
        reason="Every guardrail passed at 100 %.",
        figures=rollout.look,
        watch_until=now + moves.WATCH_AFTER_ALL,
    )
    serve_version(workload=rollout.workload, version=rollout.version, actor=ENGINE, reason="rollout completed")
    _save_look(rollout)
    return True


def _end_watch(rollout: Rollout, now: datetime) -> bool:
    if rollout.watch_until is None or now >= rollout.watch_until:
        rollout.next_check_at = rollout.watch_until = None
    return False


def _verify(rollout: Rollout, now: datetime) -> bool:
    """The read-back (ROLL-8): only when no probe unit gets the agent any more is the rollout rolled back."""
    assert rollout.rolled_back_at is not None, "a rollback has an instant"
    ready_at = rollout.rolled_back_at + EVERYWHERE_AFTER
    if now < ready_at:
        rollout.next_check_at = ready_at
        return False
    units = [f"probe-{number}" for number in range(PROBES)]
    still = _probe[0](rollout, units) if _probe else ["nothing reads the decision path back"]
    if still:
        return _page_again(rollout, still, now)
    moves.move(
        rollout,
        State.ROLLED_BACK,
        actor=ENGINE,
        now=now,
        reason=f"The read-back of {PROBES} units shows a share of 0.",
        figures={"probes": PROBES, "seconds_to_safe": round((now - rollout.rolled_back_at).total_seconds(), 1)},
        verified_at=now,
        next_check_at=None,
    )
    moves.calm(rollout, "unverified", now=now)
    return True


def _page_again(rollout: Rollout, still: list[str], now: datetime) -> bool:
    """A rollback that can't be verified pages, once a minute."""
    told = f"The rollback can't be verified: {len(still)} of {PROBES} probes still get the agent."
    moves.alarm(rollout, "unverified", told, "critical", now=now)
    rollout.next_check_at = now + rollout.check_every
    return False


def _quiet_limit(rollout: Rollout) -> timedelta:
    """How long the agent's arm may be silent before the rollout is held: five checks, a minute at least."""
    return max(5 * rollout.check_every, timedelta(minutes=1))


def _save_look(rollout: Rollout) -> None:
    rollout.save(update_fields=["look", "looked_at", "baked", "next_check_at"])
