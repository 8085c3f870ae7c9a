"""How instants, rules and charts look on a page: on the reader's clock, exact for machines, escaped."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from apps.rollouts import presenter
from apps.rollouts.models import Rollout, RolloutTransition
from apps.rollouts.plan import GuardrailPlan, Kind, Metric
from apps.tenants.models import Tenant
from portal import charts
from portal.pages import reader_zone
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import ERRORS, MINUTE, baked, look, running, send
from tests.world import NOW, World

AT = datetime(2026, 11, 20, 13, 2, 11, tzinfo=UTC)


def rendered(text: str, **context: Any) -> str:
    return Template("{% load causeway %}" + text).render(Context(context)).replace("\u202f", " ")


@pytest.mark.parametrize(
    ("zone", "now", "shown"),
    [
        ("Europe/Berlin", None, "2026-11-20 14:02:11 CET"),
        ("Asia/Kathmandu", None, "2026-11-20 18:47:11 +0545"),
        ("", None, "2026-11-20 13:02:11 UTC"),
        ("Europe/Berlin", AT + timedelta(minutes=5), "5 min ago (14:02)"),
        ("Europe/Berlin", AT + timedelta(hours=12), "12 h ago (20 Nov 14:02)"),
        ("Europe/Berlin", AT + timedelta(days=60), "60 d ago (20 Nov 2026 14:02)"),
        ("Europe/Berlin", AT - timedelta(days=2), "in 2 d (20 Nov 14:02)"),
        ("Asia/Tokyo", AT + timedelta(hours=2), "2 h ago (20 Nov 22:02)"),
        ("Europe/Berlin", AT, "0 s ago (14:02)"),
    ],
)
def test_an_instant_is_shown_on_the_readers_clock_and_stays_exact(zone: str, now: datetime | None, shown: str) -> None:
    context = {"at": AT, "now_": now, "reader_zone": ZoneInfo(zone) if zone else None}
    found = rendered("{% instant at now_ %}", **context)
    assert found.endswith(f">{shown}</time>")
    assert 'datetime="2026-11-20T13:02:11+00:00"' in found
    assert f'{zone or "UTC"}"' in found, "the zone is named"


def test_a_round_minute_needs_no_seconds_and_no_instant_is_a_dash() -> None:
    assert rendered("{% instant at %}", at=AT.replace(second=0)).endswith(">2026-11-20 13:02 UTC</time>")
    assert rendered("{% instant at %}", at=None) == "–"


def test_the_reader_goes_by_their_own_clock_or_else_their_tenants(world: World) -> None:
    request: Any = RequestFactory().get("/")
    assert reader_zone(request).key == "UTC"
    request.tenant, request.user = Tenant(time_zone="America/Chicago"), world.alice
    assert reader_zone(request).key == "America/Chicago"
    request.user.time_zone = "Asia/Tokyo"
    assert reader_zone(request).key == "Asia/Tokyo"


def test_a_page_shows_times_in_the_readers_zone(world: World) -> None:
    world.alice.time_zone = "Asia/Kathmandu"
    world.alice.save(update_fields=["time_zone"])
    page = signed_in("alice").get("/t/acme/workloads/W-01/").content.decode()
    assert "+0545</time>" in page and 'Asia/Kathmandu"' in page
    assert "UTC</time>" in signed_in("bob").get("/t/acme/workloads/W-01/").content.decode()


def test_a_rule_is_named_the_same_everywhere() -> None:
    assert rendered('{% rule "STAGE-4" %}') == '<span class="rule" title="The rule that this rests on">STAGE-4</span>'


def test_what_people_wrote_is_escaped_in_a_chart() -> None:
    evil = "<script>alert(1)</script>"
    shift = charts.Shift(AT, AT + timedelta(days=1), evil)
    drawn = charts.timeline(evil, [(evil, [shift])], start=AT, end=AT + timedelta(days=2), now=AT, zone=UTC)
    found = rendered("{% chart drawn %}", drawn=drawn)
    assert "<script" not in found and found.count("&lt;script&gt;") >= 4


def test_a_chart_without_data_is_its_sentence_alone() -> None:
    found = rendered("{% chart drawn %}", drawn=charts.series_chart("Errors", [], zone=UTC))
    assert "<figcaption>No data yet.</figcaption>" in found
    assert "<svg" not in found and "<details" not in found


# --- The rollout's charts -----------------------------------------------------------------------------------------


def shown(rollout: Rollout, now: datetime) -> presenter.RolloutPage:
    with tenant_transaction(rollout.tenant_id):
        moves = list(RolloutTransition.objects.filter(rollout=rollout).order_by("revision"))
        return presenter.present(rollout, moves, now, UTC)


def test_a_guardrail_is_drawn_with_its_interval_at_each_move_and_now(world: World) -> None:
    rollout, at = baked(running(world), start=NOW, minutes=11, n=60)
    assert rollout.phase == 1, "it moved on"
    send(rollout, at=at + MINUTE, agent=(100, 2), control=(100, 0))
    rollout = look(rollout, at + 2 * MINUTE)
    page = shown(rollout, at + 3 * MINUTE)
    chart = page.cards[0].chart
    assert chart is not None and page.chart is not None
    assert [row[0] for row in chart.table.rows] == ["2026-11-20 12:11:00", f"{at + 2 * MINUTE:%Y-%m-%d %H:%M:%S}"]
    assert len(chart.lines[0].whiskers) == 2
    assert chart.limit is not None and chart.limit.label.replace("\u202f", " ") == "limit 5 %"
    assert page.chart.said.startswith("10\u202f% since")


def test_before_the_first_look_there_is_no_band(world: World) -> None:
    assert [card.chart for card in shown(running(world), NOW).cards] == [None]


def test_costs_are_held_against_money_while_too_little_is_seen_of_the_control_arm(world: World) -> None:
    """1.5 is how many times the control arm's mean, and no limit in money."""
    costs = GuardrailPlan(Metric.COST, Kind.RELATIVE, 1.5)
    rollout, at = baked(running(world, guardrails=(ERRORS, costs)), start=NOW, minutes=11, n=60)
    send(rollout, at=at + MINUTE, agent=(3, 0), control=(3, 0))
    chart = shown(look(rollout, at + 2 * MINUTE), at + 3 * MINUTE).cards[1].chart
    assert chart is not None and chart.limit is not None
    assert chart.limit.label == "limit 0.015"


def test_the_page_of_a_rollout_draws_both(world: World) -> None:
    rollout, _ = baked(running(world), start=NOW, minutes=2)
    page = signed_in("alice").get(f"/t/acme/rollouts/{rollout.id}/").content.decode()
    assert 'class="figure of-steps"' in page and 'class="figure of-series"' in page
    assert "5\u202f% since 20 Nov" in page
