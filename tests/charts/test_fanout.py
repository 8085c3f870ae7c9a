"""The fan-out: who sends to whom, drawn inside, cut to its room, and never by colour alone."""

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.charts import FanOut, Hub, Meter, Said, Spoke, Table, fan_out
from portal.charts.drawing import text_width
from portal.charts.fanout import FIRST, HUB, LEAST, MOST_IN_FULL, SECOND, fitted
from tests.charts.strategies import FIGURES, LABELS, is_inside

SPOKE = Spoke("W-01 Chat", ("Everybody gets 1.0", "3 Harden"), (Said("gate complete", "ok"),), Meter(0.4, "40 %"), True)


HUB_OF_ALL = Hub("Dispatcher", ("by rules",))


def drawn(*spokes: Spoke, hub: Hub = HUB_OF_ALL) -> FanOut:
    return fan_out("Fan-out", "Said.", hub, spokes, Table(("Workload",), tuple((each.name,) for each in spokes)))


def test_each_gets_a_box_and_a_way_from_the_hub() -> None:
    found = drawn(SPOKE, replace(SPOKE, name="W-02", is_served=False, facts=(Said("no gate", "stop"),), meter=None))
    assert [text.words for text in found.boxes[0].texts] == [
        "W-01 Chat",
        "Everybody gets 1.0",
        "3 Harden",
        "✓ gate complete",
        "40 %",
    ]
    assert [(way.is_served, box.tone) for way, box in zip(found.ways, found.boxes, strict=True)] == [
        (True, "ok"),
        (False, "stop"),
    ]
    assert found.boxes[0].gauge is not None and (found.boxes[0].gauge.width, found.boxes[0].gauge.is_full) == (4, False)
    assert found.boxes[1].gauge is None
    hub = found.middle.y + found.middle.height / 2
    assert all(way.path.startswith(f"M0 {hub} ") and way.path.endswith(f"100 {way.y}") for way in found.ways)


def test_the_worst_fact_is_the_boxes_tone_and_every_tone_has_a_sign() -> None:
    facts = (Said("complete", "ok"), Said("reached", "warn"), Said("plain"))
    assert replace(SPOKE, facts=facts).tone == "warn"
    assert [fact.whole for fact in facts] == ["✓ complete", "! reached", "plain"]
    assert replace(SPOKE, facts=()).tone == ""


def test_beyond_a_few_each_is_drawn_in_two_lines_and_listed_in_full() -> None:
    few, many = drawn(*[SPOKE] * MOST_IN_FULL), drawn(*[SPOKE] * (MOST_IN_FULL + 1))
    assert {box.height for box in few.boxes} == {72} and {box.height for box in many.boxes} == {52}
    assert "3 Harden" not in [text.words for text in many.boxes[0].texts]
    assert many.spokes[0] == SPOKE, "the list on a phone says all of it"
    facts = (Said("gate complete", "ok"), Said("plain"), Said("AP-01", "warn"), Said("more", "stop"))
    bad = drawn(*[replace(SPOKE, facts=facts)] * (MOST_IN_FULL + 1)).boxes[0]
    assert [text.words for text in bad.texts][2:] == ["✓ gate complete", "! AP-01", "40 %"]


def test_nothing_to_send_to_is_its_sentence_alone() -> None:
    found = drawn()
    assert (found.is_empty, found.boxes, found.ways) == (True, (), ())


def test_a_line_is_cut_to_its_room() -> None:
    assert fitted("short", 100) == "short"
    assert fitted("a longer line", 50) == "a long…"
    assert fitted("漢字漢字", 40) == "漢字…"


LINES = st.lists(LABELS, max_size=4).map(tuple)
FACTS = st.lists(st.builds(Said, LABELS, st.sampled_from(["ok", "warn", "stop", ""])), max_size=4).map(tuple)
METERS = st.none() | st.builds(Meter, FIGURES, LABELS)
SPOKES = st.lists(st.builds(Spoke, LABELS, LINES, FACTS, METERS, st.booleans()), max_size=12)


@settings(deadline=None)
@given(SPOKES, st.builds(Hub, LABELS, LINES))
def test_any_fan_out_is_drawn_inside_and_its_words_stay_in_their_boxes(spokes: list[Spoke], hub: Hub) -> None:
    found = drawn(*spokes, hub=hub)
    for box in (found.middle, *found.boxes):
        assert is_inside(box.x, box.y, found.height) and is_inside(box.x + box.width, box.y + box.height, found.height)
        for text in box.texts:
            assert box.y < text.y <= box.y + box.height
            ends = {0.0: HUB, FIRST: SECOND}.get(text.x, 100.0)
            assert text.x * LEAST / 100 + text_width(text.words) <= ends * LEAST / 100
        rows = [(text.x, text.y) for text in box.texts]
        assert len(set(rows)) == len(rows), "no words lie on others"
        if box.gauge:
            assert 0 <= box.gauge.width <= box.gauge.room
    for one, other in zip(found.boxes, found.boxes[1:], strict=False):
        assert one.y + one.height < other.y, "no box lies on another"
    for way, box in zip(found.ways, found.boxes, strict=True):
        assert box.y < way.y < box.y + box.height
        assert not re.search("nan|inf", way.path)
