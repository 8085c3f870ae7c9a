"""Who may call a view, declared on the view: one decorator each, and a test that fails where it is missing.

Object permissions use django-guardian, fenced in: always inside the tenant, never the superuser shortcut, never a
model-wide grant, one permission at a time (docs/decisions/0003-guardian-inside-the-tenant.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Model, QuerySet
from guardian.shortcuts import assign_perm, get_objects_for_user, remove_perm

from portal.actor import Actor
from portal.errors import Forbidden

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """The declared rule of a view. ``kind``: public, signed_in, member, right, object, credential or operator."""

    kind: str
    right: str = ""


def public(view: View) -> View:
    """Anybody, without a session."""
    return _declare(view, Access("public"))


def signed_in(view: View) -> View:
    """Any user with a session, outside a tenant."""
    return _declare(login_required(view), Access("signed_in"))


def member(view: View) -> View:
    """Any member of the tenant in the URL; the middleware has already refused everybody else."""
    return _declare(view, Access("member"))


def credential(view: View) -> View:
    """A protocol endpoint, which checks the API token itself."""
    return _declare(view, Access("credential"))


def requires(allowed: Callable[[Actor], bool], right: str) -> Callable[[View], View]:
    """Members for whom ``allowed`` holds; the others get 403 with the right's name."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: Any, *args: Any, **kwargs: Any) -> Any:
            if not allowed(request.actor):
                raise Forbidden("right_missing", f"This needs the right {right!r}; ask a tenant admin.", right=right)
            return view(request, *args, **kwargs)

        return _declare(checked, Access("right", right))  # type: ignore[return-value]

    return decorate


def declare_object(view: View, right: str) -> View:
    """For decorators that resolve an object of the tenant and check the right on it."""
    return _declare(view, Access("object", right))


def grant(permission: str, user: Model, obj: Model) -> None:
    """Give one person one permission on one object of the current tenant."""
    assign_perm(permission, user, obj)


def revoke(permission: str, user: Model, obj: Model) -> None:
    remove_perm(permission, user, obj)


def granted(permission: str, user: Any, objects: QuerySet[Any]) -> QuerySet[Any]:
    """Those of ``objects`` (a queryset already bound to the tenant) on which the user holds the permission."""
    return get_objects_for_user(
        user, permission, klass=objects, use_groups=False, with_superuser=False, accept_global_perms=False
    )


def workload_bound(actor: Actor, workload_id: UUID) -> bool:
    """Whether a token bound to named workloads covers this one."""
    return actor.workloads is None or workload_id in actor.workloads


def _declare(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view
