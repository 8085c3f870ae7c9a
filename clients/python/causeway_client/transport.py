"""Between httpx and our values: how an ``Ask`` is sent and what counts as its ``Reply``."""

from typing import Any

import httpx

from causeway_client.wire import Ask, Reply

AGENT = "causeway-client/0.1"
# The question did not leave: no connection was made, or none was free.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
SETTLE_SECONDS = 2.0  # a settlement that takes longer is left to the outbox


def options(base_url: str, token: str, timeout: float) -> dict[str, Any]:
    """How both kinds of httpx client are made. No redirect is followed: the token stays with this address."""
    headers = {"Authorization": f"Bearer {token}", "User-Agent": AGENT}
    return {"base_url": base_url, "headers": headers, "timeout": timeout}


def reply_of(response: httpx.Response) -> Reply:
    return Reply(
        status=response.status_code,
        headers=dict(response.headers),
        body=_body_of(response),
        unsure=response.status_code >= 500,
    )


def lost(error: httpx.RequestError) -> Reply:
    return Reply(status=0, error=f"{type(error).__name__}: {error}", unsure=not isinstance(error, NOT_SENT))


def sending(ask: Ask) -> dict[str, Any]:
    return {"url": ask.path, "json": dict(ask.body), "headers": dict(ask.headers)}


def _body_of(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
