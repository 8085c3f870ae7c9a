"""The web application. It connects once before it serves, so that a wrong database role never serves a page."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
_django = get_wsgi_application()

from portal.health import refuse_wrong_roles  # noqa: E402

refuse_wrong_roles()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's answer; a whole one as one piece, which the server sends at once and with its length.

    Anything that isn't a list is streamed, chunk by chunk through the server's threads.
    """
    response = _django(environ, start_response)
    if not isinstance(response, HttpResponse):
        return response
    body = response.content
    response.close()
    return [body]
