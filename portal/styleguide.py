"""``/styleguide/``: every token, component and chart with sample data, made of the parts that pages are made of.

For whoever builds pages, in local mode and with ``DEBUG``; anywhere else there is no such page.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal import charts
from portal.access import public
from portal.errors import NotFound

NOW = datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EURO = charts.Unit("€", places=2)


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing of the guide: its name, and when it is right."""

    name: str
    use: str
    chart: charts.Chart


class SampleForm(forms.Form):
    reason = forms.CharField(max_length=80, help_text="One sentence; everybody concerned reads it.")
    share = forms.IntegerField(min_value=1, max_value=100, help_text="In percent of the units.")
    stage = forms.ChoiceField(choices=[("pilot", "Pilot"), ("harden", "Harden")])
    note = forms.CharField(widget=forms.Textarea, required=False)
    told = forms.BooleanField(label="The people concerned have been told")


@public
def style_guide(request: HttpRequest) -> HttpResponse:
    if not (settings.DEBUG or settings.LOCAL):
        raise NotFound()
    context = {
        "tokens": tokens(),
        "sizes": ["text-xs", "text-s", "text", "text-l", "text-xl"],
        "tones": ["ok", "warn", "stop"],
        "verdicts": ["pass", "warn", "breach", "no_data", "draft"],
        "form": SampleForm({"reason": "a look at the tone", "share": "400", "stage": "pilot"}),
        "page": Paginator(range(60), 25).get_page(2),
        "samples": samples(),
        "at": NOW - 5 * HOUR,
        "then": NOW + 3 * DAY,
        "now": NOW,
    }
    return render(request, "styleguide.html", context)


def tokens() -> list[tuple[str, str]]:
    """Names and values, as the style sheet says them."""
    text = (settings.BASE_DIR / "static/css/causeway.css").read_text()
    head = text[text.index(":root {") : text.index("}", text.index(":root {"))]
    return re.findall(r"--([\w-]+): ([^;]+);", head)


def samples() -> list[Sample]:
    """Each chart as it should be, and as it is when data is missing."""
    return [
        Sample("Steps", "The share of a rollout over time, with what broke.", _steps()),
        Sample("Steps, nothing yet", "Before the start.", charts.step_chart("Share", [], until=NOW, zone=ZONE)),
        Sample("Guardrail", "One figure with its interval against a limit.", _guardrail()),
        Sample("Series with a gap", "Figures over time; where there is no data, nothing is drawn.", _gap()),
        Sample("Several series", "Up to four: each has a colour, a dash and a marker of its own.", _several()),
        Sample("A limit far away", "It is named at the edge and doesn't press the data flat.", _far()),
        Sample("Series, nothing yet", "Before the first record.", charts.series_chart("Errors", [], zone=ZONE)),
        Sample("Burn-up", "What a month has used, its pace, and when it would run out.", _burn_up(9.4)),
        Sample("Burn-up within its pace", "The same where nothing is to be done.", _burn_up(4.1)),
        Sample("Shifts", "Who has which stretch, and which nobody has.", _shifts()),
        Sample("Ladder", "How far something has come on a fixed road.", _ladder()),
        Sample("Heat map", "Many verdicts at a glance: words with a sign, and colour.", _heat()),
        Sample(
            "Fan-out", "One that sends to many, with what holds each: boxes where there is room, else a list.", _fan()
        ),
        Sample("Fan-out, nobody yet", "Before there is anybody to send to.", _fan_of_none()),
        Sample("Bars", "Amounts against a ceiling and a forecast, one a quarter or a day.", _bars()),
        Sample("Bars, some missing", "A missing amount is a hole, and no zero.", _missing()),
    ]


def _steps() -> charts.StepChart:
    plan = [
        (0, 500, "", "started"),
        (26, 1_000, "", "every guardrail passed"),
        (50, 2_500, "", "every guardrail passed"),
    ]
    plan += [(61, 2_500, "held", "no record of the agent's arm"), (66, 2_500, "", "records arrive again")]
    steps = [charts.Step(NOW + hours * HOUR, share, broke, why) for hours, share, broke, why in plan]
    return charts.step_chart("Share of units served by the agent", steps, until=NOW + 72 * HOUR, zone=ZONE)


def _points(values: list[float | None], apart: timedelta = HOUR) -> list[charts.Point]:
    return [charts.Point(NOW + n * apart, value) for n, value in enumerate(values)]


def _guardrail() -> charts.SeriesChart:
    seen = [(0, 0.021, 0.004, 0.07), (1, 0.03, 0.012, 0.061), (2, 0.041, 0.024, 0.06), (3, 0.058, 0.041, 0.074)]
    points = [charts.Point(NOW + 10 * n * HOUR, value, low, high) for n, value, low, high in seen]
    series = [charts.Series("error rate", points)]
    limit = charts.Limit(0.05)
    return charts.series_chart("Error rate", series, zone=ZONE, unit=charts.PERCENT, limit=limit, height=96)


def _gap() -> charts.SeriesChart:
    values = [310.0, 320, 305, 330, 360, 410, None, None, None, None, 380, 350, 340, 332, 325, 318]
    series = [charts.Series("p95 latency", _points(values))]
    unit, marks = charts.Unit("ms"), [(NOW + 10 * HOUR, "restarted")]
    return charts.series_chart("Latency", series, zone=ZONE, unit=unit, limit=charts.Limit(400), marks=marks)


def _several() -> charts.SeriesChart:
    names = ("agent", "control", "fallback", "shadow")
    rows = [[40.0 + 9 * n + (k * (7 + 2 * n)) % 17 for k in range(40)] for n in range(4)]
    series = [charts.Series(name, _points([*row])) for name, row in zip(names, rows, strict=True)]
    return charts.series_chart("Transactions", series, zone=ZONE)


def _far() -> charts.SeriesChart:
    series = [charts.Series("queue", _points([3, 4, 2, 6, 5, 4, 3]))]
    return charts.series_chart("Queue", series, zone=ZONE, limit=charts.Limit(5_000))


def _burn_up(rate: float) -> charts.BurnUp:
    start = datetime(2026, 11, 1, tzinfo=ZONE)
    used = [charts.Point(start + n * DAY, round(rate * n + (n % 4) * 1.5, 2)) for n in range(20)]
    end = datetime(2026, 12, 1, tzinfo=ZONE)
    now = start + 19 * DAY + 6 * HOUR
    return charts.burn_up("Budget", used, start=start, end=end, now=now, ceiling=200, zone=ZONE, unit=EURO)


def _shifts() -> charts.Timeline:
    people = ("Alice", "Bob", "Erin Okafor")
    weekly = [charts.Shift(NOW + 7 * n * DAY, NOW + 7 * (n + 1) * DAY, people[n % 3], n % 3) for n in range(4)]
    weekly[2] = charts.Shift(weekly[2].start + 2 * DAY, weekly[2].end, "Erin Okafor", 2)
    hole = charts.Shift(NOW + 14 * DAY, NOW + 16 * DAY, "")
    daily = [charts.Shift(NOW + n * DAY, NOW + (n + 1) * DAY, people[n % 2], n % 2) for n in range(28)]
    lanes = [("On call", [*weekly, hole]), ("By the day", daily), ("Overrides", [])]
    return charts.timeline("On call", lanes, start=NOW, end=NOW + 28 * DAY, now=NOW + 3 * DAY, zone=ZONE)


def _ladder() -> charts.Ladder:
    rungs = [
        charts.Rung("Pilot", "done", "#ladder", "gate opened", NOW - 40 * DAY),
        charts.Rung("Validate", "done", "#ladder", "gate opened", NOW - 5 * HOUR),
        charts.Rung("Harden", "now", "#ladder"),
        charts.Rung("Deploy", "ahead", "#ladder"),
        charts.Rung("Scale", "ahead", "#ladder"),
    ]
    return charts.ladder("Stages", rungs)


def _heat() -> charts.HeatMap:
    ok, warn, stop = charts.Cell("pass", "ok"), charts.Cell("stale", "warn"), charts.Cell("fail", "stop")
    rows: list[tuple[str, list[charts.Cell | None]]] = [
        ("W-01 Refunds", [ok, ok, warn, ok]),
        ("W-02 Invoices", [ok, stop, stop, None]),
        ("W-03 Returns by post", [ok, ok, ok, ok]),
    ]
    return charts.heat_map("Evidence", ["Owners", "Runbook", "Drill", "Training"], rows, "Workload")


def _fan() -> charts.FanOut:
    hub = charts.Hub("Dispatcher", ("1. By 3 rules", "2. By classifier 7"), "#charts")
    ok, full = charts.Said("gate complete", "ok", "#charts"), charts.Said("gate complete; spend cap reached", "warn")
    spokes = [
        charts.Spoke(
            "W-01 Refunds", ("Everybody gets 1.4",), (ok,), charts.Meter(0.41, "41 % of 500 USD"), True, "#charts"
        ),
        charts.Spoke("W-02 Invoices", ("25 % get 2.0",), (full,), charts.Meter(1.2, "120 % of 40 USD: reached"), True),
        charts.Spoke("W-03 Returns", ("Everybody gets the fallback",), (charts.Said("no cost gate", "stop"),)),
    ]
    table = charts.Table(("Workload", "Gate"), tuple((each.name, each.facts[0].words) for each in spokes))
    return charts.fan_out("Fan-out", "3 workloads; 2 with an agent that may answer.", hub, spokes, table)


def _fan_of_none() -> charts.FanOut:
    return charts.fan_out("Fan-out", "Nobody to send to yet.", charts.Hub("Dispatcher"), [], charts.Table((), ()))


def _bars() -> charts.BarChart:
    amounts = [("Q1 2026", 310, 300), ("Q2 2026", 420, 380), ("Q3 2026", 560, 450), ("Q4 2026", 380, 470)]
    rows = [charts.Amount(*amount) for amount in amounts]
    return charts.bar_chart("Hours of operations", rows, unit=charts.HOURS, ceiling=500)


def _missing() -> charts.BarChart:
    values = [None if n in {4, 5} else 30.0 + (n * 7) % 13 for n in range(14)]
    rows = [charts.Amount(f"{n + 1} Nov", value) for n, value in enumerate(values)]
    return charts.bar_chart("Transactions a day", rows)
