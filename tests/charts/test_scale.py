"""Scales, ticks, words and thinning: what every chart rests on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.charts.clock import MOST, Span, time_ticks
from portal.charts.drawing import LINE_HEIGHT, clean, lay_out, shorten
from portal.charts.scale import limit_line, nice_step, scale
from portal.charts.thin import COLUMNS, ENOUGH, thin
from portal.charts.words import NO_DATA, PERCENT, PLAIN, Unit, listed, times
from tests.charts.strategies import INSTANTS, LABELS, ZONES, overlaps

BERLIN = ZoneInfo("Europe/Berlin")
MEASURED = st.floats(-1e12, 1e12)


@pytest.mark.parametrize(
    ("least", "step"), [(0.011, 0.02), (0.02, 0.02), (0.3, 0.5), (1, 1), (1.01, 2), (4, 5), (6, 10), (7_000, 10_000)]
)
def test_a_step_is_one_two_or_five_times_a_power_of_ten(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.012, 0.041], ["0 %", "2 %", "4 %", "6 %"]),
        ([-0.5, 1.0], ["-50 %", "0 %", "50 %", "100 %"]),
        ([0.0, 0.0], ["0 %", "50 %", "100 %"]),
        ([], ["0 %", "50 %", "100 %"]),
        ([0.00031], ["0 %", "0.01 %", "0.02 %", "0.03 %", "0.04 %"]),
    ],
)
def test_an_axis_begins_at_nothing_and_ends_at_a_round_figure(values: list[float], labels: list[str]) -> None:
    assert [tick.label.replace("\u202f", " ") for tick in scale(values, 100).ticks(PERCENT)] == labels


@given(st.lists(MEASURED, max_size=20), st.lists(MEASURED, max_size=2))
def test_ticks_are_inside_apart_from_one_another_and_all_different(values: list[float], limits: list[float]) -> None:
    found = scale(values, 96, limits)
    ticks = found.ticks(PLAIN)
    places = [tick.place for tick in ticks]
    assert 2 <= len(ticks) <= 7
    assert all(0 <= place <= 96 for place in places)
    assert all(above - below >= LINE_HEIGHT - 0.2 for above, below in pairwise(places)), "labels lie on one another"
    assert len({tick.label for tick in ticks}) == len(ticks)


@given(MEASURED, MEASURED, st.lists(MEASURED, min_size=1))
def test_the_larger_figure_is_never_drawn_lower(a: float, b: float, others: list[float]) -> None:
    to = scale([a, b, *others], 160)
    assert to.y(max(a, b)) <= to.y(min(a, b))


def test_a_limit_in_reach_is_drawn_and_one_far_off_is_named_at_its_edge() -> None:
    near, far, below = scale([10, 20], 100, [100]), scale([10, 20], 100, [5_000]), scale([10, 20], 100, [-5_000])
    assert (limit_line(100, "limit", near).y, limit_line(100, "limit", near).beyond) == (0.0, "")
    assert (far.high, limit_line(5_000, "limit", far).beyond) == (20, "above")
    assert (below.low, limit_line(-5_000, "limit", below).beyond) == (0, "below")
    assert scale([0.0, 0.0], 100, [5_000]).high == 6_000, "where everything is 0 the limit is the measure"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("NaN"), None),
        (1e300, None),
        (1e-300, 0.0),
        (Decimal("1.5"), 1.5),
        (7, 7.0),
    ],
)
def test_what_is_no_figure_is_a_gap(value: float, expected: float | None) -> None:
    assert clean(value) == expected


@pytest.mark.parametrize(
    ("unit", "value", "said", "exact"),
    [
        (PLAIN, 1234567, "1,234,567", "1,234,567"),
        (PLAIN, 0.1 + 0.2, "0.3", "0.3"),
        (PLAIN, 1 / 3, "0.333", "0.333333"),
        (PLAIN, -12.5, "-12.5", "-12.5"),
        (PLAIN, 0, "0", "0"),
        (PERCENT, 0.02271, "2.27 %", "2.271 %"),
        (PERCENT, 1e-9, "0 %", "1e-07 %"),
        (Unit("€", places=2), Decimal("1834.5"), "1,834.50 €", "1,834.50 €"),
        (PLAIN, 1e20, "1e+20", "1e+20"),
        (PLAIN, None, NO_DATA, NO_DATA),
        (PLAIN, float("nan"), NO_DATA, NO_DATA),
    ],
)
def test_figures_in_words(unit: Unit, value: float, said: str, exact: str) -> None:
    assert (unit.say(value).replace("\u202f", " "), unit.exact(value).replace("\u202f", " ")) == (said, exact)


@pytest.mark.parametrize(
    ("value", "step", "label"),
    [
        (0, 5, "0"),
        (2.5, 0.5, "2.5"),
        (20_000, 10_000, "20 k"),
        (1_500_000, 500_000, "1500 k"),
        (2e7, 1e7, "20 M"),
        (-0.0, 1, "0"),
    ],
)
def test_ticks_are_short(value: float, step: float, label: str) -> None:
    assert PLAIN.tick(value, step).replace("\u202f", " ") == label


def test_lists_and_counts_in_words() -> None:
    assert [listed(["a"]), listed(["a", "b", "c"]), times(1), times(3)] == ["a", "a, b and c", "once", "3 times"]


def labels(first: str, last: str, zone: ZoneInfo = BERLIN) -> list[str]:
    found = time_ticks(datetime.fromisoformat(first), datetime.fromisoformat(last), zone)
    return [label for _, label in found]


def test_ticks_stand_at_round_times_of_the_readers_clock() -> None:
    assert labels("2026-11-20T10:00:07+00:00", "2026-11-20T10:01:50+00:00") == [
        f"11:{m:02}:{s:02}" for m, s in ((0, 15), (0, 30), (0, 45), (1, 0), (1, 15), (1, 30), (1, 45))
    ]
    assert labels("2026-11-20T20:30:00+00:00", "2026-11-21T03:30:00+00:00") == [
        "22:00",
        "23:00",
        "21 Nov",
        "01:00",
        "02:00",
        "03:00",
        "04:00",
    ]
    assert labels("2026-11-02T00:00:00+00:00", "2026-11-29T00:00:00+00:00") == ["9 Nov", "16 Nov", "23 Nov"]
    assert labels("2025-12-15T00:00:00+00:00", "2026-06-15T00:00:00+00:00") == [
        f"{month} 2026" for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
    ]
    assert labels("2026-11-20T10:00:07+00:00", "2026-11-20T10:00:07+00:00") == ["11:00:07"]


def test_ticks_across_a_clock_change_keep_to_the_wall_clock() -> None:
    """25 October 2026 has 25 hours in Berlin, 29 March 23; in Santiago 6 September begins at one."""
    autumn = time_ticks(datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC), BERLIN)
    changed = ["18:00", "25 Oct", "06:00", "12:00", "18:00", "26 Oct", "06:00", "12:00"]
    assert [label for _, label in autumn] == changed
    midnights = [at for at, label in autumn if label in {"25 Oct", "26 Oct"}]
    assert midnights[1] - midnights[0] == timedelta(hours=25)
    spring = time_ticks(datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 5, tzinfo=UTC), BERLIN)
    assert [label for _, label in spring] == ["23:00", "29 Mar", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]
    santiago = ZoneInfo("America/Santiago")
    days = time_ticks(datetime(2026, 9, 4, tzinfo=UTC), datetime(2026, 9, 8, 12, tzinfo=UTC), santiago)
    assert datetime(2026, 9, 6, 4, tzinfo=UTC) in [at for at, _ in days]


@settings(deadline=None)
@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=40_000)), ZONES)
def test_ticks_of_any_stretch_are_few_ascending_inside_and_apart(
    first: datetime, length: timedelta, zone: ZoneInfo
) -> None:
    last = first + length
    found = time_ticks(first, last, zone)
    assert 1 <= len(found) <= MOST + 1
    assert all(first <= at <= last for at, _ in found)
    assert all(a[0] < b[0] for a, b in pairwise(found))
    assert overlaps(Span(first, last).ticks(zone)) == []


@given(st.lists(st.tuples(st.floats(0, 100), LABELS), max_size=60))
def test_no_label_touches_another(labels: list[tuple[float, str]]) -> None:
    ticks = lay_out(sorted((place, shorten(label, 12)) for place, label in labels))
    assert bool(ticks) is bool(labels)
    assert overlaps(ticks) == []


def test_every_label_is_shown_where_there_is_room_and_some_where_there_is_little() -> None:
    ticks = lay_out([(n * 25.0, "21 Nov") for n in range(5)])
    assert [tick.dense for tick in ticks] == [False, True, False, True, False]
    assert [tick.anchor for tick in ticks] == ["start", "middle", "middle", "middle", "end"]


@settings(deadline=None)
@given(
    st.integers(ENOUGH + 1, 4 * ENOUGH), st.lists(st.none() | MEASURED, min_size=1, max_size=30), st.integers(1, 997)
)
def test_thinning_keeps_the_extremes_the_ends_and_the_gaps(n: int, odd: list[float | None], apart: int) -> None:
    values: list[float | None] = [float(k % 101) for k in range(n)]
    for k, value in enumerate(odd):
        values[(k * apart) % n] = value
    places = [n * 100 / (len(values) - 1) for n in range(len(values))]
    kept = thin(places, values)
    known = [value for value in values if value is not None]
    shown = [values[n] for n in kept if values[n] is not None]
    assert kept == sorted(set(kept))
    assert {0, len(values) - 1} <= set(kept)
    assert (None in [values[n] for n in kept]) is (None in values)
    if known:
        assert (min(shown), max(shown)) == (min(known), max(known))  # type: ignore[type-var]


@settings(deadline=None)
@given(st.integers(ENOUGH + 1, 10_000))
def test_thinning_leaves_a_drawing_of_bounded_size(n: int) -> None:
    values: list[float | None] = [float((k * 7919) % 1009) for k in range(n)]
    kept = thin([k * 100 / n for k in range(n)], values)
    assert len(kept) <= 5 * COLUMNS
    assert 1008.0 in [values[k] for k in kept]


def test_few_points_are_all_kept() -> None:
    assert thin([0.0, 50.0, 100.0], [1.0, None, 2.0]) == [0, 1, 2]
