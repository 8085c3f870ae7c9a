"""CALL-2 against the database: one answer everywhere, a past that doesn't move, swaps that one person gets."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.ownership import actions, queries, tasks
from apps.ownership.models import FrozenDuty, Rota, RotaOverride, RotationVersion, ShiftSwap
from apps.ownership.rotation import Span, Unit
from apps.ownership.schedule import Change
from apps.tenants import actions as tenants
from apps.tenants.models import Membership, Team
from portal.errors import Conflict, Forbidden, Invalid, Refused
from portal.tenancy.context import tenant_transaction
from tests.approvals.test_races import at_once
from tests.world import NOW, SETUP, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 16, 9)


@pytest.fixture
def tenant(world: World) -> Iterator[None]:
    with tenant_transaction(world.tenant.id):
        yield


def night(world: World) -> Team:
    """A team without a rota, to which Bob belongs."""
    found = Team.objects.filter(tenant=world.tenant, slug="night").first()
    if found is None:
        found = tenants.create_team(tenant_id=world.tenant.id, slug="night", name="Night", actor=SETUP)
        member = Membership.objects.get(tenant=world.tenant, user=world.bob)
        tenants.join_team(team=found, member=member, actor=SETUP)
    return found


def made(world: World, **fields: Any) -> Rota:
    values = {
        "team": fields.pop("team", None) or night(world),
        "name": "Support",
        "zone": "UTC",
        "actor": world.actor(world.adam),
        "now": NOW,
    }
    return actions.create_rota(**{**values, **fields})


def turning(world: World, rota: Rota, *names: str, now: datetime = NOW, **fields: Any) -> RotationVersion:
    people: list[UUID] = [getattr(world, name).id for name in names or ("alice", "bob")]
    values = {"name": "weekly", "anchor": MONDAY, "unit": Unit.WEEK, "participants": people, **fields}
    return actions.set_rotation(rota=rota, actor=world.actor(world.adam), now=now, **values)


def overridden(world: World, rota: Rota, old: str, new: str, start: datetime, end: datetime, **fields: Any) -> Any:
    values: dict[str, Any] = {
        "change": Change.REPLACE,
        "person": getattr(world, new),
        "instead_of": getattr(world, old),
        "by": world.bob,
        "reason": "the dentist",
        "actor": world.actor(world.bob),
        "now": NOW,
        **fields,
    }
    return actions.add_override(rota=rota, start=start, end=end, **values)


def who(world: World, rota: Rota, at: datetime, known_at: datetime | None = None) -> list[str]:
    found = queries.names(world.tenant.id, people := queries.on_call(rota, at, known_at))
    return [found[person].lower() for person in people]


def test_people_take_turns_from_now_on_and_before_that_nobody_was_on_call(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    assert who(world, rota, NOW) == ["alice"]
    assert who(world, rota, NOW + 7 * DAY) == ["bob"]
    assert who(world, rota, NOW - HOUR) == []


def test_a_change_takes_effect_at_the_next_hand_over(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    version = turning(world, rota, "charlie", "erin", now=NOW + HOUR)
    assert version.valid_from == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert who(world, rota, version.valid_from - timedelta(seconds=1)) == ["alice"]
    assert who(world, rota, version.valid_from) == ["erin"]
    assert version.number == 2


def test_a_change_of_a_change_that_has_not_begun_takes_its_place(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    second = turning(world, rota, "charlie", now=NOW + HOUR)
    third = turning(world, rota, "erin", now=NOW + 2 * HOUR)
    assert third.valid_from == second.valid_from
    assert who(world, rota, third.valid_from) == ["erin"]


def test_known_at_tells_what_was_believed_then(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    at = NOW + 2 * DAY
    row, matters = overridden(world, rota, "alice", "bob", at - HOUR, at + HOUR, now=NOW + DAY)
    assert matters
    assert who(world, rota, at) == ["bob"]
    assert who(world, rota, at, known_at=NOW + DAY - timedelta(seconds=1)) == ["alice"]
    assert who(world, rota, at, known_at=NOW + DAY) == ["bob"]
    actions.cancel_override(override=row, actor=world.actor(world.bob), now=NOW + DAY + HOUR)
    assert who(world, rota, at) == ["alice"]
    assert who(world, rota, at, known_at=NOW + DAY + timedelta(minutes=30)) == ["bob"]
    turning(world, rota, "charlie", now=NOW + DAY + 2 * HOUR)
    later = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert who(world, rota, later) == ["charlie"]
    assert who(world, rota, later, known_at=NOW + DAY) == ["bob"]


def test_v29_the_past_is_frozen_and_no_later_rule_or_zone_moves_it(
    world: World, tenant: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rota = made(world, zone="Europe/Berlin")
    turning(world, rota, zone="Europe/Berlin")
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert actions.freeze(rota=rota, now=monday + HOUR) == 2
    assert who(world, rota, monday - timedelta(seconds=1)) == ["alice"]
    assert who(world, rota, monday) == ["bob"]
    # As if the zone's own rules had changed since: every local time is three hours later.
    real = queries.as_rotation

    def moved(row: RotationVersion) -> Any:
        turns = real(row)
        return type(turns)(turns.anchor + 3 * HOUR, turns.zone, turns.unit, turns.length, turns.participants)

    monkeypatch.setattr(queries, "as_rotation", moved)
    assert who(world, rota, monday) == ["bob"]
    next_monday = monday + 7 * DAY
    assert who(world, rota, next_monday) == ["bob"], "the future's boundary has moved"
    assert who(world, rota, next_monday + 3 * HOUR) == ["alice"]
    past = queries.duties(rota, NOW, next_monday)
    assert [duty.start for duty in past[:2]] == [NOW, monday]


def test_frozen_rows_are_written_once_and_never_changed(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    assert actions.freeze(rota=rota, now=NOW + DAY) == 1
    assert actions.freeze(rota=rota, now=NOW + DAY) == 0
    assert actions.freeze(rota=rota, now=NOW + HOUR) == 0
    with pytest.raises(ProgrammingError), transaction.atomic():
        FrozenDuty.objects.update(people=[])
    with pytest.raises(ProgrammingError), transaction.atomic():
        FrozenDuty.objects.all().delete()


def test_every_change_freezes_what_has_passed_first(world: World, tenant: None) -> None:
    """Cancelling an override that has begun doesn't undo the hours in which it counted."""
    rota = made(world)
    turning(world, rota)
    row, _ = overridden(world, rota, "alice", "bob", NOW, NOW + 4 * HOUR)
    actions.cancel_override(override=row, actor=world.actor(world.bob), now=NOW + 2 * HOUR)
    assert who(world, rota, NOW + HOUR) == ["bob"]
    assert who(world, rota, NOW + 2 * HOUR) == ["alice"]


def test_replacing_somebody_who_is_not_on_call_is_said(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    _, matters = overridden(world, rota, "bob", "erin", NOW + HOUR, NOW + 2 * HOUR)
    assert not matters
    assert who(world, rota, NOW + HOUR) == ["alice"]


def test_taking_this_shift_relieves_whoever_is_on_call_until_it_ends(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    bob = world.actor(world.bob)
    (row,) = actions.take_now(rota=rota, person=world.bob, by=world.bob, actor=bob, now=NOW + HOUR, reason="")
    assert (row.end, row.instead_of) == (datetime(2026, 11, 23, 9, tzinfo=UTC), world.alice)
    assert who(world, rota, NOW + HOUR) == ["bob"]
    with pytest.raises(Refused, match="on call already"):
        actions.take_now(rota=rota, person=world.bob, by=world.bob, actor=bob, now=NOW + 2 * HOUR, reason="")


def test_a_manager_takes_a_shift_for_somebody_and_into_a_gap(world: World, tenant: None) -> None:
    rota, adam = made(world), world.actor(world.adam)
    (row,) = actions.take_now(rota=rota, person=world.erin, by=world.adam, actor=adam, now=NOW, reason="nobody there")
    assert (row.change, who(world, rota, NOW)) == ("add", ["erin"])


def test_a_temporary_schedule_with_holes_and_nobody_to_fall_back_to_is_refused(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    start, end = NOW + DAY, NOW + 2 * DAY
    common: dict[str, Any] = {
        "rota": rota,
        "start": start,
        "end": end,
        "spans": [Span(start + HOUR, end, world.bob.id)],
        "by": world.adam,
        "reason": "release week",
        "actor": world.actor(world.adam),
        "now": NOW,
    }
    with pytest.raises(Refused) as refusal:
        actions.make_temporary(fallback=None, **common)
    assert refusal.value.data["holes"] == ["2026-11-21 12:00 to 2026-11-21 13:00 UTC"]
    actions.make_temporary(fallback=world.erin, **common)
    assert [who(world, rota, start + n * HOUR) for n in (-1, 0, 1)] == [["alice"], ["erin"], ["bob"]]


def test_a_shift_is_offered_by_its_holder_and_taken_by_one(world: World, tenant: None) -> None:
    rota = made(world)
    version = turning(world, rota)
    k = queries.as_rotation(version).index(NOW)
    offer: dict[str, Any] = {"rota": rota, "version": version, "now": NOW}
    bob, erin = world.actor(world.bob), world.actor(world.erin)
    with pytest.raises(Refused, match="your own"):
        actions.offer_swap(shift=k, by=world.bob, actor=bob, **offer)
    with pytest.raises(Refused, match="lies ahead"):
        actions.offer_swap(shift=k, by=world.alice, actor=world.actor(world.alice), **offer)
    swap = actions.offer_swap(shift=k + 1, by=world.bob, actor=bob, **offer)
    with pytest.raises(Refused, match="offered or swapped already"):
        actions.offer_swap(shift=k + 1, by=world.bob, actor=bob, **offer)
    with pytest.raises(Refused, match="your own"):
        actions.take_swap(swap=swap, by=world.bob, actor=bob, now=NOW)
    actions.take_swap(swap=swap, by=world.erin, actor=erin, now=NOW)
    with pytest.raises(Conflict, match="Somebody has taken"):
        actions.take_swap(swap=swap, by=world.alice, actor=world.actor(world.alice), now=NOW)
    assert who(world, rota, NOW + 7 * DAY) == ["erin"]
    assert who(world, rota, NOW + 7 * DAY, known_at=NOW - HOUR) == []


def test_of_two_who_take_a_swap_at_once_one_wins(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        rota = made(live_world)
        version = turning(live_world, rota)
        k = queries.as_rotation(version).index(NOW) + 1
        bob = live_world.actor(live_world.bob)
        swap = actions.offer_swap(rota=rota, version=version, shift=k, by=live_world.bob, actor=bob, now=NOW)

    def take(name: str) -> Any:
        user = getattr(live_world, name)
        actor = live_world.actor(user)

        def act() -> Any:
            mine = ShiftSwap.objects.select_related("version__rotation__rota").get(id=swap.id)
            return actions.take_swap(swap=mine, by=user, actor=actor, now=NOW)

        return act

    answers = at_once(live_world, take("alice"), take("erin"))
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    with tenant_transaction(live_world.tenant.id):
        assert ShiftSwap.objects.get().taken_by_id in {live_world.alice.id, live_world.erin.id}


def test_strangers_change_nothing_the_team_and_operations_do(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    for name in ("charlie", "alice"):
        with pytest.raises(Forbidden):
            overridden(world, rota, "alice", name, NOW, NOW + HOUR, actor=world.actor(getattr(world, name)))
    tenants.set_roles(
        member=Membership.objects.get(user=world.charlie, tenant=world.tenant),
        roles=["ops_lead"],
        actor=world.actor(world.adam),
    )
    overridden(world, rota, "alice", "charlie", NOW, NOW + HOUR, actor=world.actor(world.charlie))
    assert RotaOverride.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"participants": []},
        {"length": 0},
        {"anchor": datetime(2026, 11, 16, 9, tzinfo=UTC)},
        {"anchor": datetime(2026, 11, 16, 9, 0, 30)},
        {"zone": "Mars/Olympus"},
        {"hours": (frozenset(), time(9), time(17))},
    ],
)
def test_a_rotation_that_cannot_be_says_why_and_changes_nothing(
    world: World, tenant: None, change: dict[str, Any]
) -> None:
    rota = made(world)
    with pytest.raises(Invalid):
        turning(world, rota, **change)
    assert not RotationVersion.objects.filter(rotation__rota=rota).exists()


def test_strangers_to_the_tenant_are_never_on_call(world: World, tenant: None) -> None:
    rota = made(world)
    with pytest.raises(Invalid, match="Only members"):
        turning(world, rota, "alice", "mallory")
    with pytest.raises(IntegrityError), transaction.atomic():
        RotaOverride.objects.create(
            tenant=world.tenant,
            rota=rota,
            change="add",
            start=NOW,
            end=NOW + HOUR,
            person=world.mallory,
            by=world.adam,
            reason="r",
        )


def test_the_past_is_not_overridden_and_a_span_is_one(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    for start, end in ((NOW - 2 * HOUR, NOW - HOUR), (NOW + HOUR, NOW + HOUR), (NOW, NOW + 93 * DAY)):
        with pytest.raises(Invalid):
            overridden(world, rota, "alice", "bob", start, end)
    row, _ = overridden(world, rota, "alice", "bob", NOW - HOUR, NOW + HOUR)
    assert row.start == NOW, "what has passed stays as it was"


def test_a_team_has_one_rota_of_each_rank_and_zones_exist(world: World, tenant: None) -> None:
    made(world)
    with pytest.raises(Refused, match="rank 1 already"):
        made(world, name="Again")
    made(world, name="Secondary", rank=2)
    with pytest.raises(Invalid, match="IANA"):
        made(world, rank=3, zone="Europe/Atlantis")


def test_the_tick_freezes_what_is_due_across_tenants(live_world: World) -> None:
    with tenant_transaction(live_world.tenant.id):
        rota = made(live_world)
        turning(live_world, rota)
    before = queries.due(NOW).get(live_world.tenant.id, [])
    assert rota.id not in before
    later = NOW + actions.FREEZE_EVERY
    assert rota.id in queries.due(later)[live_world.tenant.id]
    tasks.freeze(tenant_id=str(live_world.tenant.id), ids=[str(rota.id)])
    with tenant_transaction(live_world.tenant.id):
        # The task looks at the clock on the wall: how many weeks have passed since NOW says how many duties there are.
        assert {duty.rota_id for duty in FrozenDuty.objects.all()} == {rota.id}
        assert Rota.objects.get(id=rota.id).frozen_until > NOW


def test_what_decides_for_many_rotas_is_read_in_two_statements(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    overridden(world, rota, "alice", "bob", NOW, NOW + HOUR)
    team = tenants.create_team(tenant_id=world.tenant.id, slug="ops", name="Ops", actor=SETUP)
    other = made(world, team=team)
    turning(world, other)
    for found in ([rota], [rota, other]):
        with CaptureQueriesContext(connection) as captured:
            queries.schedules(found)
        assert len(captured) == 2


def test_the_command_answers_for_a_team_at_an_instant_and_as_it_was_known(world: World) -> None:
    with tenant_transaction(world.tenant.id):
        rota = made(world)
        turning(world, rota)
        overridden(world, rota, "alice", "bob", NOW + 2 * DAY, NOW + 3 * DAY, now=NOW + DAY)

    def told(*arguments: str) -> str:
        out = StringIO()
        call_command("oncall", "night", "--tenant", "acme", *arguments, stdout=out)
        return out.getvalue().strip()

    at = (NOW + 2 * DAY).isoformat()
    assert told("--at", at) == "1 Support: Bob"
    assert told("--at", at, "--known-at", NOW.isoformat()) == "1 Support: Alice"
    assert told("--at", "2020-01-01T00:00:00+00:00") == "1 Support: nobody"
    with pytest.raises(CommandError, match="no rota"):
        call_command("oncall", "nowhere", "--tenant", "acme")


def test_the_turns_of_somebody_who_left_are_gaps_and_the_others_keep_theirs(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    left = Membership.objects.get(tenant=world.tenant, user=world.alice)
    tenants.end_membership(member=left, actor=world.actor(world.adam), now=NOW + HOUR)
    assert who(world, rota, NOW + 2 * HOUR) == []
    assert who(world, rota, NOW + 7 * DAY) == ["bob"]
    assert who(world, rota, NOW + 2 * HOUR, known_at=NOW) == ["alice"], "as it was known before"
    actions.freeze(rota=rota, now=NOW + 3 * HOUR)
    rota.refresh_from_db()
    assert rota.covered_until == NOW + 3 * HOUR


def test_what_is_over_and_frozen_is_read_no_more_and_still_answers(world: World, tenant: None) -> None:
    rota = made(world)
    turning(world, rota)
    overridden(world, rota, "alice", "bob", NOW, NOW + HOUR)
    assert len(queries.schedules([rota])[rota.id].overrides) == 1
    actions.freeze(rota=rota, now=NOW + 2 * HOUR)
    assert queries.schedules([rota])[rota.id].overrides == ()
    assert who(world, rota, NOW) == ["bob"]
    assert len(queries.schedules([rota], NOW + HOUR)[rota.id].overrides) == 1
