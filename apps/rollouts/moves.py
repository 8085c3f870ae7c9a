"""The one function that changes a rollout's state (ROLL-7).

State, transition, audit record, outbox messages and the decision path's version are one transaction; a compare-and-
swap on the revision and a unique key on (rollout, revision) make each move happen once.
"""

from datetime import datetime, timedelta
from typing import Any

from apps.audit.actions import record
from apps.rollouts.machine import State, may
from apps.rollouts.models import Rollout, RolloutTransition
from apps.tenants.actions import bump_config
from portal import faults
from portal.actor import Actor
from portal.errors import Conflict, Refused
from portal.outbox.actions import enqueue

WATCH_AFTER_ALL = timedelta(hours=24)


def move(
    rollout: Rollout,
    after: State,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    figures: dict[str, Any] | None = None,
    **changes: Any,
) -> Rollout:
    """Move a rollout, from exactly the revision that the caller saw.

    Raises:
        Refused: that move doesn't exist.
        Conflict: somebody moved it first; nothing was changed.
    """
    before = State(rollout.state)
    if not may(before, after):
        raise Refused("move_refused", f"A rollout that is {_words(before)} can't become {_words(after)}.")
    changes = {"state": after, "revision": rollout.revision + 1, **changes}
    same = Rollout.objects.filter(tenant=rollout.tenant_id, id=rollout.id, revision=rollout.revision)
    if not same.update(**changes):
        raise Conflict("moved_since", "This rollout moved since you looked; look again.")
    faults.point("rollout.moved")
    for name, value in changes.items():
        setattr(rollout, name, value)
    _write_down(rollout, before, actor, now, reason, figures or {})
    if before == State.HELD and after != State.HELD:
        calm(rollout, f"held:{_held_since(rollout)}", now=now)
    faults.point("rollout.written")
    bump_config(rollout.tenant_id)
    return rollout


def begin_rollback(
    rollout: Rollout, *, actor: Actor, now: datetime, reason: str, figures: dict[str, Any] | None = None
) -> Rollout:
    """Take the agent out of service at once (ROLL-8): from the commit on every decision names the snapshot.

    The incident and the page go out as outbox messages; until the read-back holds the state is *rolling back*.
    """
    if rollout.state == State.COMPLETED:
        _restore_serving(rollout)
    rollout = move(
        rollout,
        State.ROLLING_BACK,
        actor=actor,
        now=now,
        reason=reason,
        figures=figures,
        rolled_back_at=now,
        hold_reason="",
        note=reason,
        next_check_at=now,
        watch_until=None,
    )
    alarm(rollout, "rollback", f"Rolled back: {reason}", "critical", now=now)
    return rollout


def alarm(rollout: Rollout, what: str, summary: str, severity: str, *, now: datetime) -> None:
    """Have an alert raised, with a link to the evidence. The same thing said again in a later minute is said again."""
    key = f"rollout:{rollout.id}:{what}"
    payload = {
        "source": "rollout",
        "key": key,
        "summary": summary,
        "severity": severity,
        "workload": rollout.workload.key,
        "link": f"rollouts/{rollout.id}/",
        "details": {"rollout": str(rollout.id), "version": rollout.version.label},
    }
    enqueue(topic="alert.raise", key=f"{key}:{now:%Y%m%d%H%M}", payload=payload, now=now)


def calm(rollout: Rollout, what: str, *, now: datetime) -> None:
    """What an alert was about is over."""
    key = f"rollout:{rollout.id}:{what}"
    payload = {"source": "rollout", "key": key, "summary": "", "workload": rollout.workload.key}
    enqueue(topic="alert.end", key=key, payload=payload, now=now)


def _held_since(rollout: Rollout) -> int:
    """The revision with which the present hold began: it names the hold's alert, and no later hold's."""
    rows = RolloutTransition.objects.filter(tenant=rollout.tenant_id, rollout=rollout.id, after=State.HELD)
    found = rows.exclude(before=State.HELD).order_by("-revision").values_list("revision", flat=True).first()
    return found or 0


def _restore_serving(rollout: Rollout) -> None:
    rollout.workload.serving_version_id = rollout.control_version_id
    rollout.workload.save(update_fields=["serving_version"])


def _write_down(
    rollout: Rollout, before: State, actor: Actor, now: datetime, reason: str, figures: dict[str, Any]
) -> None:
    share = rollout.served.share
    RolloutTransition.objects.create(
        tenant_id=rollout.tenant_id,
        rollout=rollout,
        revision=rollout.revision,
        before=before,
        after=rollout.state,
        phase=rollout.phase,
        share=share,
        actor=actor.label,
        reason=reason,
        figures=figures,
        created_at=now,
    )
    record(
        actor=actor,
        action=f"rollout.{rollout.state}",
        obj=rollout,
        before={"state": before},
        after={"state": rollout.state, "phase": rollout.phase, "share": share, "figures": figures},
        reason=reason,
    )


def _words(state: State) -> str:
    return state.value.replace("_", " ")
