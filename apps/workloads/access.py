"""Views on one workload get it checked, as an argument; they can't forget the check."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from apps.workloads import queries
from portal.access import View, declare_object


def on_workload(permission: str) -> Callable[[View], View]:
    """Resolve ``key`` in the URL to a workload on which the actor holds ``permission``; 404 or 403 otherwise."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: Any, *args: Any, key: str, **kwargs: Any) -> Any:
            workload = queries.workload_for(request.tenant.id, request.actor, key, permission)
            return view(request, *args, workload=workload, **kwargs)

        return declare_object(checked, permission)  # type: ignore[return-value]

    return decorate
