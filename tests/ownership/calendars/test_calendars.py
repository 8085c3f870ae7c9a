"""CALL-2: feeds that expand to exactly the final schedule; calendars from elsewhere, with their holes and doubles."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from apps.ownership import actions, queries
from apps.ownership.calendars import feed, feeds, importing, reading
from apps.ownership.models import CalendarFeed, Rota, TemporarySchedule
from apps.ownership.rotation import Unit
from apps.ownership.schedule import Change, Duty
from apps.tenants.models import Membership
from portal.errors import Forbidden, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import LEAD
from tests.world import NOW, PASSWORD, World

BERLIN = ZoneInfo("Europe/Berlin")
A, B = UUID(int=1), UUID(int=2)
PEOPLE = {"ada@example.org": A, "ada": A, "ben": B}


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *events, "END:VCALENDAR", ""])


def event(summary: str, start: str, length: str, rule: str = "", zone: str = ";TZID=Europe/Berlin") -> str:
    lines = ["BEGIN:VEVENT", f"UID:{uuid4()}", "DTSTAMP:20261001T000000Z", f"DTSTART{zone}:{start}", length]
    return "\r\n".join([*lines, *([f"RRULE:{rule}"] if rule else []), f"SUMMARY:{summary}", "END:VEVENT"])


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]


def read(text: str, start: datetime, end: datetime) -> reading.Read:
    return reading.read(text, start, end, BERLIN, PEOPLE)


def expanded(body: bytes, start: datetime, end: datetime) -> list[tuple[datetime, datetime, str]]:
    """What a calendar program shows."""
    found = recurring_ical_events.of(Calendar.from_ical(body)).between(start, end)
    return sorted((e["DTSTART"].dt, e["DTEND"].dt, str(e["SUMMARY"])) for e in found)


@pytest.fixture
def rota(world: World) -> Rota:
    """Three people by the week in Berlin, over the autumn's change, with an override and a gap on purpose."""
    with tenant_transaction(world.tenant.id):
        began = utc(2026, 10, 1)
        rota = actions.create_rota(team=world.team, name="Nights", zone="Europe/Berlin", rank=2, actor=LEAD, now=began)
        actions.set_rotation(
            rota=rota,
            name="daily",
            anchor=datetime(2026, 10, 5, 2, 30),
            unit=Unit.DAY,
            participants=[world.alice.id, world.bob.id, world.erin.id],
            actor=LEAD,
            now=began,
        )
        common: dict[str, Any] = {"rota": rota, "by": world.adam, "reason": "r", "actor": LEAD, "now": began}
        start = utc(2026, 10, 24, 20, 15)
        end = start + timedelta(hours=9)
        actions.add_override(change=Change.ADD, start=start, end=end, person=world.gina, **common)
        actions.add_override(
            change=Change.REMOVE, start=end, end=end + timedelta(hours=3), person=world.alice, **common
        )
        return rota


def test_a_feed_expands_to_exactly_the_final_schedule(world: World, rota: Rota) -> None:
    start, end = utc(2026, 10, 20), utc(2026, 11, 3)
    with tenant_transaction(world.tenant.id):
        duties = queries.duties(rota, start, end)
        turns = feed.turns(rota.id, rota.name, duties, 3)
        names = queries.names(world.tenant.id, {turn.person_id for turn in turns})
    shown = expanded(feed.calendar("Nights", turns, names, NOW), start, end)
    cuts = sorted({start, end, *(d.start for d in duties), *(s for s, _, _ in shown), *(e for _, e, _ in shown)})
    for first, _ in pairwise(cuts):
        wanted = {names[p] for d in duties if d.start <= first < d.end for p in d.people}
        assert {text.split(" on call")[0] for s, e, text in shown if s <= first < e} == wanted, first
    assert any(not d.people for d in duties) or len(shown) > 14, "there was something to get wrong"


people = st.frozensets(st.sampled_from([A, B, UUID(int=3)])).map(lambda found: tuple(sorted(found)))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 3_000), people), min_size=1, max_size=12).filter(
        lambda parts: any(who for _, who in parts)
    )
)
def test_any_schedule_survives_the_way_through_a_calendar(parts: list[tuple[int, tuple[UUID, ...]]]) -> None:
    at, duties = utc(2026, 10, 24), []
    for minutes, who in parts:
        duties.append(Duty(at, at + timedelta(minutes=minutes), who))
        at += timedelta(minutes=minutes)
    names = {A: "ada", B: "ben", UUID(int=3): "cyd"}
    body = feed.calendar("x", feed.turns(uuid4(), "x", duties, 0), names, NOW)
    known = {name: person for person, name in names.items()}
    found = reading.read(body.decode(), utc(2026, 10, 24), at, BERLIN, known)
    for duty in duties:
        middle = duty.start + (duty.end - duty.start) / 2
        for instant in (duty.start, middle, duty.end - timedelta(seconds=1)):
            assert {span.person for span in found.spans if span.start <= instant < span.end} == set(duty.people)


def test_ids_stay_and_the_sequence_grows_when_a_rota_changes(world: World, rota: Rota) -> None:
    bob = world.actor(world.bob)
    with tenant_transaction(world.tenant.id):
        made = feeds.make(tenant_id=world.tenant.id, person=world.bob, rota=rota, actor=bob, now=NOW)
        before = list(Calendar.from_ical(feeds.text(made, NOW)).walk("VEVENT"))
        start = NOW + timedelta(days=2)
        actions.add_override(
            rota=rota,
            change=Change.ADD,
            start=start,
            end=start + timedelta(hours=1),
            person=world.gina,
            by=world.adam,
            reason="r",
            actor=LEAD,
            now=NOW,
        )
        after = list(Calendar.from_ical(feeds.text(made, NOW)).walk("VEVENT"))
    kept = {str(e["UID"]) for e in before} & {str(e["UID"]) for e in after}
    assert len(kept) == len(before) and len(after) == len(before) + 1
    assert int(after[0]["SEQUENCE"]) == int(before[0]["SEQUENCE"]) + 1


def test_my_feed_has_my_shifts_of_every_rota_and_a_secret_address_that_can_be_revoked(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        made = feeds.make(tenant_id=world.tenant.id, person=world.bob, rota=None, actor=world.actor(world.bob), now=NOW)
    address = feeds.address(made)
    answer = Client().get(address)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    now = datetime.now(UTC)
    assert {text for _, _, text in expanded(answer.content, now, now + timedelta(days=7))} == {
        "Bob on call: Support, Support on call"
    }
    for wrong in (address.replace(".ics", "x.ics"), f"{address[:-5]}0.ics", "/calendars/x.ics"):
        assert Client().get(wrong).status_code == 404
    with tenant_transaction(world.tenant.id):
        feeds.revoke(found=made, actor=world.actor(world.bob), now=NOW)
    assert Client().get(address).status_code == 404


def test_who_left_the_tenant_reads_nothing_any_more(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        made = feeds.make(tenant_id=world.tenant.id, person=world.bob, rota=None, actor=world.actor(world.bob), now=NOW)
        Membership.objects.filter(user=world.bob).update(ended_at=NOW)
    assert Client().get(feeds.address(made)).status_code == 404


def test_a_calendar_of_local_hours_with_a_length_has_a_hole_where_the_clock_goes_back() -> None:
    """Twelve hours from eight to eight, each day and each night: the night of the change is thirteen."""
    text = calendar(
        event("ada", "20261020T080000", "DURATION:PT12H", "FREQ=DAILY"),
        event("ben", "20261020T200000", "DURATION:PT12H", "FREQ=DAILY"),
    )
    found = read(text, utc(2026, 10, 22, 6), utc(2026, 10, 29, 7))
    assert [(hole.start, hole.end) for hole in found.holes] == [(utc(2026, 10, 25, 6), utc(2026, 10, 25, 7))]
    assert found.doubles == ()


def test_and_a_double_where_it_jumps_ahead() -> None:
    text = calendar(
        event("ada", "20260320T080000", "DURATION:PT12H", "FREQ=DAILY"),
        event("ben", "20260320T200000", "DURATION:PT12H", "FREQ=DAILY"),
    )
    found = read(text, utc(2026, 3, 27, 7), utc(2026, 4, 2, 6))
    assert [(each.start, each.end, each.people) for each in found.doubles] == [
        (utc(2026, 3, 29, 6), utc(2026, 3, 29, 7), (A, B))
    ]
    assert found.holes == ()


def test_a_length_of_a_day_is_a_day_of_the_calendar_and_24_hours_are_24() -> None:
    for length, expected in (("P1D", utc(2026, 10, 25, 7)), ("PT24H", utc(2026, 10, 25, 6))):
        text = calendar(event("ada", "20261024T080000", f"DURATION:{length}"))
        assert [span.end for span in read(text, utc(2026, 10, 24), utc(2026, 10, 27)).spans] == [expected]


def test_local_ends_have_neither() -> None:
    text = calendar(
        event("ada", "20261020T080000", "DTEND;TZID=Europe/Berlin:20261020T200000", "FREQ=DAILY"),
        event("ben", "20261020T200000", "DTEND;TZID=Europe/Berlin:20261021T080000", "FREQ=DAILY"),
    )
    found = read(text, utc(2026, 10, 22, 6), utc(2026, 10, 29, 7))
    assert (found.doubles, [(h.start, h.end) for h in found.holes]) == ((), [])


NEW_YORK = """BEGIN:VTIMEZONE
TZID:America/New_York
X-LIC-LOCATION:America/New_York
BEGIN:DAYLIGHT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
DTSTART:19700308T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
DTSTART:19701101T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
END:VTIMEZONE""".replace("\n", "\r\n")


def weekly(uid: str, summary: str, start: str, end: str, *more: str) -> str:
    """As a calendar service exports a series: a zone of its own, an interval, exceptions."""
    zone = ";TZID=America/New_York"
    lines = ["BEGIN:VEVENT", f"DTSTART{zone}:{start}", f"DTEND{zone}:{end}", "DTSTAMP:20261001T120000Z", f"UID:{uid}"]
    return "\r\n".join([*lines, *more, f"SUMMARY:{summary}", "STATUS:CONFIRMED", "END:VEVENT"])


def test_a_series_with_its_own_zone_an_exception_and_a_moved_week() -> None:
    """Two people by the week over New York's change of 1 November; Ada's week from the 2nd was given to Ben."""
    text = calendar(
        NEW_YORK,
        weekly(
            "a", "On call: Ada", "20261005T090000", "20261012T090000",
            "RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20261231T000000Z",
        ),
        weekly(
            "a", "On call: Ben", "20261102T090000", "20261109T090000",
            "RECURRENCE-ID;TZID=America/New_York:20261102T090000",
        ),
        weekly(
            "b", "On call: Ben", "20261012T090000", "20261019T090000",
            "RRULE:FREQ=WEEKLY;INTERVAL=2", "EXDATE;TZID=America/New_York:20261109T090000",
        ),
    )  # fmt: skip
    found = read(text, utc(2026, 10, 5, 13), utc(2026, 11, 23, 14))
    assert [(span.start, span.end, span.person) for span in found.spans] == [
        (utc(2026, 10, 5, 13), utc(2026, 10, 12, 13), A),
        (utc(2026, 10, 12, 13), utc(2026, 10, 19, 13), B),
        (utc(2026, 10, 19, 13), utc(2026, 10, 26, 13), A),
        (utc(2026, 10, 26, 13), utc(2026, 11, 2, 14), B),
        (utc(2026, 11, 2, 14), utc(2026, 11, 9, 14), B),
        (utc(2026, 11, 16, 14), utc(2026, 11, 23, 14), A),
    ]
    assert [(hole.start, hole.end) for hole in found.holes] == [(utc(2026, 11, 9, 14), utc(2026, 11, 16, 14))]


def test_an_export_of_expanded_shifts_with_a_lost_hour_shows_it() -> None:
    """As schedules of 168 hours are exported, in UTC: the local hand-over moves, and an hour is nobody's."""
    text = calendar(
        event("Ada", "20261026T130000Z", "DTEND:20261102T130000Z", zone=""),
        event("Ben", "20261102T140000Z", "DTEND:20261109T140000Z", zone=""),
    )
    found = read(text, utc(2026, 10, 26, 13), utc(2026, 11, 9, 14))
    assert [(hole.start, hole.end) for hole in found.holes] == [(utc(2026, 11, 2, 13), utc(2026, 11, 2, 14))]


def test_floating_times_and_whole_days_are_the_rotas_own() -> None:
    text = calendar(
        event("on call: Ada", "20261120", "DTEND;VALUE=DATE:20261121", zone=";VALUE=DATE"),
        event("Ben", "20261121T000000", "DTEND:20261121T120000", zone=""),
    )
    found = read(text, utc(2026, 11, 19, 23), utc(2026, 11, 21, 11))
    assert [(span.start, span.end, span.person) for span in found.spans] == [
        (utc(2026, 11, 19, 23), utc(2026, 11, 20, 23), A),
        (utc(2026, 11, 20, 23), utc(2026, 11, 21, 11), B),
    ]


def test_people_are_known_by_attendee_address_or_name_and_strangers_are_listed() -> None:
    attended = event("Shift", "20261120T080000", "DURATION:PT1H").replace(
        "SUMMARY:Shift", "SUMMARY:Shift\r\nATTENDEE:mailto:Ada@example.org"
    )
    text = calendar(
        attended,
        event("primary - ben", "20261120T090000", "DURATION:PT1H"),
        event("ada and ben", "20261120T100000", "DURATION:PT1H"),
        event("Zoe", "20261120T110000", "DURATION:PT1H"),
    )
    found = read(text, utc(2026, 11, 20), utc(2026, 11, 21))
    assert [span.person for span in found.spans] == [A, B]
    assert found.unknown == ("Zoe", "ada and ben")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a calendar",
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR",
        calendar(),
        calendar(event("ada", "20261120T080000", "DURATION:PT1S", "FREQ=SECONDLY")),
        calendar(event("ada", "20261120T080000", "DURATION:PT1S", "FREQ=DAILY;BYMINUTE=1,2,3")),
        calendar(event("ada", "nonsense", "DURATION:PT1H")),
        calendar(event("ada", "20261120T080000", "DURATION:PT1H", "FREQ=DAILY;UNTIL=never")),
        calendar(*[event("ada", "20261120T080000", "DURATION:PT1H")] * 201),
        calendar(event("ada", "19000101T080000", "DURATION:P60000D", "FREQ=DAILY")),
        calendar(event("ada", "20261101T080000", "DTEND;TZID=Europe/Berlin:20270101T080000")),
        calendar(event("ada", "20200101T080000", "DURATION:PT1H", "FREQ=DAILY")),
        "x" * (reading.LONGEST + 1),
    ],
)
def test_what_is_no_calendar_or_a_flood_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read(text, utc(2026, 11, 1), utc(2026, 12, 1))


def nightly(world: World) -> str:
    return calendar(
        event("Alice", "20261120T080000", "DURATION:PT12H", "FREQ=DAILY", ";TZID=Europe/Berlin"),
        event("bob@example.org", "20261120T200000", "DURATION:PT11H", "FREQ=DAILY", ";TZID=Europe/Berlin"),
    )


def test_an_import_with_holes_wants_somebody_to_fall_back_to(world: World, rota: Rota) -> None:
    start, end = utc(2026, 11, 21, 7), utc(2026, 11, 28, 7)
    asked: dict[str, Any] = {"rota": rota, "text": nightly(world), "start": start, "end": end, "actor": LEAD}
    who: dict[str, Any] = {"by": world.adam, "now": NOW}
    with tenant_transaction(world.tenant.id):
        assert len(importing.report(**asked).holes) == 7
        with pytest.raises(Refused, match="Nobody"):
            importing.take_over(**asked, fallback=None, **who)
        assert not TemporarySchedule.objects.exists()
        importing.take_over(**asked, fallback=world.erin, **who)
        at = utc(2026, 11, 22, 6, 30)
        assert queries.on_call(rota, at) == (world.erin.id,)
        assert queries.on_call(rota, at - timedelta(hours=2)) == (world.bob.id,)


def test_an_import_that_names_strangers_changes_nothing(world: World, rota: Rota) -> None:
    text = calendar(event("Zoe", "20261121T080000", "DURATION:PT12H"))
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Refused, match="Zoe"):
            importing.take_over(
                rota=rota,
                text=text,
                start=utc(2026, 11, 21),
                end=utc(2026, 11, 22),
                fallback=world.erin,
                by=world.adam,
                actor=LEAD,
                now=NOW,
            )
        assert not TemporarySchedule.objects.exists()


def test_who_may_not_change_the_rota_may_not_have_calendars_read_for_it(world: World, rota: Rota) -> None:
    charlie = world.actor(world.charlie)
    with tenant_transaction(world.tenant.id), pytest.raises(Forbidden):
        importing.report(rota=rota, text="", start=NOW, end=NOW + timedelta(days=1), actor=charlie)


def signed_in(world: World, who: str) -> Client:
    client = Client()
    assert client.login(email=f"{who}@example.org", password=PASSWORD)
    return client


def test_importing_on_the_page_shows_the_report_first(world: World, rota: Rota) -> None:
    bob, address = signed_in(world, "bob"), f"/t/acme/rotas/{rota.id}/import/"
    sent = {"text": nightly(world), "start": "2027-01-01T08:00", "end": "2027-01-03T08:00", "fallback": ""}
    shown = bob.post(address, {**sent, "look": "1"}).content.decode()
    assert "2 holes in what has to be covered" in shown and "BEGIN:VCALENDAR" in shown
    refused = bob.post(address, {**sent, "import": "1"})
    assert (refused.status_code, "fall back to" in refused.content.decode()) == (400, True)
    assert bob.post(address, {**sent, "fallback": str(world.erin.id), "import": "1"}).status_code == 302
    with tenant_transaction(world.tenant.id):
        assert TemporarySchedule.objects.get().reason == "imported from a calendar"


def test_a_temporary_schedule_by_hand(world: World, rota: Rota) -> None:
    bob, address = signed_in(world, "bob"), f"/t/acme/rotas/{rota.id}/temporary/"
    sent = {"start": "2030-01-01T08:00", "end": "2030-01-02T08:00", "fallback": "", "reason": "holidays"}
    line = "2030-01-01 08:00, 2030-01-02 08:00, gina@example.org"
    assert bob.post(address, {**sent, "shifts": "yesterday"}).status_code == 400
    assert bob.post(address, {**sent, "shifts": line.replace("gina", "mallory")}).status_code == 400
    assert bob.post(address, {**sent, "shifts": line.replace("02 08:00", "02 07:00")}).status_code == 400
    assert bob.post(address, {**sent, "shifts": line}).status_code == 302
    with tenant_transaction(world.tenant.id):
        assert queries.on_call(rota, utc(2030, 1, 1, 12)) == (world.gina.id,)
        made = queries.temporaries(rota, NOW).get()
    page = f"/t/acme/rotas/{rota.id}/"
    assert "holidays, 1 shift" in bob.get(page).content.decode()
    assert signed_in(world, "charlie").post(f"{page}temporary/{made.id}/cancel/").status_code == 403
    assert bob.post(f"{page}temporary/{made.id}/cancel/").status_code == 302
    assert bob.post(f"{page}temporary/{made.id}/cancel/").status_code == 409
    with tenant_transaction(world.tenant.id):
        assert queries.on_call(rota, utc(2030, 1, 1, 12)) != (world.gina.id,)


def test_feeds_and_imports_over_the_api(world: World, rota: Rota) -> None:
    headers = {"Authorization": f"Bearer {world.token('read', 'write', user=world.bob)}"}
    client, api = Client(headers=headers), "/api/v1/t/acme"
    made = client.post(f"{api}/calendar-feeds", {"rota": str(rota.id)}, content_type="application/json").json()
    assert Client().get(made["address"]).status_code == 200
    assert [row["id"] for row in client.get(f"{api}/calendar-feeds").json()["results"]] == [made["id"]]
    assert client.delete(f"{api}/calendar-feeds/{made['id']}").status_code == 204
    assert Client().get(made["address"]).status_code == 404
    sent = {"calendar": nightly(world), "start": "2027-01-01T08:00:00Z", "end": "2027-01-03T08:00:00Z"}
    seen = client.post(f"{api}/rotas/{rota.id}/calendar-import", sent, content_type="application/json").json()
    assert (seen["imported"], seen["shifts"], len(seen["holes"])) == (None, 5, 2)
    sent |= {"dry_run": False, "fallback": "erin@example.org"}  # type: ignore[dict-item]
    done = client.post(f"{api}/rotas/{rota.id}/calendar-import", sent, content_type="application/json").json()
    assert done["imported"] is not None
    with tenant_transaction(world.tenant.id):
        assert CalendarFeed.objects.get().revoked_at is not None
