"""What goes out, in which order, how often, and what becomes of a receiver that doesn't take it."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditEntry
from apps.events import actions, queries, rules, sending
from apps.events.models import Delivery, Subscription
from apps.ownership.channels import signing
from apps.ownership.models import Notification
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction
from tests.events.cast import carry, change, fresh, happen, log, now, overdue, subscribed
from tests.ownership.alerts.receiver import Answer, Receiver
from tests.world import World


def types(hook: Receiver) -> list[str]:
    return [got.json["type"] for got in hook.received]


def answers(status: int, text: str = "", **headers: str) -> Answer:
    return lambda got: (status, {name.replace("_", "-"): value for name, value in headers.items()}, text)


def test_an_event_arrives_signed_as_a_cloud_event_of_the_trail(world: World, hook: Receiver) -> None:
    row = subscribed(world, f"{hook.address}/in?token=x")
    (seq,) = happen(world, "workload.posture_set")
    assert carry(row) == 1
    (got,), (delivery,) = hook.received, log(row)
    secret = sending.secrets_of(row, now())[0]
    assert got.path == "/in?token=x"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.headers["webhook-id"] == got.key == str(delivery.id)
    assert signing.problem(secret, got.headers, got.body, now().timestamp()) == ""
    with tenant_transaction(world.tenant.id):
        entry = AuditEntry.objects.get(seq=seq)
    assert got.json == {
        "specversion": "1.0",
        "id": str(entry.id),
        "source": f"{settings.PUBLIC_URL}/t/acme",
        "type": "causeway.workload.posture_set",
        "subject": f"workloads.workload/{world.workload.id}",
        "time": entry.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": f"{seq:019d}",
        "data": {
            "action": "workload.posture_set",
            "actor": {"kind": "task", "label": "task:setup"},
            "object": {"type": "workloads.workload", "id": str(world.workload.id)},
            "link": f"{settings.PUBLIC_URL}/t/acme/workloads/W-01/",
        },
    }
    assert (delivery.state, delivery.attempts, delivery.status, delivery.answer) == ("delivered", 1, 200, "ok")
    assert delivery.body.encode() == got.body


def test_no_value_and_no_reason_leaves_the_house(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    happen(world, "workload.posture_set")
    carry(row)
    assert b"private reason" not in hook.received[0].body and b"secret plan" not in hook.received[0].body
    with tenant_transaction(world.tenant.id):
        assert "private reason" in AuditEntry.objects.latest("seq").body, "there was something to leak"


def test_only_the_types_that_were_asked_for_go_out_in_their_order(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address, ["rollout.*", "approval.granted"])
    happen(world, "rollout.running", "alert.opened", "approval.granted", "approval.signed", "rollout.completed")
    assert carry(row) == 3
    assert types(hook) == ["causeway.rollout.running", "causeway.approval.granted", "causeway.rollout.completed"]
    with tenant_transaction(row.tenant_id):
        assert fresh(row).cursor == queries.head(row.tenant_id)


def test_what_did_not_commit_is_never_sent(live_world: World, hook: Receiver) -> None:
    row = subscribed(live_world, hook.address)

    class Undone(Exception):
        pass

    with pytest.raises(Undone), tenant_transaction(live_world.tenant.id):
        happen(live_world, "workload.edited")
        raise Undone
    assert carry(row) == 0 and hook.received == []


def test_from_its_making_on_and_nothing_from_before(world: World, hook: Receiver) -> None:
    happen(world, "workload.edited")
    row = subscribed(world, hook.address, ["*"])
    carry(row)
    assert types(hook) == ["causeway.subscription.created"]


def test_more_than_one_batch_keeps_the_order(world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BATCH", 3)
    row = subscribed(world, hook.address)
    seqs = happen(world, *["workload.edited", "alert.opened"] * 4)
    carry(row)
    assert [int(got.json["sequence"]) for got in hook.received] == seqs[::2]


def test_two_events_have_two_ids_and_a_repeat_has_the_first_one_and_the_same_bytes(
    world: World, hook: Receiver
) -> None:
    row = subscribed(world, hook.address)
    happen(world, "workload.edited")
    hook.answer = answers(500, "no")
    carry(row)
    overdue(row)
    hook.answer = answers(204)
    happen(world, "workload.stage_set")
    carry(row)
    first, again, other = hook.received
    assert first.key == again.key != other.key
    assert first.body == again.body
    assert [each["status"] for each in log(row)[0].tries] == [500, 204]


def test_one_event_that_is_refused_is_tried_again_by_itself_while_later_ones_go_on(
    world: World, hook: Receiver
) -> None:
    row = subscribed(world, hook.address)
    hook.answer = lambda got: (422 if got.json["type"].endswith("edited") else 200, {}, "bad shape")
    happen(world, "workload.edited", "workload.stage_set", "workload.offered")
    began = now()
    assert carry(row) == 3
    assert types(hook) == ["causeway.workload.edited", "causeway.workload.stage_set", "causeway.workload.offered"]
    bad, *others = log(row)
    assert [each.state for each in others] == ["delivered", "delivered"]
    assert (bad.state, bad.attempts, bad.status, bad.answer) == ("pending", 1, 422, "bad shape")
    assert timedelta(seconds=5) <= bad.due_at - began < timedelta(seconds=8)
    assert fresh(row).failures == 0


def test_a_receiver_that_is_down_is_left_alone_and_owed_everything(world: World, hook: Receiver) -> None:
    """After three failures in a row it is asked with its oldest event alone; nothing else is tried, or piles up."""
    row = subscribed(world, hook.address)
    hook.answer = answers(502)
    seqs = happen(world, *["workload.edited"] * 10)
    assert carry(row) == 3
    found = fresh(row)
    assert found.failures == 3 and found.is_failing
    assert found.rest_until is not None and timedelta(seconds=8) < found.rest_until - now() <= timedelta(seconds=10)
    assert carry(row) == 0
    change(row, rest_until=now())
    assert carry(row) == 1
    assert [each.attempts for each in log(row)] == [2, 1, 1, *[0] * 7]
    found = fresh(row)
    assert found.failures == 4 and found.rest_until is not None
    assert timedelta(seconds=25) < found.rest_until - now() <= timedelta(seconds=30)

    hook.answer = answers(200)
    change(row, rest_until=now())
    hook.received.clear()
    assert carry(row) == 10
    assert [int(got.json["sequence"]) for got in hook.received] == seqs
    assert {each.state for each in log(row)} == {"delivered"}
    found = fresh(row)
    assert (found.failures, found.failing_since, found.rest_until) == (0, None, None)


def test_behind_a_receiver_that_is_down_the_trail_waits_and_no_table_grows(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH", 4)
    row = subscribed(world, hook.address)
    hook.answer = answers(503)
    happen(world, *["workload.edited"] * 20)
    for _ in range(6):
        carry(row)
        overdue(row)
    assert len(log(row)) == 4


@pytest.mark.parametrize(
    ("status", "said", "most"),
    [(429, "120", 120), (503, "7200", 3_600), (503, "soon", 0), (500, "120", 0)],
)
def test_a_receiver_that_says_when_is_asked_then_but_within_the_hour(
    world: World, hook: Receiver, status: int, said: str, most: int
) -> None:
    row = subscribed(world, hook.address)
    hook.answer = answers(status, "later", Retry_After=said)
    happen(world, "workload.edited")
    carry(row)
    until = fresh(row).rest_until
    if not most:
        assert until is None
        return
    assert until is not None and timedelta(seconds=most - 3) < until - now() <= timedelta(seconds=most)
    assert log(row)[0].due_at == until
    assert carry(row) == 0


def test_an_event_is_given_up_after_three_days_and_the_next_one_goes_on(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    hook.answer = answers(400, "never")
    happen(world, "workload.edited")
    carry(row)
    with tenant_transaction(row.tenant_id):
        Delivery.objects.update(first_at=now() - rules.GIVE_UP)
    overdue(row)
    carry(row)
    (given_up,) = log(row)
    assert (given_up.state, given_up.attempts) == ("failed", 2)
    assert given_up.done_at is not None
    hook.answer = answers(200)
    happen(world, "workload.stage_set")
    carry(row)
    assert [each.state for each in log(row)] == ["failed", "delivered"]


def test_gone_ends_the_subscription_and_its_managers_are_told(live_world: World, hook: Receiver) -> None:
    row = subscribed(live_world, hook.address)
    hook.answer = answers(410, "moved out")
    happen(live_world, "workload.edited", "workload.stage_set")
    assert carry(row) == 1
    found = fresh(row)
    assert (found.state, found.why) == ("stopped", "The receiver answered 410 Gone: it wants no more events.")
    assert [each.state for each in log(row)] == ["failed", "pending"]
    with tenant_transaction(row.tenant_id):
        told = Notification.objects.get(title="Events to lake are stopped")
        assert (told.person_id, told.link) == (live_world.adam.id, f"/t/acme/events/{row.id}/")
        entry = AuditEntry.objects.latest("seq")
        assert (entry.action, entry.actor) == ("subscription.stopped", "task:events.courier")
    assert queries.due(now()) == {}


def test_after_five_days_of_failure_alone_it_is_stopped_and_nothing_is_lost(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    hook.answer = answers(500, "down")
    happen(world, "workload.edited")
    carry(row)
    change(row, failing_since=now() - rules.STOP_AFTER + timedelta(minutes=1))
    overdue(row)
    carry(row)
    assert fresh(row).state == "active"
    change(row, failing_since=now() - rules.STOP_AFTER)
    overdue(row)
    carry(row)
    assert (fresh(row).state, fresh(row).why) == ("stopped", "Nothing got through for 5 days; last: 500 down")
    happen(world, "workload.stage_set")
    hook.answer = answers(200)
    with tenant_transaction(row.tenant_id):
        adam = world.actor(world.adam)
        actions.resume(subscription=row, from_now=False, actor=adam, now=now())
    overdue(row)
    hook.received.clear()
    carry(row)
    assert types(hook) == ["causeway.workload.edited", "causeway.workload.stage_set"]


def test_a_redirect_is_no_success_and_is_not_followed(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    hook.answer = answers(302, "", Location=f"{hook.address}/elsewhere")
    happen(world, "workload.edited")
    carry(row)
    (found,) = log(row)
    assert found.tries[0]["said"] == "302: redirects aren't followed; enter the address where it leads"
    assert {got.path for got in hook.received} == {"/"}


def test_a_name_that_leads_to_a_private_address_later_is_refused_then(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address.replace("127.0.0.1", "localhost"))
    happen(world, "workload.edited")
    with override_settings(OUTBOUND_NETWORKS=[]):
        carry(row)
    assert hook.received == []
    (found,) = log(row)
    assert (found.state, found.status) == ("pending", 0)
    assert found.answer == "localhost is a private address; messages go to public ones alone."


def test_an_answer_is_kept_short_and_without_control_characters(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    hook.answer = answers(500, "bad\x00\x1b[31m\r\nSet-Cookie: x\u202e " + "y" * 5_000)
    happen(world, "workload.edited")
    carry(row)
    (found,) = log(row)
    assert found.answer.startswith("bad\ufffd [31m Set-Cookie: x yyy") and len(found.answer) == 500
    assert found.answer.isprintable()


def test_an_address_that_no_key_opens_is_said_and_not_a_crash(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    happen(world, "workload.edited")
    with override_settings(SEALING_KEYS=["another"]):
        assert carry(row) == 1
    assert "SEALING_KEYS" in log(row)[0].answer
    overdue(row)
    carry(row)
    assert log(row)[0].state == "delivered"


def test_a_new_secret_and_the_former_one_both_sign_for_a_day(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    former = sending.secrets_of(row, now())[0]
    with tenant_transaction(row.tenant_id):
        row = actions.rotate(subscription=row, keep_former=True, actor=adam, now=now())
    happen(world, "workload.edited")
    carry(row)
    (got,) = hook.received
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    new = sending.secrets_of(row, now())[0]
    assert new != former
    for secret in (new, former):
        assert signing.problem(secret, got.headers, got.body, now().timestamp()) == ""
    assert sending.secrets_of(row, now() + timedelta(hours=24)) == [new]


def test_a_secret_that_leaked_signs_no_more_from_now_on(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    leaked = sending.secrets_of(row, now())[0]
    with tenant_transaction(row.tenant_id):
        row = actions.rotate(subscription=row, keep_former=False, actor=adam, now=now())
    happen(world, "workload.edited")
    carry(row)
    (got,) = hook.received
    assert signing.problem(leaked, got.headers, got.body, now().timestamp()) != ""


def test_a_subscription_is_leased_to_one_sender_and_a_late_word_does_not_count(world: World, hook: Receiver) -> None:
    row = subscribed(world, hook.address)
    happen(world, "workload.edited", "workload.stage_set")
    began = now()
    slow = sending.claim(row.tenant_id, row.id, began)
    assert slow is not None
    assert sending.claim(row.tenant_id, row.id, began + sending.LEASE - timedelta(seconds=1)) is None
    quick = sending.claim(row.tenant_id, row.id, began + sending.LEASE)
    assert quick is not None and quick.delivery_id == slow.delivery_id and quick.fence == slow.fence + 1
    assert sending.settle(quick, rules.Answered(200, "ok"), now())
    assert not sending.settle(slow, rules.Answered(500, "late"), now())
    first = log(row)[0]
    assert (first.state, first.answer, first.attempts) == ("delivered", "ok", 2)


def test_a_paused_one_sends_nothing_and_goes_on_where_it_stopped(live_world: World, hook: Receiver) -> None:
    row, adam = subscribed(live_world, hook.address), live_world.actor(live_world.adam)
    with tenant_transaction(row.tenant_id):
        actions.pause(subscription=row, actor=adam)
    happen(live_world, "workload.edited")
    assert carry(row) == 0 and queries.due(now()) == {}
    with tenant_transaction(row.tenant_id):
        actions.resume(subscription=row, from_now=False, actor=adam, now=now())
    assert carry(row) == 1


def test_resuming_from_now_skips_what_waited(world: World, hook: Receiver) -> None:
    row, adam = subscribed(world, hook.address), world.actor(world.adam)
    hook.answer = answers(500)
    happen(world, "workload.edited")
    carry(row)
    with tenant_transaction(row.tenant_id):
        actions.pause(subscription=row, actor=adam)
    happen(world, "workload.stage_set")
    with tenant_transaction(row.tenant_id):
        actions.resume(subscription=row, from_now=True, actor=adam, now=now())
    hook.answer = answers(200)
    hook.received.clear()
    happen(world, "workload.offered")
    carry(row)
    assert types(hook) == ["causeway.workload.offered"]
    assert [each.state for each in log(row)] == ["skipped", "delivered"]


def test_nothing_goes_to_a_removed_one_and_its_address_is_forgotten(live_world: World, hook: Receiver) -> None:
    row, adam = subscribed(live_world, hook.address), live_world.actor(live_world.adam)
    happen(live_world, "workload.edited")
    with tenant_transaction(row.tenant_id):
        actions.remove(subscription=row, actor=adam, now=now())
    assert carry(row) == 0 and queries.due(now()) == {}
    assert fresh(row).sealed == ""


def test_a_turn_ends_after_a_few_seconds_and_the_rest_is_due_at_once(
    live_world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TURN", 0.001)
    row = subscribed(live_world, hook.address)
    happen(live_world, "workload.edited", "workload.stage_set")
    assert carry(row) == 1
    assert queries.due(now()) == {row.tenant_id: [row.id]}


def test_finding_what_is_due_is_one_statement_for_all_tenants(live_world: World, hook: Receiver) -> None:
    ours = subscribed(live_world, hook.address)
    busy = subscribed(live_world, hook.address, name="held")
    theirs = subscribed(live_world, hook.address, tenant=live_world.other)
    for tenant in (live_world.tenant, live_world.other):
        happen(live_world, "workload.edited", tenant=tenant)
    change(busy, leased_until=now() + timedelta(minutes=1))
    with CaptureQueriesContext(connections["ops"]) as captured:
        found = queries.due(now())
    assert len([query for query in captured if "events_subscription" in query["sql"]]) == 1
    assert found == {ours.tenant_id: [ours.id], theirs.tenant_id: [theirs.id]}
    carry(ours)
    assert list(queries.due(now())) == [theirs.tenant_id]


def test_whoever_waited_longest_for_a_turn_is_first(live_world: World, hook: Receiver) -> None:
    first, second = subscribed(live_world, hook.address), subscribed(live_world, hook.address, name="b")
    happen(live_world, "workload.edited")
    change(first, worked_at=now())
    change(second, worked_at=now() - timedelta(seconds=1))
    assert queries.due(now())[first.tenant_id] == [second.id, first.id]


def test_events_go_past_the_outbox_and_so_past_the_pages(world: World, hook: Receiver) -> None:
    """0008: a flood of events stands in no page's way."""
    row = subscribed(world, hook.address)
    with tenant_transaction(row.tenant_id):
        before = OutboxMessage.objects.count()
    happen(world, *["workload.edited"] * 5)
    carry(row)
    with tenant_transaction(row.tenant_id):
        assert OutboxMessage.objects.count() == before


def test_what_can_not_be_served_is_left_alone_for_a_minute(
    live_world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.events import courier

    row = subscribed(live_world, hook.address)
    happen(live_world, "workload.edited")
    with tenant_transaction(row.tenant_id):
        Subscription.objects.filter(id=row.id).update(patterns=7)
    courier._turn(row.tenant_id, row.id)
    assert queries.due(now()) == {}
    until = fresh(row).rest_until
    assert until is not None and timedelta(seconds=55) < until - now() <= timedelta(seconds=60)


def test_the_body_is_utf_8_json_that_is_signed_to_the_byte() -> None:
    told = rules.Happened(
        id=sending.UUID(int=1),
        seq=None,
        at=now(),
        action="test",
        object_type="a.b",
        object_id="1",
        actor="Zoë",
        actor_kind="x",
    )
    body = rules.encoded(rules.cloud_event(told, source="s", link=""))
    assert "Zoë" in body and "sequence" not in json.loads(body) and "link" not in json.loads(body)["data"]
