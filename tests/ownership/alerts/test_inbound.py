"""CALL-4, the dedup vectors of 2.6: what comes in by Alertmanager's webhook, Events v2 and our own signed webhook."""

import json
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from apps.ownership.alerts.inbound import integrations
from apps.ownership.channels import signing
from apps.ownership.models import Alert, AlertMember, InboundEvent, Integration, Notification
from apps.tenants.models import Team, Tenant
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import reachable
from tests.world import World

ALERTMANAGER, EVENTS = "/v1/alerts/alertmanager", "/v2/enqueue"


def way_in(world: World, kind: str, tenant: Tenant | None = None) -> Integration:
    tenant = tenant or world.tenant
    who = world.adam if tenant == world.tenant else world.mallory
    with tenant_transaction(tenant.id):
        team = Team.objects.filter(tenant=tenant.id).order_by("-slug").first()
        assert team is not None, "each tenant has one"
        return integrations.create(
            team=team, kind=kind, name="Prometheus", actor=world.actor(who, tenant), now=datetime.now(UTC)
        )


def event(found: Integration, action: str = "trigger", key: str | None = "disk", **fields: Any) -> Any:
    sent: dict[str, Any] = {"routing_key": integrations.credential(found), "event_action": action, **fields}
    if key is not None:
        sent.setdefault("dedup_key", key)
    if action == "trigger":
        sent.setdefault("payload", {"summary": "Disk full", "source": "db1", "severity": "critical"})
    return Client().post(EVENTS, sent, content_type="application/json")


def member(name: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    ended = "2026-11-20T10:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": {"alertname": "DiskFull", "instance": name, "severity": "warning", **labels},
        "annotations": {},
        "startsAt": "2026-11-20T09:00:00.123456789Z",
        "endsAt": ended,
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"{hash(name) & 0xFFFFFFFF:016x}",
    }


def group(found: Integration, *members: dict[str, Any], status: str = "firing", **fields: Any) -> Any:
    sent = {
        "version": "4",
        "groupKey": '{}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "causeway",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {"alertname": "DiskFull"},
        "commonAnnotations": {"summary": "A disk is full"},
        "externalURL": "http://alertmanager.example",
        "alerts": list(members),
        **fields,
    }
    authorization = f"Bearer {integrations.credential(found)}"
    return Client().post(ALERTMANAGER, sent, content_type="application/json", headers={"Authorization": authorization})


def own(found: Integration, body: dict[str, Any] | bytes, **changes: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    secret = b64decode(integrations.credential(found).removeprefix("whsec_"))
    key, stamp = changes.get("key", str(uuid4())), changes.get("timestamp", int(time.time()))
    headers = signing.headers(secret, key=key, timestamp=stamp, body=changes.get("signed", raw))
    headers |= changes.get("headers", {})
    return Client().post(
        integrations.address(found),
        raw,
        content_type="application/json",
        headers={k: v for k, v in headers.items() if v},
    )


def alerts(world: World, tenant: Tenant | None = None) -> list[Alert]:
    with tenant_transaction((tenant or world.tenant).id):
        return list(Alert.objects.order_by("created_at", "id"))


def outcomes(world: World) -> list[str]:
    with tenant_transaction(world.tenant.id):
        return list(InboundEvent.objects.order_by("created_at", "id").values_list("outcome", flat=True))


def test_fifty_identical_triggers_at_once_are_one_alert_said_fifty_times(live_world: World) -> None:
    found = way_in(live_world, "pagerduty")
    reachable(live_world.tenant, live_world.bob)

    def send(_: int) -> int:
        try:
            return int(event(found).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(send, range(50))) == {202}
    (alert,) = alerts(live_world)
    assert alert.occurrences == 50
    assert sorted(outcomes(live_world)) == ["opened"] + ["repeated"] * 49
    with tenant_transaction(live_world.tenant.id):
        assert Notification.objects.filter(channel__isnull=False).count() == 1


def test_trigger_resolve_trigger_are_two_alerts(world: World) -> None:
    found = way_in(world, "pagerduty")
    for action in ("trigger", "resolve", "trigger"):
        assert event(found, action).status_code == 202
    assert [alert.state for alert in alerts(world)] == ["resolved", "triggered"]


@pytest.mark.parametrize("action", ["resolve", "acknowledge"])
def test_resolve_or_ack_before_trigger_makes_no_alert_and_is_logged(world: World, action: str) -> None:
    assert event(way_in(world, "pagerduty"), action).status_code == 202
    assert (alerts(world), outcomes(world)) == ([], ["dropped"])


def test_an_ack_for_another_routing_key_is_dropped(world: World) -> None:
    one, other = way_in(world, "pagerduty"), way_in(world, "pagerduty")
    event(one)
    assert event(other, "acknowledge").status_code == 202
    (alert,) = alerts(world)
    assert (alert.state, outcomes(world)) == ("triggered", ["opened", "dropped"])
    event(one, "acknowledge")
    assert [alert.state for alert in alerts(world)] == ["acknowledged"]


def test_the_same_key_in_two_tenants_is_two_alerts(world: World) -> None:
    event(way_in(world, "pagerduty"))
    event(way_in(world, "pagerduty", world.other))
    assert len(alerts(world)) == len(alerts(world, world.other)) == 1


def test_a_trigger_without_a_key_gets_one_of_its_own(world: World) -> None:
    found = way_in(world, "pagerduty")
    keys = [event(found, key=None).json()["dedup_key"] for _ in range(2)]
    assert len(set(keys)) == len(alerts(world)) == 2
    event(found, "resolve", key=keys[0])
    assert sorted(alert.state for alert in alerts(world)) == ["resolved", "triggered"]


def test_an_event_says_which_workload_it_is_about_and_an_unknown_one_loses_nothing(world: World) -> None:
    found = way_in(world, "pagerduty")
    payload = {"summary": "s", "source": "x", "severity": "info"}
    event(found, key="a", payload={**payload, "custom_details": {"workload": "W-01"}})
    event(found, key="b", payload={**payload, "custom_details": {"workload": "W-99"}})
    known, unknown = alerts(world)
    assert (known.workload_id, known.team_id) == (world.workload.id, world.team.id)
    assert (unknown.workload_id, unknown.team_id) == (None, world.team.id)
    assert unknown.details["unknown workload"] == "W-99"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"event_action": "open"}, "trigger, acknowledge or resolve"),
        ({"dedup_key": "x" * 256}, "at most 255"),
        ({"payload": {"summary": "s", "source": "x", "severity": "bad"}}, "severity is one of"),
        ({"payload": {"source": "x", "severity": "info"}}, "summary is missing"),
        ({"payload": "text"}, "payload"),
        ({"routing_key": "x" * 32}, "not known"),
        ({"routing_key": 5}, "not known"),
    ],
)
def test_a_wrong_event_is_refused_in_the_senders_own_shape(world: World, change: dict[str, Any], words: str) -> None:
    answer = event(way_in(world, "pagerduty"), **change)
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid event" and words in answer.json()["errors"][0]
    assert alerts(world) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"routing_key": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b"\xff",
        b"[" * 100_000,
        b'{"a": "\xed\xa0\x80"}',
    ],
)
@pytest.mark.parametrize("address", [ALERTMANAGER, EVENTS])
def test_a_body_that_is_none_is_refused(world: World, body: bytes, address: str) -> None:
    key = integrations.credential(way_in(world, "alertmanager"))
    answer = Client().post(address, body, content_type="application/json", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 400


def test_a_group_is_one_alert_its_members_end_alone_and_it_with_the_last(world: World) -> None:
    found = way_in(world, "alertmanager")
    group(found, member("a"), member("b", severity="critical"))
    (alert,) = alerts(world)
    assert (alert.summary, alert.severity, alert.source) == ("A disk is full", "critical", "alertmanager")
    group(found, member("a", "resolved"), member("b"))
    assert [alert.state for alert in alerts(world)] == ["triggered"]
    with tenant_transaction(world.tenant.id):
        assert AlertMember.objects.filter(ended_at=None).count() == 1
    group(found, member("b", "resolved"), status="resolved")
    assert [alert.state for alert in alerts(world)] == ["resolved"]
    group(found, member("c"))
    assert [alert.state for alert in alerts(world)] == ["resolved", "triggered"]


def test_of_members_that_were_cut_off_nothing_is_known(world: World) -> None:
    found = way_in(world, "alertmanager")
    group(found, member("a"), member("b"))
    group(found, member("a", "resolved"), truncatedAlerts=1)
    assert [alert.state for alert in alerts(world)] == ["triggered"], "b was cut off, not resolved"
    group(found, member("a", "resolved"))
    assert [alert.state for alert in alerts(world)] == ["resolved"], "b isn't in a whole message: it is over"


def test_a_group_that_was_cut_off_is_not_over_because_those_that_were_sent_are(world: World) -> None:
    """Alertmanager cuts first and then says the status of what is left."""
    found = way_in(world, "alertmanager")
    group(found, member("a"), member("b"), truncatedAlerts=1)
    group(found, member("a", "resolved"), member("b", "resolved"), status="resolved", truncatedAlerts=1)
    assert [alert.state for alert in alerts(world)] == ["triggered"]


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-12:00", "0002-01-01T00:00:00Z", "1850-01-01T00:00:00Z"])
def test_an_instant_that_nobody_means_is_refused(world: World, at: str) -> None:
    sent = {**member("a", "resolved"), "endsAt": at}
    assert group(way_in(world, "alertmanager"), sent).status_code == 400
    assert alerts(world) == []


def test_two_groups_with_the_same_words_are_two_alerts(world: World) -> None:
    found = way_in(world, "alertmanager")
    group(found, member("a"))
    group(found, member("b"), groupKey="another")
    assert len(alerts(world)) == 2


def test_a_group_key_of_any_length_will_do(world: World) -> None:
    found = way_in(world, "alertmanager")
    for _ in range(2):
        assert group(found, member("a"), groupKey="k" * 4_000).status_code == 200
    (alert,) = alerts(world)
    assert alert.occurrences == 2 and alert.key.startswith("sha256:")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "3"}, "version 4"),
        ({"groupKey": None}, "groupKey is missing"),
        ({"status": "odd"}, "firing or resolved"),
        ({"alerts": {}}, "list"),
        ({"alerts": [{"status": "firing", "labels": {"a": 1}}]}, "texts"),
        ({"alerts": [{"status": "firing", "labels": {}, "startsAt": "yesterday"}]}, "startsAt"),
        ({"truncatedAlerts": -1}, "number"),
    ],
)
def test_a_wrong_group_is_refused_with_its_place(world: World, change: dict[str, Any], words: str) -> None:
    answer = group(way_in(world, "alertmanager"), member("a"), **change)
    assert (answer.status_code, words in answer.json()["detail"]) == (400, True)
    assert alerts(world) == []


def test_a_key_of_another_kind_or_a_revoked_one_opens_nothing(world: World) -> None:
    found = way_in(world, "pagerduty")
    assert group(found, member("a")).status_code == 401
    with tenant_transaction(world.tenant.id):
        integrations.revoke(integration=found, actor=world.actor(world.adam), now=datetime.now(UTC))
    assert event(found).status_code == 400
    assert alerts(world) == []


def test_our_own_webhook_opens_and_resolves(world: World) -> None:
    found = way_in(world, "webhook")
    said = {"action": "trigger", "key": "k", "summary": "s", "severity": "warning", "workload": "W-01"}
    answer = own(found, said)
    assert (answer.status_code, answer.json()) == (202, {"status": "opened", "key": "k"})
    assert own(found, {"action": "acknowledge", "key": "k"}).json()["status"] == "acknowledged"
    assert own(found, {"action": "resolve", "key": "k"}).json()["status"] == "resolved"
    (alert,) = alerts(world)
    assert (alert.workload_id, alert.state) == (world.workload.id, "resolved")


def test_a_replayed_event_is_refused_and_does_nothing(world: World) -> None:
    found = way_in(world, "webhook")
    said = {"action": "trigger", "key": "k", "summary": "s"}
    assert own(found, said, key="event-1").status_code == 202
    answer = own(found, said, key="event-1")
    assert (answer.status_code, answer.json()["code"]) == (409, "replayed")
    assert [alert.occurrences for alert in alerts(world)] == [1]


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-id": ""}},
        {"headers": {"webhook-id": "another"}},
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-timestamp": "soon"}},
        {"signed": b"{}"},
        {"late": -400},
        {"late": 400},
    ],
)
def test_an_unsigned_changed_or_old_event_is_refused(world: World, change: dict[str, Any]) -> None:
    # Seconds from when it is sent, which is long after the cases above were listed.
    if late := change.get("late"):
        change = {"timestamp": int(time.time()) + late}
    answer = own(way_in(world, "webhook"), {"action": "trigger", "key": "k", "summary": "s"}, **change)
    assert (answer.status_code, answer.json()["code"]) == (401, "unsigned")
    assert alerts(world) == []


def test_the_standard_webhooks_own_vector() -> None:
    """From the specification's reference implementation."""
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = signing.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_too_long_is_refused_before_it_is_read(world: World) -> None:
    found = way_in(world, "alertmanager")
    answer = group(found, member("a"), commonAnnotations={"summary": "x" * (2 * 1024 * 1024)})
    assert answer.status_code == 413


def test_a_retry_soon_after_is_said_again_and_much_later_too(world: World) -> None:
    """Nothing is keyed on text or time: only on the group."""
    found = way_in(world, "alertmanager")
    group(found, member("a"))
    with tenant_transaction(world.tenant.id):
        Alert.objects.update(last_seen_at=datetime.now(UTC) - timedelta(days=2))
    group(found, member("a"), commonAnnotations={"summary": "Other words"})
    assert [alert.occurrences for alert in alerts(world)] == [2]


def test_the_log_of_what_came_in_is_kept_for_a_week(world: World) -> None:
    found = way_in(world, "pagerduty")
    event(found)
    event(found)
    with tenant_transaction(world.tenant.id):
        first = InboundEvent.objects.order_by("created_at").first()
        InboundEvent.objects.filter(id=first.id).delete()  # type: ignore[union-attr]
        InboundEvent.objects.create(
            tenant_id=world.tenant.id,
            integration=found,
            event_id="old",
            outcome="opened",
            created_at=datetime.now(UTC) - timedelta(days=8),
        )
        assert integrations.forget(world.tenant.id, datetime.now(UTC)) == 1
        assert InboundEvent.objects.count() == 1
