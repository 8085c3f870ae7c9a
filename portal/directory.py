"""What the kernel asks the apps about people and tenants; ``settings.TENANT_DIRECTORY`` names who answers.

The kernel imports no app, so it knows only these shapes.
"""

from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings

from portal.actor import Actor


class TenantLike(Protocol):
    id: UUID
    slug: str
    name: str
    time_zone: str


class Directory(Protocol):
    def find_tenant(self, slug: str) -> TenantLike | None:
        """The tenant at ``slug``, or None."""

    def actor_for_user(self, user: Any, tenant: TenantLike) -> Actor | None:
        """The signed-in user as a member of ``tenant`` (whose transaction is open), or None."""

    def actor_for_token(self, raw: str) -> tuple[TenantLike, Actor]:
        """Who an API token stands for. Raises :class:`portal.errors.Unauthorised`."""

    def administers(self, user: Any) -> bool:
        """Whether the user is admin of any tenant."""

    def may_administer(self, user: Any, tenant: TenantLike) -> bool:
        """Whether the user may open ``tenant`` (whose transaction is open) in Django admin."""

    def note_admin_session(self, tenant: TenantLike, actor: Actor, what: str, reason: str) -> None:
        """Write into the tenant's audit trail that an admin session was opened or closed (AUD-3)."""


@cache
def directory() -> Directory:
    return cast(Directory, import_module(settings.TENANT_DIRECTORY))
