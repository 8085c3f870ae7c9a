"""From what happened to the figures that are judged."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import quantiles
from typing import Any

from apps.budgets.rules import LEAST_OUTPUT
from benchmarks.measure import Measure, Result
from benchmarks.overshoot.clients import BEGIN_SECONDS, CLIENTS, SPEED, TOKEN_SECONDS, Seen
from benchmarks.overshoot.ground import CONDITION as GROUND
from benchmarks.overshoot.machine import CONDITION as MACHINE
from benchmarks.overshoot.scenario import KEEP_EVERY, Outcome
from benchmarks.overshoot.trace import SEED

MOST_UNUSED = 1.0


def result(name: str, outcome: Outcome) -> Result:
    measures = [*_caps(outcome), *_unused(outcome), *_service(outcome)]
    return Result(name, 1, list(_conditions(outcome)), measures)


def must_hold(measure: Measure) -> bool:
    """Whether nothing excuses it: a cap broken, a counter wrong, a client that gets away with it."""
    return measure.at_most == 0 or measure.at_least is not None


def _caps(outcome: Outcome) -> Iterator[Measure]:
    verdict, keeper, caps = outcome.verdict, outcome.keeper, outcome.ground.caps
    spent = _spent(outcome)
    past = {user: spent[user] - cap for user, cap in caps.items() if spent[user] > cap}
    yield _none("tokens really spent past a cap", sum(past.values()), users=len(past), spent=sum(spent.values()))
    yield _none("tokens past a cap in the ledger, at any time", sum(verdict.past.values()), users=len(verdict.past))
    accounted = {user: verdict.settled.get(user, 0) + verdict.stuck.get(user, 0) for user in caps}
    lost = sum(max(0, spent[user] - accounted[user]) for user in caps)
    yield _none("tokens spent, neither settled nor held", lost, settled=sum(verdict.settled.values()))
    yield _none(
        "counters that differ from the ledger",
        verdict.differing + keeper.differing,
        checks_during_the_run=keeper.checks,
        found=verdict.found,
    )


def _unused(outcome: Outcome) -> Iterator[Measure]:
    caps, verdict = outcome.ground.caps, outcome.verdict
    total = sum(caps.values())
    rooms = {user: cap - verdict.settled.get(user, 0) - verdict.stuck.get(user, 0) for user, cap in caps.items()}
    fitting = {row.user for row in outcome.replayed.calls if _would_fit(outcome, row, rooms)}
    usable = sum(rooms[outcome.ground.key(user)] for user in fitting)
    yield Measure(
        "budget left unused, stuck holds apart",
        "%",
        ours=100 * sum(rooms.values()) / total,
        floor=100 * outcome.trace.one_by_one() / total,
        judged=100 * sum(rooms.values()) / total,
        # No aim where the portal is gone for a while, since nobody asks again for what was sent away then; and none for
        # a part of the trace, whose users have too few calls to fill a budget with.
        at_most=MOST_UNUSED if outcome.trace.is_whole and not outcome.kills else None,
        details={"budget": total, "unused": sum(rooms.values()), "of which a call sent away would have fitted": usable},
    )
    yield _plain("  of it, where a call sent away would have fitted", "%", 100 * usable / total, users=len(fitting))
    stuck = sum(verdict.stuck.values())
    yield _plain("held by stuck holds", "%", 100 * stuck / total, holds=verdict.stuck_holds, tokens=stuck)


def _service(outcome: Outcome) -> Iterator[Measure]:
    calls = outcome.replayed.calls
    kinds = Counter(row.what for row in calls)
    refused = [row for row in calls if row.what == "hard_cap"]
    answered = [row for row in calls if row.what == "answered"]
    yield _plain("calls answered", "", len(answered), kinds=dict(kinds), undelivered=outcome.replayed.undelivered)
    cut = sum(row.is_cut for row in answered)
    yield _plain("answers cut short", "%", 100 * cut / max(1, len(answered)), calls=cut)
    early = sum(row.room is not None and row.input_tokens + row.output_tokens <= row.room for row in refused)
    yield _plain("refusals", "", len(refused))
    yield _plain("  of which what was settled left room", "", early)
    yield _plain("sent away for want of the portal", "", len(calls) - len(answered) - len(refused))
    yield _quantiles("an arrival waits for a free client", "s", [row.late for row in calls])
    yield _quantiles("a decision takes", "ms", [1_000 * row.asked for row in calls])
    for kill in outcome.kills:
        under_way = sum(row.from_ <= kill.at <= row.until for row in calls)
        yield _plain("calls under way at a kill", "", under_way, killed=kill.said, at_second=round(kill.at, 1))


def _conditions(outcome: Outcome) -> Iterator[str]:
    calls, keeper = outcome.trace.calls, outcome.keeper
    yield f"{outcome.trace.name}: {len(calls):,} calls of {calls[-1].at / 60:.0f} minutes, {SPEED:g} times faster"
    yield f"{len(outcome.ground.caps)} users drawn Zipf (exponent 1, seed {SEED}); each cap half of the user's demand"
    yield f"{CLIENTS} of the shipped AsyncClient in one process, a call at a time each; arrivals wait for a free one"
    yield (
        f"a call takes {BEGIN_SECONDS:g} s and {1_000 * TOKEN_SECONDS:g} ms an output token, not sped up, and stops at "
        "max_output_tokens; the caller names no limit"
    )
    yield GROUND
    yield MACHINE
    yield (
        f"the real task learns holds and compares every {KEEP_EVERY:g} s: {keeper.checks} times, held "
        f"{', '.join(map(str, keeper.learned)) or 'nothing learned'}; database unreachable {keeper.unreachable} times"
    )
    for kill in outcome.kills:
        yield f"kill -9 of {kill.said} at second {kill.at:.1f}"
    yield "floor of what is unused: the same calls one after another, each held at just what it says"
    yield "clients, web and PostgreSQL share the machine's cores"


def _spent(outcome: Outcome) -> Counter[str]:
    """What the clients really spent, by the ledger's name of the user."""
    spent: Counter[str] = Counter()
    for row in outcome.replayed.calls:
        spent[outcome.ground.key(row.user)] += row.spent
    return spent


def _would_fit(outcome: Outcome, row: Seen, rooms: dict[str, int]) -> bool:
    least = row.input_tokens + min(LEAST_OUTPUT, row.output_tokens)
    return row.what != "answered" and least <= rooms[outcome.ground.key(row.user)]


def _none(what: str, figure: int, **details: Any) -> Measure:
    return Measure(what, "", ours=figure, judged=figure, at_most=0, details=details)


def _plain(what: str, unit: str, figure: float, **details: Any) -> Measure:
    return Measure(what, unit, ours=figure, judged=figure, details=details)


def _quantiles(what: str, unit: str, figures: Sequence[float]) -> Measure:
    """The median; p99 and the worst beside it."""
    cuts = quantiles(figures, n=100, method="inclusive")
    found = {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "most": max(figures)}
    return _plain(f"{what}, p50", unit, cuts[49], **{name: round(value, 4) for name, value in found.items()})
