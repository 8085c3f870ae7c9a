"""Whatever a client sends to dispatch, reserve and settle gets an answer that says what is wrong, and none is a 500."""

import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.budgets.models import Reservation
from apps.dispatch import ofrep, snapshot
from apps.dispatch.classify import actions as classifying
from apps.dispatch.classify.decide import classifiers
from apps.workloads import actions as workloads
from apps.workloads.models import Workload
from portal.tenancy.context import tenant_transaction
from tests.budgets.factory import gated
from tests.dispatch.test_entry import ASK, in_service
from tests.world import SETUP, World

FINE = {200, 400, 402, 403, 404, 409, 413, 429}
HUGE = 10**4299
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", " ", "\x00", "a\x00b", "\ud800", "W-01", "u-1", "ok", "not_sent", "\r\nX-Gate: 1", "ﷺ" * 40, "x" * 9_000, "🙂"]
)
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 1, 2, 1_000, 1_001, 10**7, 10**9, 2**31, 2**63, 2**64, HUGE, -HUGE, 1e308, 0.0, -0.0])
)
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS
NESTED = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
FIELDS = [*ASK, "text", "unit", "session", "attributes", "idempotency_key", "request_id", "attempt", "reservation"]
FIELDS += ["outcome", "output_tokens", "model"]
SAID = st.dictionaries(st.sampled_from(FIELDS), NESTED, max_size=6)
# Deep enough to be read, and too deep to be written down again.
DEEP = [b"[" * 60_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 980 + b"]" * 980]
BODIES = [b"", b"null", b"[]", b"{", b"\xff\xfe{", b'"a"', b"1e999", b"NaN", b"\xef\xbb\xbf{}", b"9" * 5_000, *DEEP]

anything = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def running_world(world: World) -> World:
    """A rollout by cohort, a rule, a gate: each field is looked at by something."""
    snapshot.snapshots.clear(), classifiers.clear(), ofrep._credentials.clear()
    in_service(world)
    gated(world, ceiling=10**9)
    with tenant_transaction(world.tenant.id):
        classifying.add_rule(tenant_id=world.tenant.id, workload=world.workload, written="refund", actor=SETUP)
    return world


@pytest.fixture
def asked(running_world: World) -> Any:
    """Posts a body to one of the three; the token, and a reservation to be settled, are there."""
    raw = running_world.token("decide")
    client = Client(headers={"Authorization": f"Bearer {raw}"})

    def post(path: str, body: bytes, **headers: str) -> Any:
        return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    post.begun = post("dispatch", json.dumps(ASK).encode()).json()  # type: ignore[attr-defined]
    assert post.begun["reservation"], post.begun  # type: ignore[attr-defined]
    return post


def judged(answer: Any) -> None:
    assert answer.status_code in FINE, answer.content
    body = answer.json()
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert body["code"] and body["detail"]


@anything
@given(SAID, TEXTS.filter(lambda text: text.isprintable()))
@example({"workload": None, "text": "a refund please"}, "")
@example({"attributes": {"a": HUGE}}, "")
def test_whatever_is_said_to_dispatch_is_answered(asked: Any, said: dict[str, Any], inside: str) -> None:
    judged(asked("dispatch", json.dumps({**ASK, **said}).encode(), **{"X-Request-Id": inside}))


@anything
@given(SAID)
def test_whatever_is_said_to_reserve_is_answered(asked: Any, said: dict[str, Any]) -> None:
    begun = {"request_id": asked.begun["request_id"], "attempt": 2, "input_tokens": 10}
    judged(asked("reserve", json.dumps({**begun, **said}).encode()))


@anything
@given(SAID)
def test_whatever_is_said_to_settle_is_answered(asked: Any, said: dict[str, Any]) -> None:
    used = {"reservation": asked.begun["reservation"]["id"]}
    judged(asked("settle", json.dumps({**used, **said}).encode()))


@pytest.mark.parametrize("path", ["dispatch", "reserve", "settle"])
def test_a_body_that_is_no_object_is_refused_and_holds_nothing(asked: Any, running_world: World, path: str) -> None:
    for body in BODIES:
        answer = asked(path, body)
        judged(answer)
        assert answer.status_code == 400, body[:20]
    answer = asked(path, b'{"workload": "' + b"x" * 70_000 + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    with tenant_transaction(running_world.tenant.id):
        assert Reservation.objects.count() == 1, "the one that the test began with"


@pytest.mark.parametrize("name", ["attributes", "request_id", "user", "text"])
@pytest.mark.parametrize("depth", [100, 400, 900, 990, 2_000])
def test_a_deep_value_is_answered_wherever_it_stands(world: World, asked: Any, name: str, depth: int) -> None:
    deep = ('{"country":' * depth + "1" + "}" * depth).encode()
    body = json.dumps(ASK).encode()[:-1] + b', "' + name.encode() + b'": ' + deep + b"}"
    judged(asked("dispatch", body))


def test_a_field_that_is_said_twice_counts_as_it_was_said_last(asked: Any) -> None:
    body = json.dumps(ASK).encode()[:-1] + b', "workload": "W-99"}'
    assert asked("dispatch", body).status_code == 404


def test_a_models_name_cannot_break_the_headers(world: World) -> None:
    """People name models; what doesn't fit into a header's line is put into one."""
    snapshot.snapshots.clear(), ofrep._credentials.clear()
    with tenant_transaction(world.tenant.id):
        odd = workloads.add_version(
            workload=world.workload,
            label="odd",
            model="sonnet\r\nX-Evil: 1",
            prompt_digest="sha256:odd",
            why="w",
            made_by=world.alice,
            actor=SETUP,
        )
        Workload.objects.filter(id=world.workload.id).update(serving_version=odd)
    gated(world)
    client = Client(headers={"Authorization": f"Bearer {world.token('decide')}"})
    answer = client.post("/api/v1/dispatch", json.dumps(ASK), content_type="application/json")
    assert (answer.status_code, answer.json()["requested_model"]) == (402, "sonnet\r\nX-Evil: 1")
    assert "X-Evil" not in answer.headers
    assert answer.headers["X-Gate-Model-Requested"] == "sonnet  X-Evil: 1"
