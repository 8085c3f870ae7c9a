"""Causeway in front of LiteLLM, as proxy or as library: each attempt of a model call has a hold of its own (COST-4).

LiteLLM calls us at two places that matter. Before it routes a request we dispatch: the portal says which model answers
and how much it may say. Before each *attempt* - the first, a retry, a fallback - it asks us again, and from the second
on we reserve anew. What an attempt has used is settled from what the provider reports and from nothing else: LiteLLM's
own estimates, of a stream without usage or of one whose client has hung up, would give back what may have been spent.

Written against LiteLLM 1.106; docs/integrations/litellm.md says what it relies on.
"""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import litellm
from litellm.integrations.custom_logger import CustomLogger

from causeway_client.aio import AsyncClient
from causeway_client.call import Attempt
from causeway_client.errors import BudgetRefused, CausewayError, Limited
from causeway_client.openai_body import bounded, wanted
from causeway_client.usage import Reading, usage_of
from causeway_client.wire import Ask, Decision, Size, Usage, dispatch, reserve

KEY = "causeway"
CACHED = "cached_response"  # what LiteLLM names as the provider of a stream from its cache
CHAT = ("completion", "acompletion")
# Answered before any model ran. Not 400 and not 408: some providers bill the prompt of a filtered or timed-out call.
UNBILLED = (401, 403, 404, 429)
NO_AGENT = "No agent answers this: use the fallback."
HEADROOM = 1.2  # tokenizers differ; what the provider counts is what is settled


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose budget a request is, as the application or the proxy vouches for it."""

    workload: str
    user: str
    session: str | None = None
    request_id: str | None = None


class GateRefused(Exception):
    """An attempt that may not be made. LiteLLM neither retries this status nor blames the deployment for it."""

    status_code = 422

    def __init__(self, error: CausewayError) -> None:
        super().__init__(error.detail)
        self.message, self.error = error.detail, error


@dataclass(slots=True)
class Gated:
    """One request: what it was told last, and the attempts that are still open."""

    decision: Decision
    is_ready: bool = True  # admitted, and no attempt has used it yet
    number: int = 1
    open: list[Attempt] = field(default_factory=list)
    refusal: CausewayError | None = None


class Ticket(str):
    """What a request carries through LiteLLM: in its metadata, where a caller can put text, but never one of these."""

    gated: Gated
    attempt: Attempt | None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Ticket":
        return self


def ticket(gated: Gated, attempt: Attempt | None = None) -> Ticket:
    made = Ticket(gated.decision.request_id)
    made.gated, made.attempt = gated, attempt
    return made


def ticket_of(*places: Any) -> Ticket | None:
    """The ticket in the first of these mappings that has one, in itself or in its metadata."""
    for place in places:
        if not isinstance(place, Mapping):
            continue
        for found in (place, place.get("metadata"), place.get("litellm_metadata")):
            if isinstance(found, Mapping) and isinstance(found.get(KEY), Ticket):
                carried: Ticket = found[KEY]
                return carried
    return None


def carrying(body: Mapping[str, Any], carried: Ticket) -> dict[str, Any]:
    """The body with the ticket in copies of its metadata, so that attempts don't overwrite each other's."""
    found = {name: body[name] for name in ("metadata", "litellm_metadata") if isinstance(body.get(name), Mapping)}
    return {**body, **{name: {**inner, KEY: carried} for name, inner in {"metadata": {}, **found}.items()}}


def count(body: Mapping[str, Any]) -> int:
    """Tokens of the input, with headroom. Never goes online: no tokenizer and no picture is fetched."""
    found = [body.get(name) or [] for name in ("messages", "tools")]
    extra = [body[name] for name in ("functions", "response_format") if body.get(name)]
    try:
        tokens = litellm.token_counter("gpt-4", messages=found[0], tools=found[1], use_default_image_token_count=True)
        tokens += litellm.token_counter("gpt-4", text=json.dumps(extra)) if extra else 0
    except Exception:  # whatever it raises for what it can't read
        tokens = 0
    return int(tokens * HEADROOM) + 1 if tokens > 0 else len(json.dumps([found, extra], default=str))


def reported(response: Any) -> Usage:
    """What the provider reports. LiteLLM fills in zeros where it reports nothing; no real call has an empty input."""
    found = usage_of(response) or Usage()
    return found if found.input_tokens else Usage()


class CausewayHook(CustomLogger):  # type: ignore[misc]  # litellm is read without its types
    """``client`` asks the portal. ``models``: the portal's names of models to LiteLLM's, where they differ.

    ``also``: model groups that a Router may fall back to, at most as dear as what was admitted. ``let_through``: kinds
    of call, as LiteLLM names them, that may pass without a budget; any other that is no chat is refused.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        models: Mapping[str, str] | None = None,
        also: Iterable[str] = (),
        let_through: Iterable[str] = (),
        count: Callable[[Mapping[str, Any]], int] = count,
    ) -> None:
        super().__init__()
        self._client, self._models = client, dict(models or {})
        self._also, self._let_through, self._count = frozenset(also), frozenset(let_through), count

    @classmethod
    def from_environment(cls, **options: Any) -> "CausewayHook":
        """With ``CAUSEWAY_URL`` and ``CAUSEWAY_TOKEN`` (scope ``decide``)."""
        return cls(AsyncClient(os.environ["CAUSEWAY_URL"], os.environ["CAUSEWAY_TOKEN"]), **options)

    # The library: a block around a call of litellm or of its Router

    @asynccontextmanager
    async def request(
        self, body: Mapping[str, Any], *, workload: str, user: str, session: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yields what to give to ``acompletion``. Raises GateRefused; what was never attempted is given back."""
        admitted = await self._begin(body, Asker(workload, user, session))
        try:
            yield admitted
        finally:
            self._give_back(admitted)

    async def read(self, stream: Any, request: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Hands a stream's chunks on and settles at its end. Broken off, the attempt keeps its hold."""
        is_whole = False
        try:
            async for chunk in stream:
                yield chunk
            is_whole = True
        finally:
            self._stream_ended(ticket_of(request), stream, is_whole=is_whole)
            if not is_whole and hasattr(stream, "aclose"):
                await stream.aclose()  # so that the provider stops too

    # The proxy: LiteLLM looks these up on the class itself, so don't subclass it

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        if call_type in self._let_through:
            return data
        try:
            if call_type not in CHAT:
                _refuse("not_gated", f"Calls of the kind {call_type} have no budget here.", status=400)
            return await self._begin(data, asker_of(user_api_key_dict, data))
        except GateRefused as refused:
            raise http_error(refused.error) from refused

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        async for chunk in self.read(response, request_data):
            yield chunk

    async def async_post_call_response_headers_hook(
        self, data: dict[str, Any], user_api_key_dict: Any, response: Any, **about: Any
    ) -> dict[str, str] | None:
        """COST-6: which model was asked for, which answers, and why; of streams too."""
        carried = ticket_of(data)
        return dict(carried.gated.decision.headers) if carried else None

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> Exception | None:
        self._give_back(request_data)
        return http_error(original_exception.error) if isinstance(original_exception, GateRefused) else None

    # Each attempt, of both

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> dict[str, Any] | None:
        kind = str(getattr(call_type, "value", call_type))
        carried = ticket_of(kwargs)
        if kind not in CHAT and (kind in self._let_through or (carried and carried.gated.open)):
            return None  # the second: a chat that LiteLLM translates into another call of its own
        if carried is None or kind not in CHAT:
            _refuse("not_gated", "This call did not come through the gate.", status=400)
        gated = carried.gated
        decision = await self._admitted(gated, kwargs)
        attempt = Attempt(decision.reservation.id if decision.reservation else None)
        try:
            body = self._bounded(kwargs, decision)
        except GateRefused:
            attempt.outcome = "not_sent"
            self._settle(gated, attempt)
            raise
        gated.open.append(attempt)
        return carrying(body, ticket(gated, attempt))

    async def async_post_call_success_deployment_hook(
        self, request_data: Mapping[str, Any], response: Any, call_type: Any
    ) -> None:
        """A whole answer; LiteLLM doesn't call this for streams, which are settled by whoever reads them."""
        carried = ticket_of(request_data)
        if carried is not None and carried.attempt is not None and carried.attempt in carried.gated.open:
            carried.attempt.usage = reported(response)
            self._settle(carried.gated, carried.attempt)

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """An answer from LiteLLM's cache: no model was asked. Its other sums aren't taken: some are its own counts."""
        carried = ticket_of(kwargs.get("litellm_params"))
        if kwargs.get("cache_hit") and carried is not None and carried.attempt in carried.gated.open:
            carried.attempt.outcome = "not_sent"
            self._settle(carried.gated, carried.attempt)

    async def async_post_call_failure_deployment_hook(
        self, request_data: Mapping[str, Any], exception: Exception, call_type: Any, fallback_depth: int | None = None
    ) -> None:
        carried = ticket_of(request_data)
        if carried is None or carried.attempt is None or carried.attempt not in carried.gated.open:
            return
        carried.attempt.outcome = "failed"
        if getattr(exception, "status_code", None) in UNBILLED:
            carried.attempt.usage = Usage(0, 0)
        self._settle(carried.gated, carried.attempt)

    # What they have in common

    async def _begin(self, body: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        """Dispatches, and returns the request with the model that was admitted; its limit is set at each attempt."""
        try:
            decision = await self._client.admit(self._dispatch(body, asker))
        except CausewayError as error:
            raise GateRefused(error) from error
        admitted = carrying({**body, "model": self._served(decision)}, ticket(Gated(decision)))
        if not is_agent(decision):
            self._give_back(admitted)
            _refuse(decision.decision, NO_AGENT, status=503, decision=decision)
        return admitted

    def _dispatch(self, body: Mapping[str, Any], asker: Asker) -> Ask:
        return dispatch(
            workload=asker.workload,
            user=asker.user,
            session=asker.session,
            request_id=asker.request_id,
            **self._size(body),
        )

    def _size(self, body: Mapping[str, Any]) -> Size:
        return {"input_tokens": self._count(body), "max_output_tokens": wanted(body)}

    async def _admitted(self, gated: Gated, kwargs: Mapping[str, Any]) -> Decision:
        """The hold of this attempt: the dispatch's for the first, one of its own for each after it."""
        if gated.refusal is not None:
            raise GateRefused(gated.refusal)
        if gated.is_ready:
            gated.is_ready = False
            return gated.decision
        gated.number += 1
        ask = reserve(request_id=gated.decision.request_id, attempt=gated.number, **self._size(kwargs))
        try:
            gated.decision = await self._client.admit(ask)
        except CausewayError as error:
            gated.refusal = error
            raise GateRefused(error) from error
        return gated.decision

    def _bounded(self, kwargs: dict[str, Any], decision: Decision) -> dict[str, Any]:
        """The attempt as it may be sent. Only a Router repeats it, through us: nothing below does so by itself."""
        if not is_agent(decision):
            _refuse(decision.decision, NO_AGENT, status=503, decision=decision)
        routed = next((group for name in ("metadata", "litellm_metadata") if (group := _group(kwargs, name))), None)
        if (routed or kwargs.get("model")) not in {self._served(decision), *self._also}:
            _refuse("other_model", "This model was not admitted.", status=400, decision=decision)
        body = bounded(kwargs, output_tokens=decision.max_output_tokens or 0)
        if body is None:
            _refuse("too_little", "What is left isn't one token for each answer.", status=402, decision=decision)
        if not routed:
            body |= {"num_retries": 0, "max_retries": 0, "retry_policy": None}
            for name in ("fallbacks", "context_window_fallback_dict", "model_list"):
                body.pop(name, None)
        return body

    def _served(self, decision: Decision) -> str:
        return self._models.get(decision.model or "", decision.model or "")

    def _give_back(self, request: Mapping[str, Any]) -> None:
        """What was admitted and never attempted: certainly nothing was sent."""
        carried = ticket_of(request)
        if carried is None or not carried.gated.is_ready or carried.gated.decision.reservation is None:
            return
        carried.gated.is_ready = False
        self._settle(carried.gated, Attempt(carried.gated.decision.reservation.id, outcome="not_sent"))

    def _stream_ended(self, carried: Ticket | None, stream: Any, *, is_whole: bool) -> None:
        """Settles the one attempt whose stream this was. With several open it isn't clear whose: the holds stand."""
        if carried is None or len(carried.gated.open) != 1:
            return
        attempt = carried.gated.open[0]
        attempt.reading = Reading()
        for chunk in getattr(stream, "chunks", None) or []:
            attempt.reading.see(chunk)
        if is_whole:
            attempt.reading.end()
        if getattr(stream, "custom_llm_provider", None) == CACHED:
            attempt.outcome, attempt.reading = "not_sent", None
        self._settle(carried.gated, attempt)

    def _settle(self, gated: Gated, attempt: Attempt) -> None:
        """In the background: nobody waits for it."""
        if attempt in gated.open:
            gated.open.remove(attempt)
        ending = attempt.ending(None)
        if ending is not None:
            self._client.later(ending)


def is_agent(decision: Decision) -> bool:
    """A shadow run isn't for a user who waits for an answer."""
    return decision.handler == "agent" and decision.reservation is not None


def asker_of(key: Any, data: Mapping[str, Any]) -> Asker:
    """Who asks, from what the proxy has authenticated. A header or the metadata of a body is only a claim."""
    about = {**(getattr(key, "team_metadata", None) or {}), **(getattr(key, "metadata", None) or {})}
    workload = about.get("causeway_workload")
    vouched = data.get("user") if about.get("causeway_users") == "body" else None
    user = vouched or about.get("causeway_user") or getattr(key, "user_id", None)
    if not isinstance(workload, str) or not isinstance(user, str) or not workload or not user:
        _refuse("no_workload", "This key has no causeway_workload or no user.", status=403)
    headers = (data.get("proxy_server_request") or {}).get("headers") or {}
    chained = next((str(value) for name, value in headers.items() if name.lower() == "x-request-id"), None)
    session = data.get("litellm_session_id")
    return Asker(workload, user, session if isinstance(session, str) else None, chained)


def _group(kwargs: Mapping[str, Any], name: str) -> str | None:
    found = (kwargs.get(name) or {}).get("model_group")
    return found if isinstance(found, str) else None


def _refuse(code: str, detail: str, *, status: int, decision: Decision | None = None) -> NoReturn:
    body = {**(decision.body if decision else {}), "code": code, "title": detail, "status": status}
    kind = BudgetRefused if status == 402 else CausewayError
    headers = decision.headers if decision else {}
    raise GateRefused(kind(detail, status=status, code=code, body=body, headers=headers))


def http_error(error: CausewayError) -> Exception:
    """How the proxy is told: the portal's status, its problem body, and its headers (COST-6)."""
    from fastapi import HTTPException  # type: ignore[import-not-found,unused-ignore]  # the proxy has it

    headers = {**({} if isinstance(error, Limited) else {"x-should-retry": "false"}), **error.headers}
    status = error.status or 503
    made: Exception = HTTPException(status, {**error.body, "message": error.detail}, headers)
    return made
