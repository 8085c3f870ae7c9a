"""Hostile data for charts, and where everything in a drawing has to be."""

import math
import re
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from portal.charts import Point
from portal.charts.drawing import NARROW, WIDE, Tick, box

# Zones whose clocks change by an hour, by half an hour, at midnight, or stand at odd minutes.
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "Europe/Berlin",
            "Australia/Lord_Howe",
            "America/Santiago",
            "Asia/Kathmandu",
            "Pacific/Apia",
        )
    ]
)
INSTANTS = st.datetimes(datetime(1980, 1, 1), datetime(2190, 1, 1), timezones=st.just(UTC))
FIGURES = (
    st.none() | st.floats() | st.integers(-(10**12), 10**12) | st.decimals(allow_nan=True, places=4) | st.just(10**400)
)
POINTS = st.lists(st.builds(Point, INSTANTS, FIGURES, FIGURES, FIGURES, FIGURES), max_size=12)
LABELS = st.text(max_size=60)

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf", re.IGNORECASE)


def places(path: str) -> list[tuple[float, float]]:
    """The corners of a path made of M, L, H and V."""
    found: list[tuple[float, float]] = []
    for command, rest in re.findall(r"([MLHV])([^MLHVZ]*)", path):
        numbers = [float(number) for number in _NUMBER.findall(rest)]
        x, y = found[-1] if found else (0.0, 0.0)
        found.append({"H": (numbers[0], y), "V": (x, numbers[0])}.get(command) or (numbers[0], numbers[1]))
    return found


def is_inside(x: float, y: float, height: float) -> bool:
    return math.isfinite(x) and math.isfinite(y) and 0 <= x <= 100 and 0 <= y <= height


def overlaps(ticks: tuple[Tick, ...]) -> list[tuple[str, str]]:
    """Labels along the foot that touch in the widest or the narrowest drawing."""
    found = []
    for width, shown in ((WIDE, ticks), (NARROW, [tick for tick in ticks if not tick.dense])):
        boxes = [(box(tick, width), tick.label) for tick in shown]
        found += [(a[1], b[1]) for a, b in pairwise(boxes) if a[0][1] >= b[0][0]]
    return found
