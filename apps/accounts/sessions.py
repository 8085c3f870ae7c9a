"""Sessions as rows that people can read: whose, from where, since when (docs/sign-in.md).

Django's own engine with a few columns more. They are copies of what the session itself holds, so that reading a
session costs the one statement that it always did; when it was last used is written every few minutes at most.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal.logs import client_ip_var

# Keys in a session.
PROVIDER, BEGUN = "signin.provider", "signin.begun"
USED_EVERY = timedelta(minutes=5)


class SessionStore(DatabaseStore):
    """``agent`` is what the browser calls itself, where a request is at hand."""

    agent = ""
    last_used_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> Any:
        from apps.accounts.models import Session

        return Session

    def _get_session_from_db(self) -> Any:
        row = super()._get_session_from_db()  # type: ignore[misc]
        self.last_used_at = row.last_used_at if row else None
        return row

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        if data.get(SESSION_KEY):
            mark = {"at": timezone.now().isoformat(), "address": client_ip_var.get() or "", "agent": self.agent[:300]}
            begun = data.setdefault(BEGUN, mark)
        row: Any = super().create_model_instance(data)
        if data.get(SESSION_KEY):
            row.user_id = data[SESSION_KEY]
            row.limited_to_id = data.get(PROVIDER, {}).get("tenant")
            row.address, row.agent = begun["address"], begun["agent"]
            row.begun_at = datetime.fromisoformat(begun["at"])
        return row

    def touch(self, now: datetime) -> None:
        if self.last_used_at is not None and self.last_used_at < now - USED_EVERY:
            self.get_model_class().objects.filter(session_key=self.session_key).update(last_used_at=now)


class SessionMiddleware(DjangoSessionMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.agent = request.headers.get("User-Agent", "")  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        answer = super().process_response(request, response)
        request.session.touch(timezone.now())  # type: ignore[attr-defined]
        return answer


def name_of(session_key: str | None) -> str:
    """What a session is called elsewhere: it finds the row and gives nobody the session."""
    return hashlib.sha256(session_key.encode()).hexdigest() if session_key else ""
