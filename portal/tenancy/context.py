"""The one way in: a transaction bound to one tenant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connections, transaction

from portal.logs import tenant_id_var

TENANT = "portal.tenant_id"

_active: ContextVar[UUID | None] = ContextVar("tenant", default=None)
_known: ContextVar[str | None] = ContextVar("known_row", default=None)
_platform: ContextVar[str | None] = ContextVar("platform_job", default=None)
_kept: ContextVar[list[Callable[[], None]] | None] = ContextVar("kept", default=None)

# Every job that may look across tenants, as portal_ops. Nothing else gets that connection.
PLATFORM_JOBS = frozenset(
    {
        "admin",
        "approvals.find",
        "gates.find",
        "audit.verify",
        "budgets.find",
        "dispatch.find",
        "feedback.find",
        "jobs.read",
        "jobs.write",
        "events.find",
        "outbox.find",
        "ownership.find",
        "rollouts.find",
        "tenants.find",
        "telemetry.partitions",
        "metrics",
    }
)


class TenantAlreadySet(RuntimeError):
    """A transaction belongs to one tenant; another was asked for inside it."""


class TenantMissing(RuntimeError):
    """SQL touched a tenant's table outside a tenant transaction."""


def active_tenant() -> UUID | None:
    return _active.get()


def required_tenant() -> UUID:
    tenant = _active.get()
    if tenant is None:
        raise TenantMissing("This needs a tenant transaction: wrap it in tenant_transaction(tenant_id).")
    return tenant


def known_row() -> str | None:
    return _known.get()


def platform_job() -> str | None:
    return _platform.get()


@contextmanager
def tenant_transaction(tenant_id: UUID) -> Iterator[None]:
    """Open a transaction in which only ``tenant_id``'s rows exist. The same tenant nests, another one raises.

    Raises:
        TenantAlreadySet: inside a transaction of another tenant.
    """
    current = _active.get()
    if current is not None:
        if current != tenant_id:
            raise TenantAlreadySet(f"This transaction belongs to tenant {current}, not to {tenant_id}.")
        with transaction.atomic():
            yield
        return
    kept: list[Callable[[], None]] = []
    is_undone = True
    tokens = _active.set(tenant_id), tenant_id_var.set(str(tenant_id)), _kept.set(kept)
    try:
        with _setting(TENANT, str(tenant_id)):
            yield
            is_undone = transaction.get_rollback()
    finally:
        _kept.reset(tokens[2])
        tenant_id_var.reset(tokens[1])
        _active.reset(tokens[0])
        if is_undone and kept:
            with tenant_transaction(tenant_id):
                for write in kept:
                    write()


def keep_after_rollback(write: Callable[[], None]) -> None:
    """Have ``write`` run in a transaction of its own if this one is undone: the record of a refusal outlives it."""
    kept = _kept.get()
    if kept is not None:
        kept.append(write)


@contextmanager
def known_row_transaction(setting: str, value: str) -> Iterator[None]:
    """Open a transaction in which only rows that ``value`` itself names exist, whichever their tenant.

    For what is looked up before any tenant is known: a token by its key, memberships by their user.
    """
    token = _known.set(setting)
    try:
        with _setting(setting, value):
            yield
    finally:
        _known.reset(token)


@contextmanager
def platform_work(job: str) -> Iterator[str]:
    """Let a job of the written list use the ``ops`` connection, whose alias it gets."""
    if job not in PLATFORM_JOBS:
        raise RuntimeError(f"{job!r} is not on the list of jobs that may look across tenants.")
    token = _platform.set(job)
    try:
        yield "ops"
    finally:
        _platform.reset(token)


@contextmanager
def _setting(name: str, value: str) -> Iterator[None]:
    connection = connections["default"]
    # Inside an outer transaction (a test case) a transaction-local setting would outlive ours: put it back.
    nested = connection.in_atomic_block
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select set_config(%s, %s, true)", [name, value])
        yield
    if nested:
        with connection.cursor() as cursor:
            cursor.execute("select set_config(%s, '', true)", [name])
