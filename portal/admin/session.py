"""The admin's session in one tenant, kept in the signed-in person's own session."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from portal.actor import Actor
from portal.directory import directory

KEY = "admin_tenant"
LENGTH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AdminSession:
    slug: str
    tenant_id: UUID
    reason: str
    until: datetime


def read(request: HttpRequest, now: datetime) -> AdminSession | None:
    """The open session, if its hour isn't over."""
    found: dict[str, Any] | None = request.session.get(KEY)
    if not found or datetime.fromisoformat(found["until"]) <= now:
        return None
    until = datetime.fromisoformat(found["until"])
    return AdminSession(found["slug"], UUID(found["tenant_id"]), found["reason"], until)


def begin(request: HttpRequest, *, slug: str, tenant_id: UUID, reason: str, now: datetime) -> None:
    request.session[KEY] = {
        "slug": slug,
        "tenant_id": str(tenant_id),
        "reason": reason,
        "until": (now + LENGTH).isoformat(),
    }


def end(request: HttpRequest) -> None:
    request.session.pop(KEY, None)


def member(request: Any) -> Actor:
    """The signed-in person as a member of the open tenant; an operator who isn't one has no rights in it."""
    actor: Actor = request.actor
    return directory().actor_for_user(request.user, request.tenant, directory().sign_in(request)) or actor


def operator(user: Any) -> Actor:
    return Actor(kind="operator", id=user.id, user_id=user.id, label=f"operator:{user.email}")
