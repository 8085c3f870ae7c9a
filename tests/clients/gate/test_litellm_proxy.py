"""The hook as LiteLLM's proxy calls it: who asks is what the proxy has authenticated, and a refusal is ours (COST-6).

The proxy's own packages aren't here, so each of its steps is made in its order; the Router between them is real.
"""

import sys
import types
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from causeway_client import Retries
from causeway_client.litellm_hook import CausewayHook, GateRefused, Ticket
from tests.clients.gate.ledger import PRIMARY
from tests.clients.gate.serving import Portal
from tests.clients.gate.test_litellm_hook import BODY, hooked, router

pytestmark = pytest.mark.anyio
Maker = Callable[..., Any]
KEY = SimpleNamespace(user_id="alice", metadata={"causeway_workload": "W-01"}, team_metadata=None)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class HTTPException(Exception):
    """As FastAPI's: what the proxy turns into an answer."""

    def __init__(self, status_code: int, detail: Any, headers: dict[str, str]) -> None:
        super().__init__(detail)
        self.status_code, self.detail, self.headers = status_code, detail, headers


@pytest.fixture(autouse=True)
def _fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("fastapi")
    module.HTTPException = HTTPException  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fastapi", module)


def sent(**fields: Any) -> dict[str, Any]:
    """What a client posts, as the proxy hands it on."""
    return {"model": "whatever", **BODY, "metadata": {}, "proxy_server_request": {"headers": {}}, **fields}


async def admit(hook: CausewayHook, data: dict[str, Any], key: Any = KEY, kind: str = "acompletion") -> dict[str, Any]:
    return await hook.async_pre_call_hook(key, None, data, kind)


def asked(portal: Portal) -> dict[str, Any]:
    return portal.ledger.asked[0][1]


async def test_a_request_goes_through_the_proxy(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model()
    async with hooked(portal, models={PRIMARY: "sonnet"}) as hook:
        data = await admit(hook, sent(model="any", max_tokens=9))
        assert data["model"] == "sonnet"
        answer = await router(provider, "sonnet").acompletion(**data)
        headers = await hook.async_post_call_response_headers_hook(data, KEY, answer, request_headers={})
    assert headers == {"x-gate-decision": "admitted", "x-gate-model-served": PRIMARY, "x-request-id": "req-1"}
    assert portal.book().outcomes() == [(1, "ok", (3, 9))]
    assert (asked(portal)["workload"], asked(portal)["user"]) == ("W-01", "alice")


async def test_a_stream_goes_through_the_proxy(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(words=4)
    async with hooked(portal) as hook:
        data = await admit(hook, sent(stream=True))
        stream = await router(provider).acompletion(**data)
        headers = await hook.async_post_call_response_headers_hook(data, KEY, stream)
        chunks = [chunk async for chunk in hook.async_post_call_streaming_iterator_hook(KEY, stream, data)]
    assert len(chunks) > 4 and headers is not None and headers["x-gate-decision"] == "admitted"
    assert portal.book().outcomes() == [(1, "ok", (3, 4))]


async def test_a_client_that_hangs_up_gets_nothing_back(open_portal: Maker, open_model: Maker) -> None:
    """LiteLLM then logs a success with what it has counted of the part; the provider may have gone on."""
    portal, provider = open_portal(), open_model(words=8, delay=0.01)
    async with hooked(portal) as hook:
        data = await admit(hook, sent(stream=True))
        stream = await router(provider).acompletion(**data)
        reading = hook.async_post_call_streaming_iterator_hook(KEY, stream, data)
        await anext(reading)
        await reading.aclose()
        part = litellm.stream_chunk_builder(stream.chunks)
        assert part.usage.completion_tokens > 0
        await stream.logging_obj.async_success_handler(part)
    assert portal.book().outcomes() == [(1, "cancelled", None)]


async def test_a_monthly_cap_is_a_402_with_our_body(open_portal: Maker) -> None:
    async with hooked(open_portal(ceiling=1)) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent())
    assert refused.value.status_code == 402
    assert (refused.value.detail["code"], refused.value.detail["next"]) == (
        "budget_refused",
        "Ask the owner of the budget.",
    )
    assert refused.value.headers["x-should-retry"] == "false"
    assert refused.value.headers["x-gate-decision"] == "refused"


async def test_no_agent_is_a_503_with_the_fallback(open_portal: Maker) -> None:
    async with hooked(open_portal(handler="fallback")) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent())
    assert refused.value.status_code == 503
    assert refused.value.detail["fallback"]["address"] == "https://old.example/form"


async def test_a_shadow_run_is_no_answer_and_holds_nothing(open_portal: Maker) -> None:
    portal = open_portal(handler="shadow")
    async with hooked(portal) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent())
    assert (refused.value.status_code, portal.book().outcomes()) == (503, [(1, "not_sent", None)])


@pytest.mark.parametrize("messages", ["text", [7], [{"content": {"a": "b" * 50}}], None])
@pytest.mark.parametrize("metadata", [None, "text", {"causeway": "req-1"}])
async def test_a_body_nobody_can_read_is_counted_by_its_length(
    open_portal: Maker, messages: Any, metadata: Any
) -> None:
    """Refusing it is the model's affair; here it must only not be free."""
    portal = open_portal()
    async with hooked(portal) as hook:
        data = await admit(hook, sent(messages=messages, metadata=metadata))
    assert type(data["metadata"]["causeway"]) is Ticket
    assert asked(portal)["input_tokens"] > 0


async def test_a_limit_by_the_minute_may_be_asked_again(open_portal: Maker) -> None:
    portal = open_portal()
    portal.ledger.faults.extend(["429"] * 4)
    async with hooked(portal, retries=Retries(first=0.001)) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent())
    assert refused.value.status_code == 429
    assert refused.value.headers == {"retry-after": "0"}


async def test_a_portal_that_is_not_there_admits_nothing(open_portal: Maker) -> None:
    """COST-5: fail closed on money."""
    away = Portal("http://127.0.0.1:1", "secret", open_portal().ledger)
    async with hooked(away) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent())
    assert refused.value.status_code == 503


async def test_a_refusal_of_a_later_attempt_is_ours_too(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(attempts=1), open_model(failures=["500"])
    async with hooked(portal) as hook:
        data = await admit(hook, sent())
        with pytest.raises(GateRefused) as inside:
            await router(provider, num_retries=2).acompletion(**data)
        outside = await hook.async_post_call_failure_hook(data, inside.value, KEY)
    assert isinstance(outside, HTTPException)
    assert (outside.status_code, outside.detail["code"]) == (429, "runaway")


async def test_what_another_callback_stops_is_given_back(open_portal: Maker) -> None:
    portal = open_portal()
    async with hooked(portal) as hook:
        data = await admit(hook, sent())
        assert await hook.async_post_call_failure_hook(data, ValueError("a guardrail"), KEY) is None
    assert portal.book().outcomes() == [(1, "not_sent", None)]


# Who asks


@pytest.mark.parametrize(
    ("key", "workload", "user"),
    [
        ({"metadata": {"causeway_workload": "W-01"}}, "W-01", "alice"),
        ({"metadata": {"causeway_workload": "W-01", "causeway_user": "desk"}}, "W-01", "desk"),
        ({"metadata": {"causeway_workload": "W-01", "causeway_users": "body"}}, "W-01", "mallory"),
        ({"team_metadata": {"causeway_workload": "W-02"}}, "W-02", "alice"),
        ({"metadata": {"causeway_workload": "W-01"}, "team_metadata": {"causeway_workload": "W-02"}}, "W-01", "alice"),
    ],
)
async def test_workload_and_user_are_those_of_the_key(
    open_portal: Maker, key: dict[str, Any], workload: str, user: str
) -> None:
    """What a body says of its user counts only where the owner of the key vouches for it; headers never do."""
    portal = open_portal()
    claims = {"causeway_workload": "W-99", "causeway_user": "mallory", "causeway_users": "body"}
    headers = {"x-litellm-end-user-id": "mallory", "causeway_workload": "W-99"}
    data = sent(user="mallory", metadata=claims, proxy_server_request={"headers": headers})
    async with hooked(portal) as hook:
        await admit(hook, data, SimpleNamespace(**{"user_id": "alice", "end_user_id": "mallory", **key}))
    assert (asked(portal)["workload"], asked(portal)["user"]) == (workload, user)


@pytest.mark.parametrize(
    "key", [{"user_id": "alice"}, {"metadata": {"causeway_workload": "W-01"}}, {"metadata": {"causeway_workload": 7}}]
)
async def test_a_key_without_a_workload_or_a_user_may_not_call(open_portal: Maker, key: dict[str, Any]) -> None:
    portal = open_portal()
    async with hooked(portal) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent(), SimpleNamespace(**key))
    assert (refused.value.status_code, refused.value.detail["code"]) == (403, "no_workload")
    assert portal.ledger.asked == []


async def test_a_call_id_chosen_by_the_client_holds_nothing_twice_for_one_price(open_portal: Maker) -> None:
    """The key of a dispatch is ours, so two calls under one id are two holds."""
    portal = open_portal()
    async with hooked(portal) as hook:
        for _ in range(2):
            await admit(hook, sent(litellm_call_id="mine", idempotency_key="mine"))
    assert len(portal.book().rows) == 2


async def test_an_agent_that_calls_with_our_request_id_is_seen(open_portal: Maker) -> None:
    """DISP-4."""
    portal = open_portal()
    async with hooked(portal) as hook:
        first = await admit(hook, sent())
        headers = {"X-Request-ID": str(first["metadata"]["causeway"])}
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent(proxy_server_request={"headers": headers}))
    assert (refused.value.status_code, refused.value.detail["code"]) == (409, "chained_call")


async def test_other_kinds_of_calls_are_refused_unless_let_through(open_portal: Maker) -> None:
    async with hooked(open_portal(), let_through=["aembedding"]) as hook:
        with pytest.raises(HTTPException) as refused:
            await admit(hook, sent(), kind="aimage_generation")
        assert refused.value.status_code == 400
        assert await admit(hook, sent(), kind="aembedding") == sent()


def test_litellm_finds_the_hooks_on_the_class_itself() -> None:
    """It looks at the leaf class alone, so a subclass without them would be passed over in silence."""
    for name in (
        "async_pre_call_hook",
        "async_post_call_response_headers_hook",
        "async_post_call_streaming_iterator_hook",
    ):
        assert name in CausewayHook.__dict__ and hasattr(CustomLogger, name)
    for name in (
        "async_pre_call_deployment_hook",
        "async_post_call_success_deployment_hook",
        "async_post_call_failure_deployment_hook",
        "async_post_call_failure_hook",
        "async_log_success_event",
    ):
        assert hasattr(CustomLogger, name)


def test_it_is_made_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSEWAY_URL", "https://portal.example")
    monkeypatch.setenv("CAUSEWAY_TOKEN", "secret")
    assert isinstance(CausewayHook.from_environment(models={PRIMARY: "sonnet"}), CausewayHook)
    monkeypatch.delenv("CAUSEWAY_TOKEN")
    with pytest.raises(KeyError, match="CAUSEWAY_TOKEN"):
        CausewayHook.from_environment()
