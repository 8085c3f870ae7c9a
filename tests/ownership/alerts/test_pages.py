"""Alerts for people: pages, the link in a message, the editor with its preview, channels, incidents."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from apps.ownership.alerts import actions, links, policies
from apps.ownership.alerts.escalation import Aim, Step, Target
from apps.ownership.alerts.forms import PolicyForm
from apps.ownership.alerts.inbound import integrations
from apps.ownership.models import Absence, Alert, Channel, Maintenance, Notification
from apps.ownership.models.alerts import AlertState
from apps.ownership.rotation import Hours
from portal.models import OutboxMessage
from portal.secrets import unseal
from portal.tenancy.context import tenant_transaction
from tests.ownership.alerts.cast import LEAD, MINUTE, events, fresh, look, opened, person_step, policy_of, reachable
from tests.world import PASSWORD, World

ALERTS = "/t/acme/alerts/"


def now() -> datetime:
    return datetime.now(UTC)


def signed_in(world: World, who: str) -> Client:
    client = Client()
    assert client.login(email=f"{who}@example.org", password=PASSWORD)
    return client


@pytest.fixture
def alert(world: World) -> Alert:
    reachable(world.tenant, world.bob)
    reachable(world.tenant, world.alice)
    policy_of(world, person_step(world.bob, 5), person_step(world.alice, 10))
    return opened(world, now() - MINUTE)


def text(answer: object) -> str:
    return answer.content.decode()  # type: ignore[attr-defined, no-any-return]


def test_the_list_says_first_what_nobody_has(world: World, alert: Alert) -> None:
    bob = signed_in(world, "bob")
    assert "<b>1</b> open alert nobody has." in text(bob.get(ALERTS))
    bob.post(f"{ALERTS}{alert.id}/acknowledge/", {"round": 0})
    shown = text(bob.get(ALERTS))
    assert "Somebody has all 1 open alert." in shown and "Bob" in shown
    bob.post(f"{ALERTS}{alert.id}/resolve/")
    assert "Nothing is open." in text(bob.get(ALERTS))
    assert "It is broken." in text(bob.get(f"{ALERTS}?all"))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_and_the_page_cost_the_same_however_much_there_is(world: World, alert: Alert, rows: int) -> None:
    for number in range(1, rows):
        opened(world, now(), f"k{number}")
        look(world, now() + 5 * MINUTE)
    bob = signed_in(world, "bob")
    bob.get(ALERTS)
    counts = []
    for address in (ALERTS, f"{ALERTS}{alert.id}/"):
        with CaptureQueriesContext(connection) as captured:
            bob.get(address)
        counts.append(len(captured))
    assert counts == [12, 18]


def test_the_page_tells_who_is_next_and_the_whole_story(world: World, alert: Alert) -> None:
    shown = text(signed_in(world, "bob").get(f"{ALERTS}{alert.id}/"))
    assert "Nobody has it. Alice is woken next" in shown
    assert "Step 1: Bob woken." in shown
    assert "Bob is told by test (test)." in shown


def test_who_has_no_part_in_it_sees_it_without_buttons_and_can_press_none(world: World, alert: Alert) -> None:
    charlie = signed_in(world, "charlie")
    assert "Acknowledge" not in text(charlie.get(f"{ALERTS}{alert.id}/"))
    assert charlie.post(f"{ALERTS}{alert.id}/acknowledge/", {"round": 0}).status_code == 403
    assert fresh(alert).state == AlertState.TRIGGERED


def test_a_stale_button_does_nothing_and_says_so(world: World, alert: Alert) -> None:
    alice = signed_in(world, "alice")
    assert alice.post(f"{ALERTS}{alert.id}/escalate/", {"entry": 1}).status_code == 302
    answer = alice.post(f"{ALERTS}{alert.id}/escalate/", {"entry": 1})
    assert (answer.status_code, "Nothing was done" in text(answer)) == (409, True)
    assert [kind for _, kind in events(alert)].count("entered") == 2


def test_handing_over_from_the_page(world: World, alert: Alert) -> None:
    reachable(world.tenant, world.erin)
    bob = signed_in(world, "bob")
    sent = {"to": f"person:{world.erin.id}", "reason": "she knows"}
    assert bob.post(f"{ALERTS}{alert.id}/hand_over/", sent).status_code == 302
    assert "Handed over to Erin: she knows" in text(bob.get(f"{ALERTS}{alert.id}/"))
    assert bob.post(f"{ALERTS}{alert.id}/hand_over/", {"to": f"person:{world.mallory.id}"}).status_code == 400


def link_for(world: World, alert: Alert, who: str = "bob") -> str:
    with tenant_transaction(world.tenant.id):
        intent = Notification.objects.get(alert=alert.id, person=world.people[who], channel__isnull=False)
        return f"/act/{links.make(intent)}/"


def test_the_link_in_a_message_asks_first_and_then_acts_as_its_person(world: World, alert: Alert) -> None:
    address, anybody = link_for(world, alert), Client()
    assert "Yes, I have it" in text(anybody.get(address))
    assert fresh(alert).state == AlertState.TRIGGERED, "looking changes nothing: scanners look too"
    assert "It is yours: nobody else is woken." in text(anybody.post(address, {"verb": "acknowledge", "round": 0}))
    assert (fresh(alert).state, fresh(alert).acknowledged_by_id) == ("acknowledged", world.bob.id)
    assert "It is over" in text(anybody.get(address))


def test_the_link_of_an_earlier_round_does_nothing(world: World, alert: Alert) -> None:
    address = link_for(world, alert)
    with tenant_transaction(world.tenant.id):
        Alert.objects.filter(id=alert.id).update(round=1)
    assert "its buttons do nothing any more" in text(Client().get(address))
    answer = Client().post(address, {"verb": "acknowledge", "round": 1})
    assert "Nothing was done" in text(answer)
    assert fresh(alert).state == AlertState.TRIGGERED


def test_a_link_that_was_changed_or_whose_person_left_leads_nowhere(world: World, alert: Alert) -> None:
    address = link_for(world, alert)
    assert Client().get(f"{address[:-2]}x/").status_code == 404
    assert Client().get("/act/nothing/").status_code == 404
    with tenant_transaction(world.tenant.id):
        member = world.bob.memberships.get(tenant=world.tenant)
        member.ended_at = now()
        member.save()
    assert Client().get(address).status_code == 404


def test_a_link_needs_the_forms_own_token_like_every_button(world: World, alert: Alert) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(link_for(world, alert), {"verb": "acknowledge", "round": 0}).status_code == 403


def test_the_editor_shows_who_would_be_woken_before_it_saves(world: World, alert: Alert) -> None:
    bob, address = signed_in(world, "bob"), "/t/acme/rotas/teams/support/policy/"
    sent = {
        "first_0": "rota:1",
        "delay_0": "7",
        "first_1": "owner:",
        "delay_1": "9",
        "repeats": "0",
        "ack_timeout": "",
        "wakes": "error",
    }
    shown = text(bob.post(address, {**sent, "preview": "1"}))
    assert "Step 1: on call: Bob" in shown and "Step 2: the workload&#x27;s owner: Alice" in shown
    with tenant_transaction(world.tenant.id):
        before = policies.current(world.tenant.id, world.team.id).number
    assert bob.post(address, sent).status_code == 302
    with tenant_transaction(world.tenant.id):
        version = policies.current(world.tenant.id, world.team.id)
        assert (version.number, version.delays, version.wakes) == (before + 1, [420, 540], "error")
        assert fresh(alert).policy.number == before, "an open alert keeps the policy it opened under"


def test_a_policy_whose_every_step_is_empty_is_refused(world: World) -> None:
    bob = signed_in(world, "bob")
    sent = {"first_0": "rota:3", "delay_0": "5", "repeats": "0", "wakes": "warning"}
    answer = bob.post("/t/acme/rotas/teams/support/policy/", sent)
    assert (answer.status_code, "every step is empty" in text(answer)) == (400, True)
    with tenant_transaction(world.tenant.id):
        assert policies.current(world.tenant.id, world.team.id).number == 1


def test_a_channel_is_added_proved_given_a_rule_and_removed(world: World) -> None:
    bob, mine = signed_in(world, "bob"), "/t/acme/rotas/me/channels/"
    assert "Nobody can wake you" in text(bob.get(mine))
    bob.post(f"{mine}new/", {"kind": "email", "address": "bob@example.org", "name": "mail"})
    with tenant_transaction(world.tenant.id):
        channel = Channel.objects.get()
        code = unseal(OutboxMessage.objects.get(topic="channel.verify").payload["code"])
        assert channel.sealed != "bob@example.org"
    assert "not verified" in text(bob.get(mine))
    bob.post(f"{mine}{channel.id}/confirm/", {"code": "000000" if code != "000000" else "111111"})
    assert "not verified" in text(bob.get(mine))
    bob.post(f"{mine}{channel.id}/confirm/", {"code": code})
    assert "1 way to reach you, all at once." in text(bob.get(mine))
    bob.post(f"{mine}{channel.id}/rule/", {"urgency": "page", "after": "120"})
    assert '<option value="120" selected>' in text(bob.get(mine))
    assert signed_in(world, "alice").post(f"{mine}{channel.id}/remove/").status_code == 404
    bob.post(f"{mine}{channel.id}/remove/")
    assert "Nobody can wake you" in text(bob.get(mine))


@override_settings(OUTBOUND_NETWORKS=[])
def test_a_webhook_to_a_private_address_is_refused_on_the_page(world: World) -> None:
    sent = {"kind": "webhook", "address": "http://192.168.0.1/x", "name": ""}
    answer = signed_in(world, "bob").post("/t/acme/rotas/me/channels/new/", sent)
    assert (answer.status_code, "private address" in text(answer)) == (400, True)


def test_an_integration_shows_what_its_sender_needs_to_those_who_manage_it(world: World) -> None:
    bob = signed_in(world, "bob")
    answer = bob.post(
        "/t/acme/rotas/teams/support/integrations/", {"kind": "alertmanager", "name": "Shop"}, follow=True
    )
    with tenant_transaction(world.tenant.id):
        found = integrations.integrations(world.tenant.id).get()
        key = integrations.credential(found)
    address = f"/t/acme/rotas/integrations/{found.id}/"
    assert key in text(answer) and "send_resolved: true" in text(answer)
    assert key not in text(signed_in(world, "charlie").get(address))
    assert signed_in(world, "charlie").post(f"{address}revoke/").status_code == 403
    assert "Revoked" in text(bob.post(f"{address}revoke/", follow=True))


def test_an_incident_is_commanded_noted_and_made_one_with_another(world: World, alert: Alert) -> None:
    first = fresh(alert).incident
    other = fresh(opened(world, now(), "unowned", workload=None)).incident
    assert first is not None and other is not None
    bob, address = signed_in(world, "bob"), f"/t/acme/alerts/incidents/{first.id}/"
    bob.post(f"{address}note/", {"text": "The disk was replaced."})
    bob.post(f"{address}command/", {"commander": str(world.erin.id)})
    shown = text(bob.get(address))
    assert "Erin commands." in shown and "The disk was replaced." in shown and "bob@example.org" in shown
    merge = f"/t/acme/alerts/incidents/{other.id}/merge/"
    assert bob.post(merge, {"into": str(first.id)}).status_code == 403, "the other is nobody's but the ops leads'"
    assert signed_in(world, "charlie").post(f"{address}note/", {"text": "x"}).status_code == 403
    merged = signed_in(world, "adam").post(merge, {"into": str(first.id)}, follow=True)
    assert "It crosses team lines." in text(merged)
    assert "1 open alert" not in text(bob.get("/t/acme/alerts/incidents/"))


def test_a_drill_and_maintenance_from_the_page_of_who_answers(world: World, alert: Alert) -> None:
    alice, people = signed_in(world, "alice"), "/t/acme/workloads/W-01/people/"
    assert "Call a drill" in text(alice.get(people))
    assert "Call a drill" not in text(signed_in(world, "adam").get(people))
    answer = alice.post("/t/acme/workloads/W-01/drill-alert/", follow=True)
    assert "whoever is on call is woken now" in text(answer) and "drill" in text(answer)
    alice.post("/t/acme/workloads/W-01/maintenance/", {"minutes": "30", "reason": "disk swap"})
    assert "Maintenance until" in text(alice.get(people))
    with tenant_transaction(world.tenant.id):
        assert Maintenance.objects.get().reason == "disk swap"


def test_what_i_was_told_and_when_i_am_away(world: World, alert: Alert) -> None:
    bob = signed_in(world, "bob")
    assert '<span class="badge">new</span>' in text(bob.get("/t/acme/alerts/told/"))
    bob.post("/t/acme/alerts/told/read/")
    assert '<span class="badge">new</span>' not in text(bob.get("/t/acme/alerts/told/"))
    sent = {"start": "2030-01-01T09:00", "end": "2030-01-08T09:00", "note": "Norway"}
    assert "Norway" in text(bob.post("/t/acme/rotas/me/absences/", sent, follow=True))
    with tenant_transaction(world.tenant.id):
        row = Absence.objects.get()
    assert signed_in(world, "alice").post(f"/t/acme/rotas/me/absences/{row.id}/cancel/").status_code == 403
    bob.post(f"/t/acme/rotas/me/absences/{row.id}/cancel/")
    assert "Norway" not in text(bob.get("/t/acme/rotas/me/channels/"))


def test_the_api_lists_shows_and_acts(world: World, alert: Alert) -> None:
    token = world.token("read", "write", user=world.bob)
    headers = {"Authorization": f"Bearer {token}"}
    api, client = f"/api/v1/t/acme/alerts/{alert.id}", Client(headers=headers)
    assert [row["id"] for row in client.get("/api/v1/t/acme/alerts?open=true").json()["results"]] == [str(alert.id)]
    assert client.get("/api/v1/t/acme/alerts?open=perhaps").status_code == 400
    assert [line["words"] for line in client.get(api).json()["story"]][:2] == ["Opened as error.", "Step 1: Bob woken."]
    assert client.post(f"{api}/escalate", {"entry": 7}, content_type="application/json").status_code == 409
    acked = client.post(f"{api}/acknowledge", {"round": 0}, content_type="application/json")
    assert acked.json()["acknowledged_by"] == "bob@example.org"
    over = client.post(f"{api}/resolve", {"reason": "done"}, content_type="application/json")
    assert over.json()["state"] == "resolved"


def test_the_api_changes_a_policy_and_previews_one(world: World, alert: Alert) -> None:
    token = world.token("read", "write", user=world.bob)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    address = "/api/v1/t/acme/teams/support/escalation-policy"
    hours = {"zone": "Europe/Berlin", "days": [0, 1], "starts": "09:00", "ends": "17:00"}
    wanted = {
        "steps": [
            {"delay": 300, "targets": [{"aim": "rota", "value": "1"}]},
            {"delay": 600, "targets": [{"aim": "owner"}], "hours": hours},
        ],
        "repeats": 0,
        "ack_timeout": None,
    }
    waves = client.post(
        "/api/v1/t/acme/teams/support/escalation-preview", wanted, content_type="application/json"
    ).json()
    assert waves[0]["people"] == ["Bob"]
    assert client.put(address, wanted, content_type="application/json").status_code == 200
    stored = client.get(address).json()
    assert (stored["steps"][1]["hours"], stored["wakes"]) == (hours, "warning")
    wrong = {**wanted, "steps": [{"delay": 300, "targets": [{"aim": "person", "value": "me"}]}]}
    assert client.put(address, wrong, content_type="application/json").status_code == 400
    nowhere = {**wanted, "steps": [{**wanted["steps"][1], "hours": {**hours, "zone": "Mars/Base"}}]}
    assert client.put(address, nowhere, content_type="application/json").status_code == 400


def test_an_alert_says_when_its_acknowledgement_was_its_senders(world: World, alert: Alert) -> None:
    with tenant_transaction(world.tenant.id):
        actions.acknowledge(alert=alert, by=None, actor=LEAD, now=now())
    assert "Its sender has it" in text(signed_in(world, "bob").get(f"{ALERTS}{alert.id}/"))


def test_the_editor_keeps_what_it_has_no_field_for(world: World, alert: Alert) -> None:
    """Ten steps, a rank and a role that the page doesn't offer, days of the week: saved again, all are there."""
    office = Hours(ZoneInfo("UTC"), frozenset({0, 1}), time(9), time(17))
    odd = [Step((Target(Aim.ROTA, "4"), Target(Aim.ROLE, "security"), Target(Aim.OWNER)), 5 * MINUTE, office)]
    policy_of(world, *odd, *[person_step(world.bob, 5)] * 8, repeats=0)
    bob, address = signed_in(world, "bob"), "/t/acme/rotas/teams/support/policy/"
    with tenant_transaction(world.tenant.id):
        before = policies.current(world.tenant.id, world.team.id)
    sent = {k: v or "" for k, v in PolicyForm.initial_of(policies.as_policy(before), before.wakes).items()}
    sent |= {k: f"{v:%H:%M}" for k, v in sent.items() if isinstance(v, time)}
    assert bob.post(address, {**sent, "repeats": "2"}).status_code == 302
    with tenant_transaction(world.tenant.id):
        after = policies.current(world.tenant.id, world.team.id)
        assert (after.number, after.steps, after.repeats) == (before.number + 1, before.steps, 2)


@pytest.mark.parametrize(
    "policy",
    [
        {"steps": [], "repeats": 1, "ack_timeout": None},
        {"steps": [{"delay": 300, "targets": [{"aim": "rota", "value": "abc"}]}], "repeats": 1, "ack_timeout": None},
        {"steps": [{"delay": 300, "targets": [{"aim": "rota", "value": ""}]}], "repeats": 1, "ack_timeout": None},
        {"steps": [{"delay": 300, "targets": [{"aim": "rota", "value": "1"}]}], "repeats": 1, "ack_timeout": 10**15},
        {"steps": [{"delay": 300, "targets": []}] * 11, "repeats": 1, "ack_timeout": None},
        {"steps": [{"delay": 300, "targets": [{"aim": "owner"}] * 11}], "repeats": 1, "ack_timeout": None},
    ],
)
def test_a_policy_that_is_none_is_refused_by_preview_and_save(world: World, policy: dict[str, Any]) -> None:
    client = Client(headers={"Authorization": f"Bearer {world.token('read', 'write', user=world.bob)}"})
    api = "/api/v1/t/acme/teams/support/"
    assert client.post(f"{api}escalation-preview", policy, content_type="application/json").status_code == 400
    assert client.put(f"{api}escalation-policy", policy, content_type="application/json").status_code == 400


def test_times_that_no_calendar_means_and_nul_are_refused(world: World, alert: Alert) -> None:
    client = signed_in(world, "alice")
    span = {"start": "9999-12-31T00:00:00Z", "end": "9999-12-31T23:00:00Z", "reason": "r"}
    api = "/api/v1/t/acme/"
    assert client.post(f"{api}workloads/W-01/maintenance", span, content_type="application/json").status_code == 400
    assert client.post(f"{api}absences", {**span, "note": ""}, content_type="application/json").status_code == 400
    bob = signed_in(world, "bob")
    early = {"start": "0001-01-01T00:00", "end": "0001-01-02T00:00", "note": ""}
    assert bob.post("/t/acme/rotas/me/absences/", early).status_code == 400
    assert bob.post(f"{ALERTS}{alert.id}/resolve/", {"reason": "a\0b"}).status_code == 302
    assert fresh(alert).state == AlertState.RESOLVED


def test_maintenance_ends_when_somebody_says_so(world: World, alert: Alert) -> None:
    alice, path = signed_in(world, "alice"), "/t/acme/workloads/W-01/maintenance/"
    alice.post(path, {"minutes": "30", "reason": "disk swap"})
    assert alice.post(f"{path}end/").status_code == 302
    assert alice.post(f"{path}end/").status_code == 409
    assert "End it now" not in text(alice.get("/t/acme/workloads/W-01/people/"))
