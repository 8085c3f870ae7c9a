"""The frame of every answer: health, metrics, request ids, problems, the schema."""

import logging
from base64 import b64encode
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.rollouts import actions
from portal.errors import PortalError
from portal.logs import JsonFormatter
from portal.tenancy.context import tenant_transaction
from tests.pages.test_pages import signed_in
from tests.rollouts.factory import running
from tests.world import NOW, World


def test_health_says_alive_and_able(db: None) -> None:
    assert Client().get("/healthz").content == b"ok\n"
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (200, True)


def test_metrics_count_what_waits_and_name_no_tenant(live_world: World) -> None:
    rollout = running(live_world)
    with tenant_transaction(live_world.tenant.id):
        actions.roll_back(rollout=rollout, actor=live_world.actor(live_world.alice), now=NOW, reason="rude")
    text = Client().get("/metrics").content.decode()
    assert 'causeway_outbox_waiting{topic="alert.raise"} 1.0' in text
    assert "acme" not in text and str(live_world.tenant.id) not in text


def test_a_sound_request_id_is_kept_and_any_other_replaced(db: None) -> None:
    kept = Client().get("/healthz", headers={"X-Request-Id": "order-4711-abc"})
    replaced = Client().get("/healthz", headers={"X-Request-Id": "a b\nc"})
    assert kept.headers["X-Request-Id"] == "order-4711-abc"
    assert len(replaced.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/v1/nothing", 404),
        ("get", "/ofrep/v1/evaluate/flags", 401),
        ("get", "/api/v1/t/acme/workloads", 401),
        ("get", "/t/acme/workloads/", 302),
        ("get", "/nowhere", 404),
    ],
)
def test_strangers_get_the_right_no(world: World, method: str, path: str, status: int) -> None:
    assert getattr(Client(), method)(path).status_code == status


def test_a_problem_says_what_was_wrong_in_one_shape(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token('read')}"}
    answer = Client().get("/api/v1/t/acme/workloads/W-99", headers=headers)
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (body["status"], body["code"], body["type"]) == (404, "not_found", "urn:causeway:not_found")
    assert body["request_id"] == answer.headers["X-Request-Id"]


def test_a_body_that_is_no_json_is_a_400(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token('telemetry')}"}
    answer = Client().post("/api/v1/t/acme/actions", "{", content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


def test_a_session_needs_its_csrf_token_for_the_api(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.post("/api/v1/t/acme/workloads", {}, content_type="application/json")
    assert answer.status_code == 403


def test_the_schema_is_valid_and_every_operation_has_a_name(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn")
    document = capsys.readouterr().out
    assert "openapi: 3.1.0" in document
    assert "operationId: list_rollouts" in document


def test_a_log_line_is_json_with_request_and_tenant() -> None:
    record: Any = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "it happened", "figure": 7})
    line = JsonFormatter().format(record)
    assert '"event": "it happened"' in line and '"figure": 7' in line


def test_errors_know_their_status() -> None:
    found = {kind.__name__: kind.status for kind in PortalError.__subclasses__()}
    assert found["Refused"] == 409 and found["Invalid"] == 400 and found["Unavailable"] == 503


@pytest.mark.parametrize(
    "path",
    [
        f"/accounts/invitation/%00{'a' * 31}/",
        f"/accounts/email/confirm/%00{'a' * 31}/",
        "/t/%00/",
        "/t/acme/workloads/%00/",
        "/api/v1/t/acme/workloads/%00",
        "/api/v1/t/a%00/workloads",
        "/t/acme/rollouts/?state=%00",
        "/admin/workloads/workload/?stage__exact=%00",
    ],
)
def test_an_address_with_a_nul_is_a_400_for_anybody(world: World, path: str) -> None:
    for client in (Client(), signed_in("alice")):
        assert client.get(path).status_code == 400


def test_a_nul_in_a_form_is_no_500(world: World) -> None:
    said = {"page": "board", "about": "\0", "name": "x", "query": "category=wrong"}
    assert signed_in("alice").post("/t/acme/filters/keep/", said).status_code == 404
    assert Client().get(f"/accounts/invitation/{'Ä' * 32}/").status_code == 404


@pytest.mark.parametrize("position", ["notadate", "%00", "9" * 400, "2026-99-99T00:00:00"])
@pytest.mark.parametrize("listed", ["workloads", "members", "alerts", "event-subscriptions", "rollouts", "invitations"])
def test_a_cursor_that_somebody_made_up_is_refused(world: World, listed: str, position: str) -> None:
    cursor = b64encode(f"p={position}".encode()).decode()
    answer = signed_in("adam").get(f"/api/v1/t/acme/{listed}", {"cursor": cursor})
    by_a_text = listed in {"workloads", "event-subscriptions"}
    assert answer.status_code == (200 if by_a_text and position != "%00" else 404)
    assert answer.headers["Content-Type"].startswith("application/")
