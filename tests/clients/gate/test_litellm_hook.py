"""The real LiteLLM, its calls and its Router, with our hook, a model and a portal on loopback (COST-4, COST-6)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import litellm
import openai
import pytest
from litellm.integrations.custom_logger import CustomLogger

from causeway_client import AsyncClient, Retries
from causeway_client.litellm_hook import CausewayHook, GateRefused
from tests.clients.gate.ledger import PRIMARY, SMALLER
from tests.clients.gate.serving import Model, Portal

pytestmark = pytest.mark.anyio
Maker = Callable[..., Any]
BODY = {"messages": [{"role": "user", "content": "one two three"}]}
WHO = {"workload": "W-01", "user": "u42"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def hooked(portal: Portal, retries: Retries | None = None, **options: Any) -> AsyncIterator[CausewayHook]:
    """LiteLLM with the hook; afterwards everything is said to the portal."""
    async with AsyncClient(portal.address, portal.token, retries=retries) as client:
        hook = CausewayHook(client, **options)
        litellm.callbacks = [hook]
        try:
            yield hook
            await asyncio.sleep(0.05)  # LiteLLM logs in tasks of its own
        finally:
            litellm.logging_callback_manager._reset_all_callbacks()


def router(provider: Model, *groups: str, **options: Any) -> Any:
    deployment = {"model": "openai/gpt", "api_base": provider.address, "api_key": "k"}
    models = [{"model_name": group, "litellm_params": dict(deployment)} for group in groups or (PRIMARY,)]
    return litellm.Router(model_list=models, retry_after=0, **options)


def direct(provider: Model, **body: Any) -> dict[str, Any]:
    return {**BODY, "api_base": provider.address, "api_key": "k", **body}


# One attempt


async def test_a_call_is_held_bounded_and_settled(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(words=10)
    limited = {**BODY, "max_tokens": 8}
    async with hooked(portal, count=lambda body: 7) as hook, hook.request(limited, **WHO) as request:
        assert portal.book().held == 15
        await router(provider).acompletion(**request)
    assert provider.asked[0]["max_tokens"] == 8
    assert portal.book().outcomes() == [(1, "ok", (3, 8))]
    assert provider.billed == portal.book().settled == 11


async def test_at_the_cap_no_model_is_asked(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(ceiling=5), open_model()
    async with hooked(portal) as hook:
        with pytest.raises(GateRefused) as refused:
            async with hook.request(BODY, **WHO) as request:
                await router(provider).acompletion(**request)
    assert (refused.value.error.status, refused.value.error.code) == (402, "budget_refused")
    assert (provider.asked, portal.book().rows) == ([], ())


async def test_past_a_soft_cap_the_smaller_model_is_asked(open_portal: Maker, open_model: Maker) -> None:
    portal, dear, cheap = open_portal(ceiling=5, overage="soft_cap"), open_model(), open_model()
    both = router(dear)
    both.add_deployment(
        litellm.Deployment(
            model_name="small", litellm_params={"model": "openai/s", "api_base": cheap.address, "api_key": "k"}
        )
    )
    async with hooked(portal, models={SMALLER: "small"}) as hook, hook.request(BODY, **WHO) as request:
        await both.acompletion(**request)
        headers = await hook.async_post_call_response_headers_hook(request, None, None)
    assert (len(dear.asked), len(cheap.asked)) == (0, 1)
    assert headers == {"x-gate-decision": "degraded", "x-gate-model-served": SMALLER, "x-request-id": "req-1"}


async def test_no_agent_means_no_model(open_portal: Maker, open_model: Maker) -> None:
    async with hooked(open_portal(handler="fallback")) as hook:
        with pytest.raises(GateRefused) as refused:
            async with hook.request(BODY, **WHO):
                pass
    assert (refused.value.error.status, refused.value.error.code) == (503, "fallback")
    assert refused.value.error.fallback["address"] == "https://old.example/form"


async def test_what_was_never_attempted_is_given_back(open_portal: Maker) -> None:
    portal = open_portal()
    async with hooked(portal) as hook:
        with pytest.raises(KeyError):
            async with hook.request(BODY, **WHO):
                raise KeyError
    assert portal.book().outcomes() == [(1, "not_sent", None)]


@pytest.mark.parametrize(
    "smuggled",
    [
        {"extra_body": {"max_tokens": 999, "options": {"num_predict": 999}}},
        {"max_tokens": 12, "max_completion_tokens": 999},
        {"extra_body": {"n": 5, "max_completion_tokens": 999}},
    ],
)
async def test_no_other_limit_reaches_the_model(open_portal: Maker, open_model: Maker, smuggled: Any) -> None:
    portal, provider = open_portal(learned=12), open_model(words=50)
    async with hooked(portal) as hook, hook.request({**BODY, **smuggled}, **WHO) as request:
        await router(provider).acompletion(**request)
    sent = provider.asked[0]
    assert ("n" not in sent and "options" not in sent) or sent["options"] == {}
    assert [sent[name] for name in ("max_tokens", "max_completion_tokens") if name in sent] == [12]
    assert portal.book().settled == 15


async def test_several_answers_share_the_hold(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(learned=12), open_model(words=50)
    async with hooked(portal) as hook, hook.request({**BODY, "n": 3}, **WHO) as request:
        await router(provider).acompletion(**request)
    assert (provider.asked[0]["n"], provider.asked[0]["max_tokens"]) == (3, 4)
    assert portal.book().settled == 15


async def test_less_than_a_token_for_each_answer_is_given_back(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(learned=2), open_model()
    async with hooked(portal) as hook:
        with pytest.raises(GateRefused, match="one token for each"):
            async with hook.request({**BODY, "n": 3}, **WHO) as request:
                await router(provider).acompletion(**request)
    assert (portal.book().outcomes(), provider.asked) == ([(1, "not_sent", None)], [])


async def test_usage_nobody_reports_is_not_zero(open_portal: Maker, open_model: Maker) -> None:
    """LiteLLM fills in zeros; they would give the whole hold back."""
    portal, provider = open_portal(), open_model(reports=False)
    async with hooked(portal) as hook, hook.request(BODY, **WHO) as request:
        answer = await router(provider).acompletion(**request)
    assert answer.usage.total_tokens == 0
    assert portal.book().outcomes() == [(1, "ok", None)]


async def test_litellms_mock_reply_is_settled(open_portal: Maker) -> None:
    portal = open_portal(learned=20)
    mocked = {**BODY, "mock_response": "hello"}
    async with hooked(portal, models={PRIMARY: "openai/gpt"}) as hook, hook.request(mocked, **WHO) as request:
        await litellm.acompletion(**request)
    assert portal.book().outcomes() == [(1, "ok", (10, 20))]


class FromCache(CustomLogger):
    """Tells the next callback, as LiteLLM does, that the answer came from its cache."""

    async def async_log_success_event(self, kwargs: dict[str, Any], *arguments: Any, **options: Any) -> None:
        kwargs["cache_hit"] = True


async def test_an_answer_from_litellms_cache_costs_nothing(
    open_portal: Maker, open_model: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM's cache needs the proxy's packages; a hit is told by its log event and by nothing else."""

    async def not_called_for_a_hit(*arguments: Any, **options: Any) -> None:
        return None

    portal, provider = open_portal(), open_model()
    async with hooked(portal) as hook:
        monkeypatch.setattr(hook, "async_post_call_success_deployment_hook", not_called_for_a_hit)
        litellm.callbacks = [FromCache(), hook]
        async with hook.request(BODY, **WHO) as request:
            await router(provider).acompletion(**request)
        await asyncio.sleep(0.3)
    assert portal.book().outcomes() == [(1, "not_sent", None)]


# Retries and fallbacks: each has a hold of its own


async def test_each_retry_is_an_attempt(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(failures=["500", "503"])
    async with hooked(portal) as hook, hook.request(BODY, **WHO) as request:
        await router(provider, num_retries=3).acompletion(**request)
    assert portal.book().outcomes() == [(1, "failed", None), (2, "failed", None), (3, "ok", (3, 10))]
    assert len(provider.asked) == 3


@pytest.mark.parametrize("status", ["401", "403", "404", "429"])
async def test_what_a_provider_turns_away_is_not_charged(open_portal: Maker, open_model: Maker, status: str) -> None:
    portal, provider = open_portal(), open_model(failures=[status])
    async with hooked(portal) as hook:
        with pytest.raises(openai.APIError):
            async with hook.request(BODY, **WHO) as request:
                await router(provider, num_retries=0).acompletion(**request)
    assert portal.book().outcomes() == [(1, "failed", (0, 0))]


@pytest.mark.parametrize("own", [{"num_retries": 3}, {"max_retries": 3}, {"fallbacks": ["openai/other"]}])
async def test_nothing_below_the_hook_sends_twice(
    open_portal: Maker, open_model: Maker, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM's and OpenAI's own retries would send again on the same hold."""
    monkeypatch.setattr(litellm, "num_retries", 2)
    portal, provider = open_portal(), open_model(failures=["500", "500"])
    async with hooked(portal, models={PRIMARY: "openai/gpt"}) as hook:
        with pytest.raises(litellm.exceptions.InternalServerError):
            async with hook.request(direct(provider, **own), **WHO) as request:
                await litellm.acompletion(**request)
    assert (len(provider.asked), portal.book().outcomes()) == (1, [(1, "failed", None)])


async def test_a_refused_retry_ends_the_request_and_blames_no_deployment(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(attempts=1), open_model(failures=["500"])
    several = router(provider, PRIMARY, PRIMARY, "other", num_retries=3, fallbacks=[{PRIMARY: ["other"]}])
    async with hooked(portal) as hook:
        with pytest.raises(GateRefused) as refused:
            async with hook.request(BODY, **WHO) as request:
                await several.acompletion(**request)
        assert refused.value.error.code == "runaway"
        assert [path for path, _, _ in portal.ledger.asked].count("/api/v1/reserve") == 1
        async with hook.request(BODY, **WHO) as request:
            await several.acompletion(**request)
    assert len(provider.asked) == 2


@pytest.mark.parametrize(("also", "asked"), [((), 1), (("other",), 2)])
async def test_a_fallback_goes_to_another_model_only_if_that_is_allowed(
    open_portal: Maker, open_model: Maker, also: tuple[str, ...], asked: int
) -> None:
    portal, provider = open_portal(), open_model(failures=["500"])
    several = router(provider, PRIMARY, "other", num_retries=0, fallbacks=[{PRIMARY: ["other"]}])
    async with hooked(portal, also=also) as hook, hook.request(BODY, **WHO) as request:
        if also:
            await several.acompletion(**request)
        else:
            with pytest.raises((GateRefused, litellm.exceptions.InternalServerError)):
                await several.acompletion(**request)
    assert len(provider.asked) == asked
    assert portal.book().outcomes()[1:] == ([(2, "ok", (3, 10))] if also else [(2, "not_sent", None)])


async def test_calls_at_once_under_one_request_are_attempts_of_their_own(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(delay=0.02)
    async with hooked(portal) as hook, hook.request(BODY, **WHO) as request:
        several = router(provider)
        await asyncio.gather(*(several.acompletion(**request) for _ in range(4)))
    assert sorted(portal.book().outcomes()) == [(number, "ok", (3, 10)) for number in (1, 2, 3, 4)]


# What doesn't come through the gate


async def test_a_call_without_a_ticket_is_refused(open_portal: Maker, open_model: Maker) -> None:
    provider = open_model()
    async with hooked(open_portal()):
        for metadata in ({}, {"causeway": "req-1"}, {"causeway": {"gated": True}}):
            with pytest.raises(GateRefused, match="did not come through the gate"):
                await litellm.acompletion(**direct(provider, model="openai/gpt", metadata=metadata))
    assert provider.asked == []


async def test_other_kinds_of_calls_pass_only_if_let_through(open_portal: Maker) -> None:
    options = {"model": "openai/e", "input": ["a"], "mock_response": [0.1], "api_key": "k"}
    async with hooked(open_portal()):
        with pytest.raises(GateRefused):
            await litellm.aembedding(**options)
    async with hooked(open_portal(), let_through=["aembedding"]):
        await litellm.aembedding(**options)


async def test_a_model_other_than_the_admitted_one_is_refused(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model()
    async with hooked(portal) as hook:
        with pytest.raises(GateRefused, match="not admitted"):
            async with hook.request(direct(provider), **WHO) as request:
                await litellm.acompletion(**{**request, "model": "openai/dearer"})
    assert (provider.asked, portal.book().outcomes()) == ([], [(1, "not_sent", None)])


# Streams


async def test_a_stream_is_settled_once(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(words=5)
    async with hooked(portal) as hook, hook.request({**BODY, "stream": True}, **WHO) as request:
        stream = hook.read(await router(provider).acompletion(**request), request)
        words = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert words == "word " * 5
    assert provider.asked[0]["stream_options"] == {"include_usage": True}
    assert portal.book().outcomes() == [(1, "ok", (3, 5))]
    assert [path for path, _, _ in portal.ledger.asked].count("/api/v1/settle") == 1


async def test_a_stream_whose_reader_leaves_keeps_its_hold(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(words=8, delay=0.01)
    async with hooked(portal) as hook, hook.request({**BODY, "stream": True}, **WHO) as request:
        stream = hook.read(await router(provider).acompletion(**request), request)
        await anext(stream)
        await stream.aclose()
    assert portal.book().outcomes() == [(1, "cancelled", None)]
    assert portal.book().held > 0


async def test_a_stream_without_usage_keeps_its_hold_whatever_litellm_counts(
    open_portal: Maker, open_model: Maker
) -> None:
    portal, provider = open_portal(), open_model(words=5, reports=False)
    async with hooked(portal) as hook, hook.request({**BODY, "stream": True}, **WHO) as request:
        stream = hook.read(await router(provider).acompletion(**request), request)
        counted = [chunk.usage for chunk in [chunk async for chunk in stream] if getattr(chunk, "usage", None)]
    assert counted[-1].completion_tokens > 0, "LiteLLM has counted by itself"
    assert portal.book().outcomes() == [(1, "ok", None)]


async def test_a_stream_that_breaks_keeps_its_hold(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model(words=5, failures=["broken"])
    async with hooked(portal) as hook:
        with pytest.raises(openai.APIError):
            async with hook.request({**BODY, "stream": True}, **WHO) as request:
                async for _ in hook.read(await router(provider, num_retries=0).acompletion(**request), request):
                    pass
    assert portal.book().outcomes() == [(1, "cancelled", None)]


async def test_a_stream_that_fails_before_it_starts_is_retried_with_a_hold_of_its_own(
    open_portal: Maker, open_model: Maker
) -> None:
    portal, provider = open_portal(), open_model(words=5, failures=["500"])
    async with hooked(portal) as hook, hook.request({**BODY, "stream": True}, **WHO) as request:
        async for _ in hook.read(await router(provider, num_retries=1).acompletion(**request), request):
            pass
    assert portal.book().outcomes() == [(1, "failed", None), (2, "ok", (3, 5))]


async def test_a_stream_that_breaks_before_its_first_word_leaves_open_whose_usage_it_was(
    open_portal: Maker, open_model: Maker
) -> None:
    """The Router goes on with another deployment inside the same stream: both may have been billed, so both stand."""
    portal, provider = open_portal(), open_model(words=5, failures=["silent"])
    several = router(provider, PRIMARY, "other", num_retries=0, fallbacks=[{PRIMARY: ["other"]}])
    async with hooked(portal, also=["other"]) as hook, hook.request({**BODY, "stream": True}, **WHO) as request:
        words = [chunk async for chunk in hook.read(await several.acompletion(**request), request)]
    assert len(words) > 5 and len(provider.asked) == 2
    assert portal.book().outcomes() == [(1, None, None), (2, None, None)]


async def test_a_stream_nobody_reads_to_its_end_here_keeps_its_hold(open_portal: Maker, open_model: Maker) -> None:
    """Read past the hook, LiteLLM's own success event is not taken for the provider's word."""
    portal, provider = open_portal(), open_model(words=5)
    async with hooked(portal) as hook, hook.request({**BODY, "stream": True}, **WHO) as request:
        async for _ in await router(provider).acompletion(**request):
            pass
        await asyncio.sleep(0.2)
    assert portal.book().outcomes() == [(1, None, None)]


async def test_settling_makes_nobody_wait(open_portal: Maker, open_model: Maker) -> None:
    portal, provider = open_portal(), open_model()
    async with hooked(portal) as hook, hook.request(BODY, **WHO) as request:
        portal.ledger.faults.append("slow")
        started = time.monotonic()
        await router(provider).acompletion(**request)
        assert time.monotonic() - started < 0.8
    assert portal.book().outcomes() == [(1, "ok", (3, 10))]


async def test_nothing_was_fetched(open_portal: Maker, open_model: Maker, nothing_goes_online: list[Any]) -> None:
    """Neither prices nor tokenizers nor pictures: the input is counted here."""
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png", "detail": "high"}}
    portal, provider = open_portal(ceiling=100_000), open_model()
    content = [{"type": "text", "text": "what?"}, picture]
    body = direct(provider, messages=[{"role": "user", "content": content}])
    async with hooked(portal, models={PRIMARY: "openai/claude-4-5"}) as hook, hook.request(body, **WHO) as request:
        await litellm.acompletion(**request)
    assert portal.ledger.asked[0][1]["input_tokens"] > 85
    assert nothing_goes_online == []
