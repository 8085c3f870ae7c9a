"""One that sends to many: what decides on the left, and a box for each that it sends to, with what holds it.

Lines are cut to the narrowest drawing (``LEAST`` pixels); below that, and on paper, the same stands as a list. So the
drawing carries the first words of everything, and the table all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from portal.charts.drawing import SIGNS, Chart, Number, Table, Tone, clean, text_width

# Pixels that the drawing has at least; the style sheet shows it from there on.
LEAST = 1_040
# Across, in %: where the hub ends, where boxes begin, and where their second column does.
HUB, FIRST, SECOND = 22.0, 30.0, 63.0
_METER = 10.0
_MARGIN, _LINE, _BETWEEN = 12.0, 20.0, 12.0
# More boxes than this are drawn with two lines each.
MOST_IN_FULL = 8
# The hub stands in the middle of what a screen shows, however many boxes there are.
_SCREEN = 560.0
_WORST: tuple[Tone, ...] = ("stop", "warn", "ok", "")


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a box: its words, what they mean, and where they lead."""

    words: str
    tone: Tone = ""
    url: str = ""

    @property
    def sign(self) -> str:
        return SIGNS[self.tone] if self.tone else ""

    @property
    def whole(self) -> str:
        return f"{self.sign} {self.words}".strip()


@dataclass(frozen=True, slots=True)
class Meter:
    """How full something is: a share, drawn up to 1, and the words for it; None is not known."""

    share: Number
    words: str

    @property
    def filled(self) -> float:
        return round(min(max(clean(self.share) or 0.0, 0.0), 1.0), 4)

    @property
    def is_full(self) -> bool:
        return self.filled >= 1


@dataclass(frozen=True, slots=True)
class Hub:
    name: str
    lines: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Spoke:
    """One that is sent to: ``lines`` say what it is, ``facts`` what holds it, the most telling first.

    ``is_served``: something of it answers; the line to it is dashed otherwise.
    """

    name: str
    lines: tuple[str, ...] = ()
    facts: tuple[Said, ...] = ()
    meter: Meter | None = None
    is_served: bool = False
    url: str = ""

    @property
    def tone(self) -> Tone:
        """The worst of its facts."""
        return min((fact.tone for fact in self.facts), key=_WORST.index, default="")


@dataclass(frozen=True, slots=True)
class Text:
    """Words at a place: ``x`` in %, ``y`` in pixels. ``whole`` is what was cut."""

    x: float
    y: float
    words: str
    whole: str
    css: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A meter as drawn: where it begins, how wide it could be and how wide it is, in %."""

    x: float
    y: float
    room: float
    width: float
    is_full: bool


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    texts: tuple[Text, ...]
    tone: Tone = ""
    gauge: Gauge | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """From the hub to a box: a path in % of the gap and pixels, and the height at which it arrives."""

    path: str
    y: float
    is_served: bool


@dataclass(frozen=True, slots=True)
class FanOut(Chart):
    hub: Hub
    spokes: tuple[Spoke, ...]
    middle: Box
    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]
    height: float

    kind = "fanout"

    @property
    def is_empty(self) -> bool:
        return not self.spokes


def fan_out(title: str, said: str, hub: Hub, spokes: Sequence[Spoke], table: Table) -> FanOut:
    """``said`` and ``table`` are the caller's: what is to be seen in the picture, and all that is behind it."""
    is_full = len(spokes) <= MOST_IN_FULL
    shown = [spoke if is_full else _short(spoke) for spoke in spokes]
    heights = [_height(spoke) for spoke in shown]
    tops = [0.0, *accumulate(height + _BETWEEN for height in heights)]
    middle = _hub(hub, max(tops[-1] - _BETWEEN, 0.0))
    boxes = tuple(_box(spoke, top, height) for spoke, top, height in zip(shown, tops, heights, strict=False))
    return FanOut(
        title=title,
        said=said,
        table=table,
        hub=hub,
        spokes=tuple(spokes),
        middle=middle,
        boxes=boxes,
        ways=tuple(_way(middle, box, spoke.is_served) for box, spoke in zip(boxes, shown, strict=True)),
        height=max(tops[-1] - _BETWEEN, middle.y + middle.height),
    )


def fitted(words: str, room: float) -> str:
    """As much of a line as so many pixels hold."""
    if text_width(words) <= room:
        return words
    kept = words
    while kept and text_width(f"{kept}…") > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def _short(spoke: Spoke) -> Spoke:
    """Its first line and first fact, and one more that somebody has to look at."""
    bad = [fact for fact in spoke.facts[1:] if fact.tone in ("warn", "stop")]
    facts = (*spoke.facts[:1], *bad[:1])
    return Spoke(spoke.name, spoke.lines[:1], facts, spoke.meter, spoke.is_served, spoke.url)


def _height(spoke: Spoke) -> float:
    rows = max(1 + len(spoke.lines), len(spoke.facts) + (spoke.meter is not None))
    return rows * _LINE + _MARGIN


def _hub(hub: Hub, height: float) -> Box:
    own = (1 + len(hub.lines)) * _LINE + _MARGIN
    top = max(0.0, round((min(height, _SCREEN) - own) / 2, 1))
    room = HUB / 100 * LEAST - 2 * _MARGIN
    return Box(0.0, top, HUB, own, _column(0.0, top, room, hub.name, hub.url, hub.lines))


def _box(spoke: Spoke, top: float, height: float) -> Box:
    left = (SECOND - FIRST) / 100 * LEAST - _MARGIN
    right = (100 - SECOND) / 100 * LEAST - 2 * _MARGIN
    texts = [*_column(FIRST, top, left, spoke.name, spoke.url, spoke.lines)]
    gauge, row = None, 0
    for number, fact in enumerate(spoke.facts):
        row = number + (number > 0 and spoke.meter is not None)
        texts.append(_text(SECOND, top, row, fact.whole, right, fact.tone, fact.url))
    if spoke.meter is not None:
        # Below the verdict, since it is the second thing to know.
        row = 1 if spoke.facts else 0
        gauge = Gauge(SECOND, top + row * _LINE, _METER, round(_METER * spoke.meter.filled, 3), spoke.meter.is_full)
        room = right - _METER / 100 * LEAST - _MARGIN
        texts.append(_text(SECOND + _METER, top, row, spoke.meter.words, room, "beside"))
    return Box(FIRST, top, 100 - FIRST, height, tuple(texts), spoke.tone, gauge)


def _column(x: float, top: float, room: float, name: str, url: str, lines: Sequence[str]) -> tuple[Text, ...]:
    first = _text(x, top, 0, name, room, "strong", url)
    return (first, *(_text(x, top, row, line, room) for row, line in enumerate(lines, start=1)))


def _text(x: float, top: float, row: int, words: str, room: float, css: str = "", url: str = "") -> Text:
    return Text(x, top + (row + 1) * _LINE, fitted(words, room), words, css, url)


def _way(middle: Box, box: Box, is_served: bool) -> Way:
    start, end = middle.y + middle.height / 2, box.y + box.height / 2
    return Way(f"M0 {start} C50 {start} 50 {end} 100 {end}", end, is_served)
