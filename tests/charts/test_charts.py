"""Each chart says what is to be seen, draws it inside its drawing, and holds exactly its data as a table."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import charts
from portal.charts import Amount, Cell, Chart, Limit, Point, Rung, Series, Shift, Step
from portal.charts.drawing import NARROW, WIDE, Number, text_width
from portal.charts.series import FEW
from portal.charts.steps import share_y
from portal.charts.thin import COLUMNS
from portal.charts.words import NO_DATA
from tests.charts.strategies import FIGURES, INSTANTS, LABELS, POINTS, ZONES, is_inside, overlaps, places

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMIT = Limit(0.05)


def said(chart: Chart) -> str:
    return chart.said.replace("\u202f", " ")


def rates(*values: float | None) -> list[Series]:
    return [Series("errors", [Point(NOW + n * HOUR, value) for n, value in enumerate(values)])]


def series(*values: float | None, **options: Any) -> charts.SeriesChart:
    options.setdefault("limit", LIMIT)
    return charts.series_chart(
        "Errors", rates(*values), zone=BERLIN, unit=charts.PERCENT, **{"limit": LIMIT, **options}
    )


# --- Series -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), "No data yet."),
        ((None, float("nan")), "errors: no data yet."),
        ((0.02,), "errors: 2 % at 20 Nov 13:00, within the limit of 5 %."),
        ((0.02, 0.05), "errors: 5 % at 20 Nov 14:00, within the limit of 5 % throughout."),
        ((0.02, 0.06, 0.07), "errors: 7 % at 20 Nov 15:00, over the limit of 5 % since 20 Nov 14:00."),
        ((0.02, 0.06, None, 0.07), "errors: 7 % at 20 Nov 16:00, over the limit of 5 % since 20 Nov 14:00."),
        (
            (0.06, 0.02, 0.06, 0.01),
            "errors: 1 % at 20 Nov 16:00, within the limit of 5 % again since 20 Nov 16:00, over it 2 times before.",
        ),
        ((0.02, None), "errors: 2 % at 20 Nov 13:00, within the limit of 5 %; no data since."),
        ((-0.5,), "errors: -50 % at 20 Nov 13:00, within the limit of 5 %."),
    ],
)
def test_a_series_says_its_last_value_the_limit_and_since_when_it_is_crossed(
    values: Sequence[float | None], expected: str
) -> None:
    assert said(series(*values)) == expected


def test_a_floor_is_crossed_from_above() -> None:
    floor = Limit(0.9, "target", is_floor=True)
    assert said(series(0.95, 0.8, limit=floor)).endswith("below the target of 90 % since 20 Nov 14:00.")
    assert said(series(0.95, 0.9, limit=floor)).endswith("at or above the target of 90 % throughout.")


def test_a_limit_that_moves_judges_each_figure_by_what_it_was_then() -> None:
    points = [Point(NOW, 4, limit=5), Point(NOW + HOUR, 6, limit=8), Point(NOW + 2 * HOUR, 7, limit=6)]
    chart = charts.series_chart("Cost", [Series("cost", points)], zone=BERLIN, limit=Limit(6))
    assert chart.said == "cost: 7 at 20 Nov 15:00, over the limit of 6 since 20 Nov 15:00."
    assert len(places(chart.limit_path)) == 3
    assert [row[-1] for row in chart.table.rows] == ["5", "8", "6"]
    assert series(0.1, 0.2).limit_path == "", "one that stays is a straight line across"


def test_a_gap_is_a_break_in_the_line_and_a_hole_in_the_drawing() -> None:
    chart = series(0.01, 0.02, None, None, 0.02, 0.03)
    assert chart.lines[0].path.count("M") == 2
    assert [(gap.x, gap.width) for gap in chart.gaps] == [(20.0, 60.0)]
    assert [row[2] for row in chart.table.rows].count(NO_DATA) == 2
    assert series(0.01, 0.02).gaps == ()


def test_points_too_far_apart_leave_a_gap_and_silence_until_the_end_is_one() -> None:
    points = [Point(NOW + n * HOUR, 1) for n in (0, 1, 2, 6, 7)]
    chart = charts.series_chart("Calls", [Series("calls", points)], zone=BERLIN, every=HOUR, end=NOW + 10 * HOUR)
    assert chart.lines[0].path.count("M") == 2
    assert [(gap.x, gap.width) for gap in chart.gaps] == [(20.0, 40.0), (70.0, 30.0)]


def test_an_interval_is_a_band_and_a_whisker_and_one_the_wrong_way_round_is_neither() -> None:
    points = [Point(NOW, 2, 1, 3), Point(NOW + HOUR, 2, 1.5, 2.5), Point(NOW + 2 * HOUR, 2, 3, 1)]
    chart = charts.series_chart("Cost", [Series("cost", points)], zone=BERLIN)
    assert (chart.lines[0].band.count("Z"), len(chart.lines[0].whiskers), len(chart.lines[0].dots)) == (1, 2, 3)
    assert chart.table.headers == ("When (Europe/Berlin)", "What", "Figure", "From", "To")
    lone = charts.series_chart("Cost", [Series("cost", points[:1])], zone=BERLIN)
    assert (lone.lines[0].path, len(lone.lines[0].whiskers)) == ("", 1)
    assert said(lone) == "cost: 2 (1 to 3) at 20 Nov 13:00."


def test_several_series_differ_by_look_and_are_named_in_the_legend() -> None:
    many = [Series(name, [Point(NOW, 1), Point(NOW + HOUR, 2)]) for name in ("agent", "control", "fallback")]
    chart = charts.series_chart("Calls", many, zone=BERLIN, limit=Limit(5, "cap"))
    assert [(key.css, key.label) for key in chart.legend] == [
        ("s0", "agent"),
        ("s1", "control"),
        ("s2", "fallback"),
        ("limit", "cap"),
    ]
    assert len({line.css for line in chart.lines}) == 3
    assert series(0.1).legend == (), "one line needs no legend"


def test_ten_thousand_points_are_drawn_with_their_extremes_and_all_are_in_the_table() -> None:
    values = [float(n % 97) for n in range(10_000)]
    values[7_321], values[42] = 900.0, -900.0
    chart = charts.series_chart(
        "Calls", [Series("calls", [Point(NOW + n * HOUR, v) for n, v in enumerate(values)])], zone=BERLIN
    )
    drawn = [y for _, y in places(chart.lines[0].path)]
    assert len(drawn) <= 5 * COLUMNS
    assert (min(drawn), max(drawn)) == (chart.height * 0.05, chart.height * 0.95), "900 and -900 between 1000 and -1000"
    assert len(chart.table.rows) == 10_000


@settings(deadline=None)
@given(st.lists(POINTS, max_size=3), ZONES, st.none() | st.floats(), st.none() | st.just(HOUR))
def test_any_series_is_drawn_inside_and_its_table_holds_exactly_its_data(
    data: list[list[Point]], zone: ZoneInfo, bound: float | None, every: timedelta | None
) -> None:
    limit = None if bound is None else Limit(bound)
    chart = charts.series_chart(
        "Any", [Series("calls", points) for points in data], zone=zone, limit=limit, every=every
    )
    for line in chart.lines:
        for path in (line.path, line.band):
            assert all(is_inside(x, y, chart.height) for x, y in places(path))
        dots = [*line.dots, *([line.end] if line.end else [])]
        assert all(is_inside(dot.x, dot.y, chart.height) for dot in dots)
        assert all(is_inside(w.x, w.top, w.foot) and w.foot <= chart.height for w in line.whiskers)
    assert all(is_inside(x, y, chart.height) for x, y in places(chart.limit_path))
    assert all(0 <= gap.x <= gap.x + gap.width <= 100.001 for gap in chart.gaps)
    assert overlaps(chart.times) == []
    points = [p for one in data for p in one]
    assert len(chart.table.rows) == len(points)
    assert sorted(row[2] for row in chart.table.rows) == sorted(charts.PLAIN.exact(p.value) for p in points)
    assert chart.said.endswith(".") and not re.search(r"\b(nan|inf)\b", chart.said)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=30, unique=True))
def test_what_only_grows_is_drawn_growing(values: list[float]) -> None:
    points = [Point(NOW + n * HOUR, value) for n, value in enumerate(sorted(values))]
    drawn = places(charts.series_chart("Sum", [Series("sum", points)], zone=BERLIN).lines[0].path)
    assert [x for x, _ in drawn] == sorted(x for x, _ in drawn)
    assert [y for _, y in drawn] == sorted((y for _, y in drawn), reverse=True)


def test_points_come_in_any_order_and_many_at_one_instant() -> None:
    points = [Point(NOW + HOUR, 2), Point(NOW, 1), Point(NOW + HOUR, 3)]
    chart = charts.series_chart("Calls", [Series("calls", points)], zone=BERLIN)
    assert [x for x, _ in places(chart.lines[0].path)] == [0.0, 100.0, 100.0]
    same = charts.series_chart("Calls", [Series("calls", [Point(NOW, 1), Point(NOW, 2)])], zone=BERLIN)
    assert [dot.x for dot in same.lines[0].dots] == [50.0, 50.0]


def test_marks_stand_in_the_drawing_and_only_few_points_are_marked() -> None:
    chart = series(*[0.01] * (FEW + 1), marks=[(NOW + HOUR, "restarted"), (NOW - HOUR, "before all of it")])
    assert [(mark.x, mark.label) for mark in chart.marks] == [(round(100 / FEW, 3), "restarted")]
    assert chart.lines[0].dots == ()
    assert len(series(*[0.01] * FEW).lines[0].dots) == FEW


# --- Steps --------------------------------------------------------------------------------------------------------


def test_steps_say_the_share_since_when_and_what_broke_last() -> None:
    steps = [Step(NOW, 500, why="started"), Step(NOW + HOUR, 1_000), Step(NOW + 2 * HOUR, 1_000, "held", "held: blind")]
    chart = charts.step_chart("Share", steps, until=NOW + 4 * HOUR, zone=BERLIN)
    assert said(chart) == "10 % since 20 Nov 14:00, after 3 moves; held at 20 Nov 15:00."
    assert places(chart.line) == [(0, 139.8), (25, 139.8), (25, 123.1), (50, 123.1), (50, 123.1), (100, 123.1)]
    assert [(mark.x, mark.label) for mark in chart.marks] == [(50.0, "held")]
    assert chart.table.rows[0][0] == "2026-11-20 13:00:00"
    assert [row[2] for row in chart.table.rows] == ["started", "", "held: blind"]


def test_without_a_step_nothing_is_drawn() -> None:
    chart = charts.step_chart("Share", [], until=NOW, zone=BERLIN)
    assert (chart.said, chart.is_empty, chart.line) == ("Nothing has been served yet.", True, "")


def test_small_shares_are_told_apart() -> None:
    """They stand on a square-root scale."""
    assert share_y(0) == 180
    assert share_y(500) - share_y(1_000) > 14
    assert share_y(10_000) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(INSTANTS, st.integers(-5, 20_000), LABELS), max_size=20), INSTANTS, ZONES)
def test_any_steps_are_drawn_inside(moves: list[tuple[datetime, int, str]], until: datetime, zone: ZoneInfo) -> None:
    chart = charts.step_chart("Share", [Step(*move) for move in moves], until=until, zone=zone)
    assert all(is_inside(x, y, chart.height) for path in (chart.line, chart.area) for x, y in places(path))
    assert all(is_inside(mark.x, mark.y, chart.height) for mark in chart.marks)
    assert overlaps(chart.times) == []
    assert len(chart.table.rows) == len(moves)


# --- Burn-up ------------------------------------------------------------------------------------------------------

MONTH = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def burnt(*values: float | None, ceiling: float | None = 300.0, day: int = 10) -> charts.BurnUp:
    """A sum for each day from the first on, looked at on the given day."""
    start, end = MONTH
    used = [Point(start + n * DAY, value) for n, value in enumerate(values)]
    return charts.burn_up("Budget", used, start=start, end=end, now=start + day * DAY, ceiling=ceiling, zone=UTC)


@pytest.mark.parametrize(
    ("values", "ceiling", "expected"),
    [
        ((0, 60, 90), 300.0, "90 of 300 used by 11 Nov 00:00, 10 under the pace; at this rate it lasts until the end."),
        ((0, 100), 300.0, "100 of 300 used by 11 Nov 00:00, just on the pace; at this rate it lasts until the end."),
        (
            (0, 200),
            300.0,
            "200 of 300 used by 11 Nov 00:00, 100 over the pace; at this rate it runs out at 16 Nov 00:00.",
        ),
        (
            (0, 299, 310),
            300.0,
            "310 of 300 used by 11 Nov 00:00, 210 over the pace; the ceiling was reached at 3 Nov 00:00.",
        ),
        ((0, 50), None, "50 used by 11 Nov 00:00; there is no ceiling."),
        ((0, 50), 0.0, "50 used by 11 Nov 00:00; there is no ceiling."),
        ((0, 50), float("nan"), "50 used by 11 Nov 00:00; there is no ceiling."),
        ((None,), 300.0, "Nothing has been used yet."),
        ((), 300.0, "Nothing has been used yet."),
    ],
)
def test_a_burn_up_says_how_it_stands_to_its_pace_and_when_it_runs_out(
    values: Sequence[float | None], ceiling: float | None, expected: str
) -> None:
    assert burnt(*values, ceiling=ceiling).said == expected


def test_the_pace_runs_from_nothing_to_the_ceiling_and_thresholds_are_marked_where_they_were_reached() -> None:
    chart = burnt(0, 100, 215, 280)
    assert [(mark.x, mark.label.replace("\u202f", " ")) for mark in chart.marks] == [
        (6.667, "70 % reached"),
        (10.0, "90 % reached"),
    ]
    assert chart.ceiling is not None
    assert places(chart.pace) == [(0, chart.height), (100, chart.ceiling.y)]
    assert chart.exhausted_at == datetime(2026, 11, 11, 17, 8, 34, 285714, tzinfo=UTC)
    assert chart.table.headers == ("When (UTC)", "Used", "Pace", "Of the ceiling")
    assert chart.table.rows[2] == ("2026-11-03 00:00:00", "215", "20", "71.6667\u202f%")


def test_a_month_that_is_over_isnt_projected() -> None:
    assert burnt(0, 250, day=30).ahead == ""
    assert burnt(0, 250, day=29).ahead != ""
    assert burnt(0, 250, day=0).ahead == "", "nothing can be said of a rate before time has passed"


def test_a_stretch_has_to_have_a_length() -> None:
    with pytest.raises(ValueError, match="an end after its start"):
        charts.burn_up("Budget", [], start=NOW, end=NOW, now=NOW, ceiling=1, zone=UTC)
    with pytest.raises(ValueError, match="an end after its start"):
        charts.timeline("On call", [], start=NOW, end=NOW, now=NOW, zone=UTC)


@settings(deadline=None)
@given(POINTS, INSTANTS, st.timedeltas(timedelta(seconds=1), timedelta(days=400)), INSTANTS, FIGURES, ZONES)
def test_any_burn_up_is_drawn_inside(
    points: list[Point], start: datetime, length: timedelta, now: datetime, ceiling: Number, zone: ZoneInfo
) -> None:
    chart = charts.burn_up("Any", points, start=start, end=start + length, now=now, ceiling=ceiling, zone=zone)
    for path in (chart.used, chart.pace, chart.ahead):
        assert all(is_inside(x, y, chart.height) for x, y in places(path))
    assert all(is_inside(mark.x, mark.y, chart.height) for mark in chart.marks)
    assert overlaps(chart.times) == []
    assert sorted(row[1] for row in chart.table.rows) == sorted(charts.PLAIN.exact(p.value) for p in points)
    assert chart.exhausted_at is None or start <= chart.exhausted_at <= start + length


# --- Shifts -------------------------------------------------------------------------------------------------------


def shifts(*rows: Shift, now: datetime = NOW) -> charts.Timeline:
    return charts.timeline("On call", [("On call", rows)], start=NOW, end=NOW + 10 * DAY, now=now, zone=BERLIN)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), "Nothing is planned yet."),
        ([Shift(NOW, NOW + DAY, "Alice")], "Alice is on until 21 Nov 13:00; no gap ahead."),
        (
            [Shift(NOW, NOW + DAY, "Alice"), Shift(NOW, NOW + 2 * DAY, "Bob"), Shift(NOW + 3 * DAY, NOW + 4 * DAY, "")],
            "Alice and Bob are on until 21 Nov 13:00; 1 gap ahead, the first from 23 Nov 13:00.",
        ),
        (
            [
                Shift(NOW - DAY, NOW + DAY, ""),
                Shift(NOW + DAY, NOW + 2 * DAY, "Bob"),
                Shift(NOW + 3 * DAY, NOW + 4 * DAY, ""),
            ],
            "Nobody is on now; 2 gaps ahead, the first from 20 Nov 13:00.",
        ),
    ],
)
def test_a_timeline_says_who_is_on_until_when_and_which_gap_comes_first(rows: list[Shift], expected: str) -> None:
    assert shifts(*rows).said == expected


def test_bars_carry_the_name_the_initials_or_nothing_as_fits() -> None:
    bars = (
        shifts(
            Shift(NOW, NOW + 5 * DAY, "Erin Okafor"),
            Shift(NOW + 5 * DAY, NOW + 7 * DAY, "Erin Okafor", 7),
            Shift(NOW + 7 * DAY, NOW + 7 * DAY + HOUR, ""),
            Shift(NOW + 8 * DAY, NOW + 99 * DAY, "Bob", 2),
            Shift(NOW - 9 * DAY, NOW, "Alice"),
        )
        .lanes[0]
        .bars
    )
    assert [(bar.label, bar.css, bar.wide, bar.narrow) for bar in bars] == [
        ("Erin Okafor", "p0", "Erin Okafor", "Erin Okafor"),
        ("Erin Okafor", "p1", "Erin Okafor", "EO"),
        ("nobody", "gap", "", ""),
        ("Bob", "p2", "Bob", "Bob"),
    ], "what lies outside isn't shown, and people beyond six share a colour"
    assert bars[3].x + bars[3].width == 100


def test_now_is_marked_while_it_is_inside() -> None:
    assert shifts(now=NOW + DAY).now == 10.0
    assert shifts(now=NOW + 10 * DAY).now is None


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, st.lists(st.tuples(INSTANTS, INSTANTS, LABELS), max_size=8)), max_size=4), ZONES)
def test_any_shifts_are_drawn_inside_and_names_stay_on_their_bars(
    lanes: list[tuple[str, list[tuple[datetime, datetime, str]]]], zone: ZoneInfo
) -> None:
    start, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    drawn = [(name, [Shift(*shift) for shift in row]) for name, row in lanes]
    chart = charts.timeline("Any", drawn, start=start, end=end, now=start, zone=zone)
    for lane in chart.lanes:
        assert is_inside(0, lane.top + 22, chart.height)
        for bar in lane.bars:
            assert is_inside(bar.x, lane.top, chart.height) and bar.x + bar.width <= 100.001
            assert not bar.wide or text_width(bar.wide) <= bar.width * WIDE / 100
            assert not bar.narrow or text_width(bar.narrow) <= bar.width * NARROW / 100
    assert overlaps(chart.times) == []
    inside = [s for _, row in drawn for s in row if max(s.start, start) < min(s.end, end)]
    assert len(chart.table.rows) == len(inside)


# --- Ladder, heat map, bars ---------------------------------------------------------------------------------------


def test_a_ladder_says_where_it_stands() -> None:
    rungs = [Rung("Pilot", "done", said="gate opened", at=NOW), Rung("Harden", "now"), Rung("Scale", "ahead")]
    assert charts.ladder("Road", rungs).said == "In Harden, stage 2 of 3."
    assert charts.ladder("Road", rungs[:1]).said == "1 of 1 stage passed."
    assert charts.ladder("Road", []).said == "No stages yet."
    assert charts.ladder("Road", rungs).table.rows == (("Pilot", "gate opened"), ("Harden", "here"), ("Scale", "ahead"))


def test_a_heat_map_counts_its_tones_in_words_and_names_the_worst() -> None:
    ok, stop = Cell("pass", "ok"), Cell("fail", "stop")
    chart = charts.heat_map(
        "Evidence", ["Drill", "Owner"], [("W-01", [ok, ok]), ("W-02", [ok, stop]), ("W-03", [None])]
    )
    assert chart.said == "6 cells: 1 bad, 3 fine, 2 without a verdict; first W-02, Owner: fail."
    assert chart.table.rows == (("W-01", "pass", "pass"), ("W-02", "pass", "fail"), ("W-03", NO_DATA, NO_DATA))
    assert {cell.sign for row in chart.rows for cell in row.cells} == {"✓", "✕", "·"}, "no tone by colour alone"
    assert charts.heat_map("Evidence", [], []).said == "Nothing to show yet."
    with pytest.raises(ValueError, match="more cells"):
        charts.heat_map("Evidence", ["Drill"], [("W-01", [ok, ok])])


def hours(*values: float | None, ceiling: float | None = 500) -> charts.BarChart:
    rows = [Amount(f"Q{n}", value) for n, value in enumerate(values, start=1)]
    return charts.bar_chart("Hours", rows, unit=charts.HOURS, ceiling=ceiling)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), "No data yet."),
        ((310, 420), "Q2: 420 h; none is over the ceiling of 500 h."),
        ((510, 620, 500), "Q3: 500 h; 2 bars of 3 over the ceiling of 500 h, last Q2."),
        ((510, None), "Q2: no data; 1 bar of 2 over the ceiling of 500 h, last Q1."),
    ],
)
def test_bars_say_the_last_one_and_which_are_over_the_ceiling(values: Sequence[float | None], expected: str) -> None:
    assert said(hours(*values)) == expected


def test_bars_stand_on_nothing_and_a_missing_one_is_a_hole() -> None:
    chart = hours(250, -250, None, 600)
    assert [(c.is_over, c.is_missing) for c in chart.columns] == [
        (False, False),
        (False, False),
        (False, True),
        (True, False),
    ]
    above, below, missing, over = chart.columns
    assert above.y + above.height == below.y == chart.zero
    assert missing.height == 0
    assert chart.ceiling is not None and over.y < chart.ceiling.y
    assert hours(1, ceiling=None).said == "Q1: 1\u202fh."


def test_a_forecast_is_a_line_on_its_bar_and_a_column_of_the_table() -> None:
    chart = charts.bar_chart("Calls", [Amount("Mon", 30, 40), Amount("Tue", 50, None)])
    assert [column.forecast is None for column in chart.columns] == [False, True]
    assert chart.table.headers == ("What", "Actual", "Forecast")
    assert chart.table.rows == (("Mon", "30", "40"), ("Tue", "50", NO_DATA))
    assert [key.label for key in chart.legend] == ["actual", "forecast"]


def test_what_is_still_to_come_is_not_missing_and_the_sentence_is_about_the_last_that_came() -> None:
    chart = charts.bar_chart("Calls", [Amount("Mon", 30, 40), Amount("Tue", None, 50), Amount("Wed", None, 60, True)])
    assert [column.is_missing for column in chart.columns] == [False, True, False]
    assert chart.columns[2].forecast is not None and chart.columns[2].label == "Wed: still to come"
    assert chart.said == f"Tue: {NO_DATA}."
    assert chart.table.rows == (("Mon", "30", "40"), ("Tue", NO_DATA, "50"), ("Wed", "still to come", "60"))


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, FIGURES, FIGURES), max_size=20), st.integers(1, 12), FIGURES)
def test_any_bars_are_drawn_inside(rows: list[tuple[str, Any, Any]], often: int, ceiling: Any) -> None:
    rows = rows * often
    chart = charts.bar_chart("Any", [Amount(*row) for row in rows], ceiling=ceiling)
    for column in chart.columns:
        assert is_inside(column.x, column.y, chart.height) and column.x + column.width <= 100
        assert column.height >= 0 and column.y + column.height <= chart.height + 0.05
        assert column.forecast is None or 0 <= column.forecast <= chart.height
    assert overlaps(chart.names) == []
    assert [row[1] for row in chart.table.rows] == [charts.PLAIN.exact(value) for _, value, _ in rows]


def test_ten_thousand_bars_are_drawn_as_few_from_their_least_to_their_greatest() -> None:
    amounts = [Amount(str(n), 5.0) for n in range(10_000)]
    amounts[6_000] = Amount("6000", 90.0)
    chart = charts.bar_chart("Calls", amounts, ceiling=80)
    assert len(chart.columns) <= 120
    assert [column.is_over for column in chart.columns].count(True) == 1
    assert re.search(r"last 6000\.$", chart.said)
    assert len(chart.table.rows) == 10_000
