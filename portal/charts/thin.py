"""Fewer points that draw the same picture: of each column of the drawing the first, the last, the least and the
greatest point (Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014), and one gap if
the column has one. A line through these covers the same pixels as a line through all of them.
"""

from collections.abc import Sequence

COLUMNS = 300
ENOUGH = 4 * COLUMNS

Track = Sequence[float | None]


def thin(places: Sequence[float], *tracks: Track) -> list[int]:
    """Which points to keep, in their order. ``places`` are in % and ascending; each track's extremes survive."""
    if len(places) <= ENOUGH:
        return list(range(len(places)))
    kept: set[int] = set()
    start = 0
    for n in range(1, len(places) + 1):
        if n == len(places) or _column(places[n]) != _column(places[start]):
            kept |= _kept(range(start, n), tracks)
            start = n
    return sorted(kept)


def _column(place: float) -> int:
    return min(int(place * COLUMNS / 100), COLUMNS - 1)


def _kept(column: range, tracks: Sequence[Track]) -> set[int]:
    found = {column[0], column[-1]}
    for track in tracks:
        known = [(value, n) for n in column if (value := track[n]) is not None]
        if known:
            found |= {known[0][1], known[-1][1], min(known)[1], max(known)[1]}
    found |= set([n for n in column if tracks[0][n] is None][:1])
    return found
