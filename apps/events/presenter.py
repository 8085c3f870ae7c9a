"""Why nothing arrives, or that all is well: one sentence, worked out from the rows (for a tired reader at night)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.events import queries
from apps.events.models import Delivery, Replay, State, Subscription
from portal.templatetags.causeway import seconds

# Something that could be sent and that nobody has looked at for so long: no courier runs.
UNATTENDED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """``word`` is a badge's; ``next_step`` is what somebody can do about it."""

    word: str
    label: str
    sentence: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A replay: how many of its events need no more attempts."""

    replay: Replay
    done: int

    @property
    def is_running(self) -> bool:
        return not self.replay.is_cancelled and self.done < self.replay.total


def standing(row: Subscription, last: Delivery | None, since: datetime | None, now: datetime) -> Standing:
    """``last`` is the last delivery that arrived, ``since`` from when on something has been waiting."""
    if row.state == State.STOPPED:
        step = "Put the receiver right, then resume: from where it stopped, or from now."
        return Standing("failed", "stopped", f"Nothing goes out. {row.why}", step)
    if row.state == State.PAUSED:
        return Standing("held", "paused", f"Nothing goes out: paused. {row.why}", "Resume it when you want.")
    unattended = _unattended(row, since, now)
    if unattended > UNATTENDED:
        ago = seconds(unattended.total_seconds())
        sentence = f"Something has been waiting for {ago} and nobody sends it: the courier isn't running, or is behind."
        return Standing("held", "waiting", sentence, "This is not your receiver's fault: tell whoever runs the portal.")
    return _failing(row, now) if row.failures else _well(last, since, now)


def progress(row: Subscription, replays: list[Replay]) -> list[Progress]:
    done = queries.sent_again(row, [replay.number for replay in replays])
    return [Progress(replay, done.get(replay.number, 0)) for replay in replays]


def _failing(row: Subscription, now: datetime) -> Standing:
    assert row.failing_since is not None, "set with the first failure"
    times = "The last attempt" if row.failures == 1 else f"The last {row.failures} attempts"
    ago = seconds((now - row.failing_since).total_seconds())
    left = (row.rest_until - now).total_seconds() if row.rest_until is not None else 0.0
    until = f" It is asked again in {seconds(left)}." if left > 0 else ""
    sentence = f"{times} failed; nothing got through for {ago}.{until}"
    step = "What its receiver answered stands in the log below. Once it is well, try again now."
    return Standing("fail", "failing", sentence, step)


def _unattended(row: Subscription, since: datetime | None, now: datetime) -> timedelta:
    """How long something could have been sent and nobody looked."""
    if since is None or row.rests(now) or (row.leased_until is not None and now < row.leased_until):
        return timedelta()
    return now - max(at for at in (since, row.rest_until, row.worked_at) if at is not None)


def _well(last: Delivery | None, since: datetime | None, now: datetime) -> Standing:
    if since is not None:
        return Standing("running", "sending", "It is being sent right now.")
    if last is None or last.done_at is None:
        step = "Send a test event to see whether it arrives."
        return Standing("running", "active", "Nothing of these types has happened yet, so nothing was sent.", step)
    ago = seconds((now - last.done_at).total_seconds())
    return Standing("running", "active", f"Everything so far has arrived, the last event {ago} ago.")
