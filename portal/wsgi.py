"""The web application. It connects once before it serves, so that a wrong database role never serves a page."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
_django = get_wsgi_application()

from portal.health import refuse_wrong_roles  # noqa: E402
from portal.middleware import DECISIONS, ProtocolMiddleware, RequestMiddleware  # noqa: E402

refuse_wrong_roles()


def _nothing_else(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(f"{request.path_info} is no protocol endpoint.")


_decide = RequestMiddleware(ProtocolMiddleware(_nothing_else))


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's answer; a whole one as one piece, which the server sends at once and with its length.

    Anything that isn't a list is streamed, chunk by chunk through the server's threads. Decisions skip Django's signals
    around a request, which look at every database connection twice: they use one only when they refresh what they know,
    and look at it then.
    """
    if environ["PATH_INFO"].startswith(DECISIONS):
        return _decision(environ, start_response)
    response = _django(environ, start_response)
    if not isinstance(response, HttpResponse):
        return response
    body = response.content
    response.close()
    return [body]


def _decision(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer = _decide(WSGIRequest(environ))
    start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
    return [answer.content]  # type: ignore[attr-defined]
