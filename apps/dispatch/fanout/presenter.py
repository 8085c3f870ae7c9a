"""The fan-out in words and as a picture. Pure: values in, words and places out."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from django.template.loader import render_to_string

from apps.budgets.overview import Standing, Tier
from apps.budgets.rules import Pattern
from apps.dispatch.fanout.facts import Answering, Dispatcher, FanOut, Specialist, Whole
from portal.charts import FanOut as Picture
from portal.charts import Hub, Meter, Said, Spoke, Table, fan_out
from portal.charts.words import PERCENT

# Where a box leads, for a workload's key: its page, and its cost page. The hub leads to "".
Address = Callable[[str, str], str]
NAMED = 3
HEADERS = (
    "Workload",
    "Stage",
    "Answers now",
    "Fallback",
    "At a soft cap",
    "Gate",
    "Spend cap this month",
    "Ceilings of users",
    "Finding",
)


def sentence(whole: Whole) -> str:
    """What stops a workload from being served, the worst first (COST-9, COST-1, WORK-3)."""
    count, bad = len(whole.keys), whole.incomplete
    if not count:
        return "You see no workload yet."
    said = f"{_counted(count, 'workload')}, {_complete(count, len(bad))}"
    if bad:
        said += f"; {_named(bad)} {_has(len(bad))} none and {_get(len(bad))} the fallback"
    if whole.reached:
        said += f". The spend cap of {_named(whole.reached)} is reached: nothing more is admitted there this month"
    return f"{said}.{_monoliths(whole.monoliths)}"


def picture(found: FanOut, to: Address, *, title: str = "Which workloads requests are dispatched to") -> Picture:
    """The map as a chart; ``to`` says where a box leads ("": nowhere)."""
    spokes = [_spoke(each, to) for each in found.specialists]
    table = Table(HEADERS, tuple(row(each) for each in found.specialists))
    return fan_out(title, _drawn(found), _hub(found.dispatcher, to("classifier", "")), spokes, table)


def svg(drawn: Picture) -> str:
    """The figure as it stands on a page, for whoever hands it on."""
    return render_to_string("charts/figure.html", {"chart": drawn})


def row(each: Specialist) -> tuple[str, ...]:
    """One workload in full."""
    return (
        f"{each.key} {each.name}",
        each.stage,
        "; ".join(answers(each)),
        each.fallback,
        degrades(each),
        verdict(each).words,
        spending(each.gate) or "none",
        "; ".join(ceiling(tier) for tier in each.tiers) or "no tiers yet",
        f"AP-01: {each.finding}" if each.finding else "none",
    )


def answers(each: Specialist) -> list[str]:
    """Who answers now, one line each: the rollout's version with its share, then the others'."""
    rest = _version(each.stable) if each.stable else "the fallback"
    if each.pilot is not None:
        return [f"Pilot: {each.pilot_for} gets {_version(each.pilot)}", f"The rest get {rest}"]
    if each.rollout is None:
        return [f"Everybody gets {rest}"]
    return [f"{each.share / 100:g} % get {_version(each.rollout)}", f"The rest get {rest}"]


def degrades(each: Specialist) -> str:
    """To which model a soft cap leads (COST-7)."""
    if not each.budget_model:
        return "never another model"
    model = (each.rollout or each.stable or each.pilot or Answering("", "")).model
    return f"{model} → {each.budget_model}" if model else f"→ {each.budget_model}"


def verdict(each: Specialist) -> Said:
    """Whether its gate lets anything through, in words."""
    if each.gate.cap is None:
        return Said("no cost gate", "stop")
    if not each.gate.is_complete:
        names = ", ".join(tier.name for tier in each.missing)
        why = f"no ceiling for {names}" if names else "a ceiling has to be set anew" if each.tiers else "no tiers yet"
        return Said(f"gate incomplete: {why}", "stop")
    if each.gate.is_reached:
        return Said("gate complete; spend cap reached", "warn")
    return Said("gate complete", "ok")


def spending(gate: Standing) -> str:
    if gate.cap is None:
        return ""
    said = f"{PERCENT.say(gate.share)} of {money(gate.cap)} {gate.currency}"
    return f"{said}: reached" if gate.is_reached else said


def ceiling(tier: Tier) -> str:
    """What users of one tier may use in a month, and what happens then (COST-2)."""
    if tier.ceiling is None:
        return f"{tier.name}: no ceiling"
    return f"{tier.name}: {tier.ceiling:,} tokens, {_pattern(tier)}"


def money(value: Decimal) -> str:
    return f"{value:,.2f}"


def _spoke(each: Specialist, to: Address) -> Spoke:
    found = verdict(each)
    finding = (Said(f"AP-01: {each.finding}", "warn", to("workload", each.key)),) if each.finding else ()
    facts = [Said(found.words, found.tone, to("workload_cost", each.key)), *finding]
    if each.gate.cap is not None:
        facts += [Said(ceiling(tier), "" if tier.ceiling else "stop") for tier in each.tiers]
    soft = [f"At a soft cap: {degrades(each)}"] if each.budget_model else []
    return Spoke(
        name=f"{each.key} {each.name}",
        lines=(*answers(each), each.stage, f"Fallback: {each.fallback}", *soft),
        facts=tuple(facts),
        meter=Meter(each.gate.share, spending(each.gate)) if each.gate.cap is not None else None,
        is_served=each.is_served,
        url=to("workload", each.key),
    )


def _hub(found: Dispatcher | None, url: str) -> Hub:
    """In the order in which a request is looked at; whoever may not read the classifier sees the order alone."""
    declared, nobody = "1. As the request declares", "Else: no workload"
    if found is None:
        return Hub("Dispatcher", (declared, "2. By rules", "3. By a classifier", nobody))
    rules = f"2. By {_counted(found.rules, 'rule')}" if found.rules else "2. By rules: none yet"
    if found.classifier is None:
        return Hub("Dispatcher", (declared, rules, "3. By a classifier: none yet", nobody), url)
    by = f"3. By classifier {found.classifier}"
    return Hub("Dispatcher", (declared, rules, by, f"if {found.threshold:.2f} sure or more", nobody), url)


def _drawn(found: FanOut) -> str:
    """What is to be seen on this page of the map."""
    shown, whole = len(found.specialists), len(found.whole.keys)
    served = sum(each.is_served for each in found.specialists)
    of_all = "" if shown == whole else f" of {whole}"
    return (
        f"{shown}{of_all} {'workload' if shown == whole == 1 else 'workloads'}; {served} with an agent that may answer."
    )


def _complete(count: int, bad: int) -> str:
    if not bad:
        return "with a complete gate" if count == 1 else "each with a complete gate"
    return f"{count - bad or 'none'} with a complete gate"


def _monoliths(found: Sequence[tuple[str, str]]) -> str:
    if not found:
        return ""
    keys = _named([key for key, _ in found])
    why = f": {found[0][1]}" if len(found) == 1 else ""
    return f" {keys} {_is(len(found))} on the way to one agent for everything (AP-01){why}."


def _version(version: Answering) -> str:
    return f"version {version.label}, {version.model}"


def _pattern(tier: Tier) -> str:
    if tier.pattern == Pattern.METERED:
        return "metered" if tier.is_opted_in else "hard cap until metering is opted into"
    return "soft cap" if tier.pattern == Pattern.SOFT else "hard cap"


def _named(keys: Sequence[str]) -> str:
    """A few by name, and how many more."""
    shown, hidden = list(keys[:NAMED]), len(keys) - NAMED
    if hidden > 0:
        shown.append(f"{hidden} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _get(count: int) -> str:
    return "gets" if count == 1 else "get"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
