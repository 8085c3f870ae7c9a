"""Writing down what was done, in the transaction that did it (AUD-1)."""

from typing import Any

from django.db import connection, models

from apps.audit import chain
from portal.actor import Actor
from portal.logs import client_ip_var, request_id_var
from portal.tenancy.context import required_tenant


def record(
    *,
    actor: Actor,
    action: str,
    obj: models.Model,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Append one entry to the current tenant's chain.

    Locks the tenant's head row until the transaction ends, so call it after everything that can wait or fail.
    """
    required_tenant()
    document = {
        "v": 1,
        # As much as the column beside it holds.
        "actor": actor.label[:200],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "action": action,
        "object_type": obj._meta.label_lower,
        "object_id": obj.pk,
        "before": before,
        "after": after,
        "reason": reason,
        "from": client_ip_var.get(),
        "request_id": request_id_var.get(),
    }
    body = chain.canonical({key: value for key, value in document.items() if value not in (None, "")})
    with connection.cursor() as cursor:
        cursor.execute("select audit_append(%s)", [body])
