"""Subscriptions, tests and replays: what is refused changes nothing; what is done stands in the trail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from apps.audit.models import AuditEntry
from apps.events import actions, queries, sending
from apps.events.models import Delivery, Replay, Subscription
from apps.events.queries import Span
from portal.errors import Conflict, Forbidden, Invalid, NotFound, PortalError, Refused
from portal.secrets import unseal
from portal.tenancy.context import tenant_transaction
from tests.events.cast import carry, fresh, happen, log, now, overdue, replays, subscribed
from tests.ownership.alerts.receiver import Receiver
from tests.world import World


def subscribe(world: World, **options: Any) -> Subscription:
    said = {"name": "lake", "address": "https://93.184.215.14/hook", "patterns": ["*"], **options}
    by = said.pop("by", world.adam)
    with tenant_transaction(world.tenant.id):
        return actions.subscribe(tenant_id=world.tenant.id, by=by, actor=world.actor(by), now=now(), **said)


def none_made(world: World) -> bool:
    with tenant_transaction(world.tenant.id):
        return (
            not Subscription.objects.exists() and not AuditEntry.objects.filter(action="subscription.created").exists()
        )


def test_the_address_is_sealed_and_stands_neither_in_the_trail_nor_in_clear(world: World) -> None:
    row = subscribe(world, address="https://93.184.215.14/hooks/T0/very-secret-part?k=9876")
    assert row.shown == "93.184.215.14/…9876"
    assert "very-secret" not in row.sealed and unseal(row.sealed).endswith("very-secret-part?k=9876")
    with tenant_transaction(world.tenant.id):
        entry = AuditEntry.objects.get(action="subscription.created")
    assert "very-secret" not in entry.body and "whsec_" not in entry.body and row.sealed not in entry.body


def test_of_a_short_address_nothing_but_the_host_is_shown(world: World) -> None:
    assert subscribe(world, address="https://93.184.215.14/abc").shown == "93.184.215.14/…"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://10.0.0.1/x", "private_address"),
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("https://localhost/x", "private_address"),
        ("https://[::ffff:10.0.0.1]/x", "private_address"),
        ("http://93.184.215.14/x", "not_https"),
        ("https://user:pass@93.184.215.14/x", "address"),
        ("https://93.184.215.14/x\r\nX-Evil: 1", "address"),
        ("gopher://93.184.215.14/", "address"),
        ("", "address"),
    ],
)
def test_an_address_that_messages_may_not_go_to_is_refused(world: World, address: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        subscribe(world, address=address)
    assert refused.value.code == code and none_made(world)


@override_settings(OUTBOUND_HOSTS=["hooks.example.com"])
def test_where_the_operator_lists_hosts_events_go_to_those_alone(world: World) -> None:
    with pytest.raises(Invalid, match="may not go to"):
        subscribe(world)
    assert none_made(world)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines", "nul\x00"])
def test_a_name_is_one_line_of_text(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        subscribe(world, name=name)
    assert none_made(world)


def test_a_pattern_that_can_never_match_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match=r"ever match rolout\.\*"):
        subscribe(world, patterns=["rolout.*"])
    assert none_made(world)


@pytest.mark.parametrize("who", ["alice", "charlie", "gina", "audrey"])
def test_only_whoever_may_make_tokens_may_subscribe(world: World, who: str) -> None:
    with pytest.raises(Forbidden):
        subscribe(world, by=getattr(world, who))
    assert none_made(world)


def test_twenty_subscriptions_are_enough_and_a_removed_one_makes_room(world: World) -> None:
    rows = [subscribe(world, name=f"n{number}") for number in range(20)]
    with pytest.raises(Refused, match="20 subscriptions are enough"):
        subscribe(world, name="one more")
    with tenant_transaction(world.tenant.id):
        assert queries.subscriptions(world.tenant.id).count() == 20
        actions.remove(subscription=rows[0], actor=world.actor(world.adam), now=now())
    assert subscribe(world, name="one more").state == "active"


def test_two_can_not_have_one_name_and_the_trail_says_nothing_of_the_second(world: World) -> None:
    subscribe(world)
    other = subscribe(world, name="other")
    with pytest.raises(Refused, match="There is a subscription 'lake' already"):
        subscribe(world)
    adam = world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Refused):
            actions.change(subscription=other, name="lake", patterns=["*"], actor=adam)
        assert fresh(other).name == "other"
        assert AuditEntry.objects.filter(action="subscription.created").count() == 2


def test_a_change_counts_for_what_happens_after_it_and_keeps_the_address(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        actions.change(subscription=row, name="new name", patterns=["gate.*"], actor=adam)
    happen(world, "workload.edited", "gate.opened")
    carry(row)
    assert [got.json["type"] for got in hook.received] == ["causeway.gate.opened"]
    with tenant_transaction(world.tenant.id), pytest.raises(Invalid):
        actions.change(subscription=row, name="x", patterns=["*"], address="http://10.0.0.1/", actor=adam)
    assert fresh(row).name == "new name" and unseal(fresh(row).sealed) == hook.address


def test_looking_at_the_secret_is_written_down_and_it_stands_nowhere(world: World) -> None:
    row, adam = subscribe(world), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        secret = actions.show_secret(subscription=row, actor=adam, now=now())
        assert secret.startswith("whsec_")
        entry = AuditEntry.objects.latest("seq")
        assert (entry.action, entry.actor) == ("subscription.secret_shown", "adam@example.org")
        assert not any(secret[6:] in body for body in AuditEntry.objects.values_list("body", flat=True))


Verb = Callable[[Subscription, Any], object]
VERBS: dict[str, Verb] = {
    "change": lambda row, who: actions.change(subscription=row, name="n", patterns=["*"], actor=who),
    "pause": lambda row, who: actions.pause(subscription=row, actor=who),
    "resume": lambda row, who: actions.resume(subscription=row, from_now=True, actor=who, now=now()),
    "try_now": lambda row, who: actions.try_now(subscription=row, actor=who, now=now()),
    "remove": lambda row, who: actions.remove(subscription=row, actor=who, now=now()),
    "rotate": lambda row, who: actions.rotate(subscription=row, keep_former=True, actor=who, now=now()),
    "show_secret": lambda row, who: actions.show_secret(subscription=row, actor=who, now=now()),
    "send_test": lambda row, who: actions.send_test(subscription=row, actor=who, now=now()),
    "cancel_replay": lambda row, who: actions.cancel_replay(subscription=row, actor=who, now=now()),
    "replay": lambda row, who: actions.replay(
        subscription=row, span=Span(1, 1, 1), by=row.created_by, actor=who, now=now()
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_else_changes_a_subscription_in_any_way(world: World, verb: str) -> None:
    row, alice = subscribe(world), world.actor(world.alice)
    with tenant_transaction(world.tenant.id):
        before = (AuditEntry.objects.count(), Delivery.objects.count(), Replay.objects.count())
        with pytest.raises(Forbidden):
            VERBS[verb](row, alice)
        assert (AuditEntry.objects.count(), Delivery.objects.count(), Replay.objects.count()) == before
        kept = Subscription.objects.get(id=row.id)
        assert (kept.state, kept.secret_number, kept.removed_at, kept.name) == ("active", 1, None, "lake")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "show_secret"])
def test_what_was_removed_stays_removed(world: World, verb: str) -> None:
    row, adam = subscribe(world), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        actions.remove(subscription=row, actor=adam, now=now())
        with pytest.raises(Conflict, match="removed"):
            VERBS[verb](row, adam)


def test_a_test_event_says_so_and_is_not_sent_twice_over(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        made = actions.send_test(subscription=row, actor=adam, now=now())
        with pytest.raises(Conflict, match="waits still"):
            actions.send_test(subscription=row, actor=adam, now=now())
    carry(row)
    (got,) = hook.received
    assert (got.key, got.json["type"]) == (str(made.id), "causeway.test")
    assert "sequence" not in got.json
    assert got.json["data"]["actor"] == {"kind": "person", "label": "adam@example.org"}
    assert got.json["data"]["link"].endswith(f"/t/acme/events/{row.id}/")
    with tenant_transaction(world.tenant.id):
        actions.send_test(subscription=row, actor=adam, now=now())
        with pytest.raises(Refused, match="another one"):
            actions.resend(delivery=made, by=world.adam, actor=adam, now=now())


def test_one_event_sent_again_has_a_new_webhook_id_and_its_old_event_id(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    happen(world, "workload.edited")
    carry(row)
    (first,) = log(row)
    with tenant_transaction(world.tenant.id):
        first = queries.delivery(row, first.id)
        made = actions.resend(delivery=first, by=world.adam, actor=adam, now=now())
        with pytest.raises(Conflict, match="waits still"):
            actions.resend(delivery=made, by=world.adam, actor=adam, now=now())
    carry(row)
    was, again = hook.received
    assert was.key != again.key == str(made.id)
    assert was.json == again.json
    assert (made.run, made.seq, made.event) == (1, first.seq, first.event)


def test_a_replay_sends_what_matches_in_order_and_says_how_far_it_is(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.events.sending.BATCH", 2)
    seqs = happen(world, "workload.edited", "alert.opened", "workload.stage_set", "workload.offered")
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        span = queries.span(row, first=seqs[0])
        assert (span.first, span.total) == (seqs[0], 3)
        made = actions.replay(subscription=row, span=span, by=world.adam, actor=adam, now=now())
        assert queries.sent_again(row, [made.number]) == {}
        with pytest.raises(Conflict, match="runs already"):
            actions.replay(subscription=row, span=span, by=world.adam, actor=adam, now=now())
    carry(row)
    assert [int(got.json["sequence"]) for got in hook.received] == [seqs[0], seqs[2], seqs[3]]
    with tenant_transaction(world.tenant.id):
        assert queries.sent_again(row, [made.number]) == {1: 3}
    assert replays(row)[0].finished_at is not None


def test_what_happens_during_a_replay_goes_out_before_the_rest_of_it(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.events.sending.BATCH", 5)
    seqs = happen(world, *["workload.edited"] * 4)
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    with tenant_transaction(world.tenant.id):
        actions.replay(subscription=row, span=queries.span(row, first=seqs[0]), by=world.adam, actor=adam, now=now())
    work = sending.claim(row.tenant_id, row.id, now())
    assert work is not None
    new = happen(world, "workload.stage_set")
    sending.settle(work, sending.attempt(work, 0), now())
    carry(row)
    assert [int(got.json["sequence"]) for got in hook.received] == [seqs[0], *new, *seqs[1:]]


def test_a_replay_from_an_instant_begins_at_the_first_entry_from_then_on(world: World, hook: Receiver) -> None:
    happen(world, "workload.edited")
    row = subscribed(world, hook.address)
    between = now()
    seqs = happen(world, "workload.edited", "workload.offered")
    with tenant_transaction(world.tenant.id):
        assert queries.span(row, since=between) == Span(seqs[0], seqs[1], 2)
        assert queries.span(row, since=between - timedelta(days=9)).first == 1
        with pytest.raises(NotFound, match="Nothing has happened since then"):
            queries.span(row, since=now())
        with pytest.raises(NotFound):
            queries.span(row, first=seqs[1] + 1)


@pytest.mark.parametrize(("total", "words"), [(100_001, "100,000 events at most"), (0, "Nothing since then")])
def test_a_replay_is_bounded_and_never_empty(world: World, total: int, words: str) -> None:
    row, adam = subscribe(world), world.actor(world.adam)
    with tenant_transaction(world.tenant.id), pytest.raises(Refused, match=words):
        actions.replay(subscription=row, span=Span(1, 2, total), by=world.adam, actor=adam, now=now())
    assert replays(row) == []


def test_counting_stops_right_behind_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_REPLAYED", 2)
    monkeypatch.setattr(actions, "MOST_REPLAYED", 2)
    row, adam = subscribe(world), world.actor(world.adam)
    happen(world, *["workload.edited"] * 5)
    with tenant_transaction(world.tenant.id):
        assert queries.span(row, first=1).total == 3
        actions.pause(subscription=row, actor=adam)
        with pytest.raises(Refused, match="resume from now"):
            actions.resume(subscription=row, from_now=False, actor=adam, now=now())
        assert fresh(row).state == "paused"


def test_a_replay_that_is_broken_off_sends_no_more(world: World, hook: Receiver) -> None:
    seqs = happen(world, *["workload.edited"] * 5)
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    hook.answer = lambda got: (500, {}, "")
    with tenant_transaction(world.tenant.id):
        actions.replay(subscription=row, span=queries.span(row, first=seqs[0]), by=world.adam, actor=adam, now=now())
    carry(row)
    with tenant_transaction(world.tenant.id):
        actions.cancel_replay(subscription=row, actor=adam, now=now())
        with pytest.raises(Conflict, match="No replay runs"):
            actions.cancel_replay(subscription=row, actor=adam, now=now())
    overdue(row)
    hook.received.clear()
    assert carry(row) == 0 and hook.received == []
    assert {each.state for each in log(row)} == {"skipped"} and replays(row)[0].is_cancelled


def test_trying_now_ends_the_rest_and_makes_all_that_waits_due(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    hook.answer = lambda got: (429, {"Retry-After": "3000"}, "")
    happen(world, "workload.edited")
    carry(row)
    assert carry(row) == 0
    hook.answer = lambda got: (200, {}, "")
    with tenant_transaction(world.tenant.id):
        actions.try_now(subscription=row, actor=adam, now=now())
    assert carry(row) == 1
    with tenant_transaction(world.tenant.id):
        actions.pause(subscription=row, actor=adam)
        with pytest.raises(Conflict, match="resume it"):
            actions.try_now(subscription=row, actor=adam, now=now())


@pytest.mark.parametrize(("verb", "words"), [("resume", "active already"), ("cancel_replay", "No replay runs")])
def test_what_is_so_already_is_said(world: World, verb: str, words: str) -> None:
    row, adam = subscribe(world), world.actor(world.adam)
    with tenant_transaction(world.tenant.id), pytest.raises(PortalError, match=words):
        VERBS[verb](row, adam)
