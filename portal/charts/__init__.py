"""Charts as plain geometry, drawn by ``{% chart %}`` with classes only. Pure: no Django, no clock, no colour.

Each carries three things made from the same data: the drawing, one sentence that says what is to be seen in it, and
the data as a table. docs/design.md shows all of them and says how to add one.
"""

from portal.charts.bars import Amount, BarChart, bar_chart
from portal.charts.burnup import BurnUp, burn_up
from portal.charts.drawing import SIGNS, Chart, Table, Tone
from portal.charts.fanout import FanOut, Hub, Meter, Said, Spoke, fan_out
from portal.charts.heat import Cell, HeatMap, heat_map
from portal.charts.ladder import Ladder, Rung, ladder
from portal.charts.series import Limit, Point, Series, SeriesChart, series_chart
from portal.charts.shifts import Shift, Timeline, timeline
from portal.charts.steps import Step, StepChart, step_chart
from portal.charts.words import HOURS, PERCENT, PLAIN, Unit

__all__ = [
    "HOURS",
    "PERCENT",
    "PLAIN",
    "SIGNS",
    "Amount",
    "BarChart",
    "BurnUp",
    "Cell",
    "Chart",
    "FanOut",
    "HeatMap",
    "Hub",
    "Ladder",
    "Limit",
    "Meter",
    "Point",
    "Rung",
    "Said",
    "Series",
    "SeriesChart",
    "Shift",
    "Spoke",
    "Step",
    "StepChart",
    "Table",
    "Timeline",
    "Tone",
    "Unit",
    "bar_chart",
    "burn_up",
    "fan_out",
    "heat_map",
    "ladder",
    "series_chart",
    "step_chart",
    "timeline",
]
