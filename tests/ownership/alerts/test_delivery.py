"""CALL-3, CALL-5: what goes out, to whom, in what words, and what becomes of a receiver that doesn't take it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.test import override_settings

from apps.ownership.alerts import actions, digests
from apps.ownership.channels import actions as channels
from apps.ownership.channels import signing
from apps.ownership.channels.send import secret_of
from apps.ownership.models import Alert, Channel, Notification
from apps.ownership.models.alerts import Severity
from apps.ownership.models.channels import ChannelKind, SendState, Urgency
from portal import outbound
from portal.errors import Forbidden, Invalid, Refused
from portal.models import OutboxMessage
from portal.outbox import actions as outbox
from portal.outbox import queries as due
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import LEAD, MINUTE, fresh, opened, person_step, policy_of, reachable
from tests.ownership.alerts.receiver import Receiver, receiver
from tests.world import World

LOOPBACK = override_settings(OUTBOUND_NETWORKS=["127.0.0.0/8"])


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with LOOPBACK, receiver() as found:
        yield found


def now() -> datetime:
    return datetime.now(UTC)


def bob_by(world: World, address: str, kind: ChannelKind = ChannelKind.WEBHOOK) -> Channel:
    channel = reachable(world.tenant, world.bob, address, kind)
    policy_of(world, person_step(world.bob, 5), repeats=0)
    return channel


def deliver(world: World, when: datetime | None = None) -> int:
    """All that is due, as the pager would."""
    with tenant_transaction(world.tenant.id):
        ids = list(OutboxMessage.objects.order_by("due_at").values_list("id", flat=True))
    return sum(outbox.deliver(tenant_id=world.tenant.id, message_ids=[i], now=when or now()) for i in ids)


def intents(alert: Alert) -> list[Notification]:
    with tenant_transaction(alert.tenant_id):
        rows = Notification.objects.filter(alert=alert.id, channel__isnull=False)
        return list(rows.order_by("entry", "due_at", "id"))


def test_a_page_arrives_signed_with_its_key_and_a_link(live_world: World, hook: Receiver) -> None:
    channel = bob_by(live_world, f"{hook.address}/page?x=1")
    alert = opened(live_world, now(), severity=Severity.CRITICAL, link="/t/acme/rollouts/1/")
    assert deliver(live_world) == 1
    (got,) = hook.received
    (intent,) = intents(alert)
    assert (got.path, got.key, got.headers["webhook-id"]) == ("/page?x=1", str(intent.id), str(intent.id))
    assert signing.problem(secret_of(channel.id), got.headers, got.body, now().timestamp()) == ""
    assert got.json["type"] == "causeway.alert.page"
    assert (got.json["data"]["alert"], got.json["data"]["severity"]) == (str(alert.id), "critical")
    assert got.json["data"]["links"]["Evidence"].endswith("/t/acme/rollouts/1/")
    assert (intent.state, intent.attempts, intent.error) == (SendState.SENT, 1, "")
    assert intent.sent_at is not None and intent.sent_at >= intent.due_at


def test_slack_gets_text_and_buttons_that_nobodys_words_can_turn_into_a_mention(
    live_world: World, hook: Receiver
) -> None:
    bob_by(live_world, f"{hook.address}/services/T/B/x", ChannelKind.SLACK)
    opened(live_world, now(), summary="<!channel> & more")
    deliver(live_world)
    (got,) = hook.received
    assert "&lt;!channel&gt; &amp; more" in got.json["text"] and "<!channel>" not in got.json["text"]
    buttons = got.json["blocks"][2]["elements"]
    assert [button["text"]["text"] for button in buttons] == ["Acknowledge", "Look at it"]


def test_mail_carries_the_key_as_its_message_id(live_world: World) -> None:
    bob_by(live_world, "bob@example.org", ChannelKind.EMAIL)
    alert = opened(live_world, now(), summary="Two\nlines")
    deliver(live_world)
    (sent,) = mail.outbox
    assert (sent.to, "\n" in sent.subject) == (["bob@example.org"], False)
    assert str(intents(alert)[0].id) in sent.extra_headers["Message-ID"]
    assert "/act/" in sent.body


def test_the_words_are_those_of_the_alert_as_it_is_when_they_go_out(live_world: World, hook: Receiver) -> None:
    """2.4, 8: a repeated page doesn't tell an old story."""
    bob_by(live_world, hook.address)
    opened(live_world, now())
    opened(live_world, now())
    deliver(live_world)
    assert hook.received[0].json["data"]["occurrences"] == 2


def test_what_somebody_acknowledged_does_not_go_out(live_world: World, hook: Receiver) -> None:
    bob_by(live_world, hook.address)
    alert = opened(live_world, now())
    with tenant_transaction(live_world.tenant.id):
        # As if the acknowledgement had come between the claim and the look: the intent still waits.
        actions.acknowledge(alert=alert, by=live_world.alice, actor=LEAD, now=now())
        Notification.objects.filter(channel__isnull=False).update(state=SendState.PENDING)
    deliver(live_world)
    assert hook.received == []
    assert [(row.state, row.error) for row in intents(alert)] == [("cancelled", "The alert is acknowledged.")]


def test_a_receiver_that_is_down_gets_it_later_with_the_same_key(live_world: World, hook: Receiver) -> None:
    bob_by(live_world, hook.address)
    alert = opened(live_world, now())
    hook.answer = lambda got: (503, {"Retry-After": "7"}, "busy")
    began = now()
    assert deliver(live_world, began) == 0
    with tenant_transaction(live_world.tenant.id):
        message = OutboxMessage.objects.get(topic="notify")
        assert (message.due_at, message.last_error) == (began + timedelta(seconds=7), "503 busy")
    (intent,) = intents(alert)
    assert (intent.state, intent.attempts, intent.error) == ("pending", 1, "503 busy")
    hook.answer = lambda got: (200, {}, "")
    assert deliver(live_world, began + timedelta(seconds=7)) == 1
    assert hook.keys == [str(intent.id)] * 2
    with tenant_transaction(live_world.tenant.id):
        assert Channel.objects.get().failing_since is None


@pytest.mark.parametrize("status", [400, 404, 410, 301])
def test_a_refusal_is_final_is_shown_and_the_next_step_is_due_at_once(
    live_world: World, hook: Receiver, status: int
) -> None:
    bob_by(live_world, hook.address)
    hook.answer = lambda got: (status, {"Location": "http://127.0.0.1:1/"}, "no_service")
    alert = opened(live_world, now() - MINUTE)
    assert fresh(alert).due_at == alert.created_at + 5 * MINUTE
    deliver(live_world)
    (intent,) = intents(alert)
    assert (intent.state, intent.error) == ("failed", f"{status} no_service")
    due_at = fresh(alert).due_at
    assert due_at is not None and due_at <= now()
    with tenant_transaction(live_world.tenant.id):
        channel = Channel.objects.get()
        assert channel.failing_since is not None and channel.last_error == f"{status} no_service"


def test_one_channel_of_two_that_fails_does_not_hurry_the_climb(live_world: World, hook: Receiver) -> None:
    bob_by(live_world, f"{hook.address}/bad")
    reachable(live_world.tenant, live_world.bob, f"{hook.address}/good", ChannelKind.WEBHOOK)
    hook.answer = lambda got: (410 if got.path == "/bad" else 200, {}, "")
    alert = opened(live_world, now())
    deliver(live_world)
    assert sorted(row.state for row in intents(alert)) == ["failed", "sent"]
    assert fresh(alert).due_at == alert.created_at + 5 * MINUTE


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1/x",
        "http://127.0.0.1/x",
        "https://localhost/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[64:ff9b::7f00:1]/x",
        "http://2130706433/x",
        "http://0x7f.1/x",
        "http://user:pass@93.184.215.14/x",
        "http://93.184.215.14/x",
        "https://93.184.215.14/x#part",
        "ftp://93.184.215.14/x",
        "https:///x",
        "https://host:99999/x",
        "not an address",
    ],
)
def test_a_webhook_to_a_private_or_odd_address_is_refused(world: World, address: str) -> None:
    bob = world.actor(world.bob)
    with tenant_transaction(world.tenant.id):
        with pytest.raises(Invalid):
            add(world, address, bob)
        assert not Channel.objects.exists()


@override_settings(OUTBOUND_HOSTS=["hooks.example.com", ".corp.example"])
def test_where_the_operator_lists_hosts_messages_go_to_those_alone(world: World) -> None:
    bob = world.actor(world.bob)
    with tenant_transaction(world.tenant.id):
        for fine in ("https://hooks.example.com/x", "https://a.corp.example/x"):
            add(world, fine, bob)
        for other in ("https://example.com/x", "https://evilcorp.example/x", "https://hooks.example.com.evil.test/x"):
            with pytest.raises(Invalid, match="may not go to"):
                add(world, other, bob)


def test_a_name_that_leads_to_a_private_address_when_it_is_sent_is_refused_then(
    live_world: World, hook: Receiver
) -> None:
    """The check at sending is the one that counts: names change."""
    bob_by(live_world, hook.address.replace("127.0.0.1", "localhost"))
    alert = opened(live_world, now())
    with override_settings(OUTBOUND_NETWORKS=[]):
        deliver(live_world)
    assert hook.received == []
    assert "private address" in intents(alert)[0].error


def add(world: World, address: str, actor: Any, kind: ChannelKind = ChannelKind.WEBHOOK) -> Channel:
    return channels.add_channel(
        tenant_id=world.tenant.id, owner=world.bob, kind=kind, address=address, name="phone", actor=actor, now=now()
    )


def test_a_channel_counts_once_its_code_is_entered(live_world: World, hook: Receiver) -> None:
    bob = live_world.actor(live_world.bob)
    with tenant_transaction(live_world.tenant.id):
        channel = add(live_world, hook.address, bob)
    policy_of(live_world, person_step(live_world.bob, 5), repeats=0)
    deliver(live_world)
    code = hook.received[0].json["data"]["code"]
    with tenant_transaction(live_world.tenant.id):
        with pytest.raises(Invalid, match="isn't the code"):
            channels.confirm(channel=channel, code="x", actor=bob, now=now())
        with pytest.raises(Refused, match="over"):
            channels.confirm(channel=channel, code=code, actor=bob, now=now() + timedelta(minutes=31))
        with pytest.raises(Forbidden):
            channels.confirm(channel=channel, code=code, actor=live_world.actor(live_world.alice), now=now())
        assert channels.confirm(channel=channel, code=code, actor=bob, now=now()).verified_at is not None
    alert = opened(live_world, now())
    assert [row.channel_id for row in intents(alert)] == [channel.id]


def test_a_code_can_be_guessed_five_times(world: World) -> None:
    bob = world.actor(world.bob)
    with tenant_transaction(world.tenant.id):
        channel = add(world, "bob@example.org", bob, ChannelKind.EMAIL)
        for _ in range(5):
            with pytest.raises(Invalid):
                channels.confirm(channel=channel, code="wrong", actor=bob, now=now())
        with pytest.raises(Refused, match="tried too often"):
            channels.confirm(channel=channel, code="wrong", actor=bob, now=now())


def test_a_channel_that_was_not_verified_wakes_nobody(world: World) -> None:
    """The step of somebody without a verified channel is empty: it is passed over, not waited for."""
    reachable(world.tenant, world.bob, "bob@example.org", verified_at=None)
    reachable(world.tenant, world.alice)
    policy_of(world, person_step(world.bob, 5), person_step(world.alice, 5))
    alert = opened(world, now())
    assert [row.person_id for row in intents(alert)] == [world.alice.id]


def test_personal_rules_say_when_which_channel_is_used(world: World) -> None:
    phone, mailbox = reachable(world.tenant, world.bob, "a@example.org"), reachable(world.tenant, world.bob, "b@x.org")
    reachable(world.tenant, world.bob, "c@example.org")
    policy_of(world, person_step(world.bob, 10))
    bob = world.actor(world.bob)
    with tenant_transaction(world.tenant.id):
        channels.set_rule(channel=mailbox, urgency=Urgency.PAGE, after=timedelta(), actor=bob)
        channels.set_rule(channel=phone, urgency=Urgency.PAGE, after=3 * MINUTE, actor=bob)
    alert = opened(world, now())
    assert [(row.channel_id, row.due_at - alert.created_at) for row in intents(alert)] == [
        (mailbox.id, timedelta()),
        (phone.id, 3 * MINUTE),
    ]


def test_an_hour_of_quiet_alerts_is_one_mail(live_world: World) -> None:
    bob_by(live_world, "bob@example.org", ChannelKind.EMAIL)
    began = now()
    for key in ("one", "two"):
        opened(live_world, began, key, severity=Severity.INFO, summary=f"quiet {key}")
    assert deliver(live_world, began) == 0
    assert deliver(live_world, digests.next_hour(began)) == 1
    (sent,) = mail.outbox
    assert sent.subject == "2 quiet alerts in the last hour (Acme)"
    assert "quiet one" in sent.body and "quiet two" in sent.body


def test_a_notice_is_told_once_however_often_its_message_comes(world: World) -> None:
    cause = uuid4()
    with tenant_transaction(world.tenant.id):
        for _ in range(2):
            channels.tell(
                tenant_id=world.tenant.id,
                people=[world.bob.id, world.bob.id],
                title="t",
                body="b",
                link="",
                cause=cause,
                now=now(),
            )
        assert Notification.objects.filter(person=world.bob).count() == 1


def test_no_tenants_flood_keeps_the_messages_of_others_from_being_found(live_world: World) -> None:
    world = live_world
    with tenant_transaction(world.tenant.id):
        outbox.enqueue_many(messages=[("notify", str(uuid4()), {}) for _ in range(1_200)], now=now() - MINUTE)
    with tenant_transaction(world.other.id):
        outbox.enqueue(topic="notify", key=str(uuid4()), payload={}, now=now())
    found = due.due(now())
    assert len(found[world.other.id]) == 1
    assert len(found[world.tenant.id]) == due.OF_ONE_TENANT


def test_a_receiver_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte every now and then keeps every time-out quiet; the whole has an end of its own."""
    monkeypatch.setattr(outbound, "LONGEST_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server, LOOPBACK:
        stop = threading.Event()

        def trickle() -> None:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                client.recv(1_000)
                while not stop.wait(0.05):
                    client.sendall(b"H")

        thread = threading.Thread(target=trickle)
        thread.start()
        began = time.monotonic()
        with pytest.raises(outbound.Unreachable):
            outbound.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"x", {})
        stop.set()
        thread.join()
        assert time.monotonic() - began < 4


def test_a_new_code_comes_once_a_minute_and_new_channels_twenty_a_day(world: World) -> None:
    bob, began = world.actor(world.bob), now()
    with tenant_transaction(world.tenant.id):
        channel = add(world, "bob@example.org", bob, ChannelKind.EMAIL)
        with pytest.raises(Refused, match="in a minute"):
            channels.send_code(channel=channel, actor=bob, now=began)
        channels.send_code(channel=channel, actor=bob, now=began + timedelta(minutes=2))
        for _ in range(19):
            channels.remove_channel(channel=channel, actor=bob, now=began)
            channel = add(world, "bob@example.org", bob, ChannelKind.EMAIL)
        channels.remove_channel(channel=channel, actor=bob, now=began)
        with pytest.raises(Refused, match="a day"):
            add(world, "bob@example.org", bob, ChannelKind.EMAIL)
