"""What the kernel asks the apps about people and tenants; ``settings.TENANT_DIRECTORY`` names who answers.

The kernel imports no app, so it knows only these shapes.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from portal.actor import Actor
from portal.signin import SignIn


class TenantLike(Protocol):
    id: UUID
    slug: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Change:
    """Who last set something, when and why, as the audit trail has it."""

    actor: str
    at: datetime
    reason: str


class Directory(Protocol):
    def find_tenant(self, slug: str) -> TenantLike | None:
        """The tenant at ``slug``, or None."""

    def sign_in(self, request: HttpRequest) -> SignIn:
        """How the user of this request signed in."""

    def actor_for_user(self, user: Any, tenant: TenantLike, sign_in: SignIn) -> Actor | None:
        """The signed-in user as a member of ``tenant`` (whose transaction is open), or None.

        Raises :class:`portal.errors.Forbidden` for a member whose session doesn't count here.
        """

    def actor_for_token(self, raw: str) -> tuple[TenantLike, Actor]:
        """Who an API token stands for. Raises :class:`portal.errors.Unauthorised`."""

    def operates(self, user: Any, sign_in: SignIn) -> bool:
        """Whether the user acts as a platform operator; never by a tenant's provider's word."""

    def administers(self, user: Any, sign_in: SignIn) -> bool:
        """Whether the user is admin of any tenant that the session reaches."""

    def may_administer(self, user: Any, tenant: TenantLike, sign_in: SignIn) -> bool:
        """Whether the user may open ``tenant`` (whose transaction is open) in Django admin."""

    def lacks_second_factor(self, sign_in: SignIn) -> bool:
        """Whether what needs a second factor is closed to this session."""

    def note_account(self, user: Any, action: str, after: dict[str, Any]) -> None:
        """Write what happened to somebody's account into the trail of each tenant they belong to (AUD-1)."""

    def names_around(self, user: Any) -> list[str]:
        """The names and addresses of the user's tenants: words that make poor passwords."""

    def note_message(self, message: Any, actor: Actor, before: dict[str, Any], reason: str) -> None:
        """Write into the tenant's audit trail that a message that was given up is tried again."""

    def last_changes(self, tenant_id: UUID, actions: set[str], rows: set[str]) -> dict[str, Change]:
        """The last change of each of these rows by one of these actions, by the row's id, in one statement."""

    def note_admin_session(self, tenant: TenantLike, actor: Actor, what: str, reason: str) -> None:
        """Write into the tenant's audit trail that an admin session was opened or closed (AUD-3)."""


@cache
def directory() -> Directory:
    return cast(Directory, import_module(settings.TENANT_DIRECTORY))
