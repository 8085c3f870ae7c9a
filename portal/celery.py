"""Celery: two kinds of task and nothing else.

A :class:`TenantTask` names its tenant as an argument (never in a header: chords and retries lose those) and a
:class:`PlatformTask` finds what is due across tenants. Both assume that they run twice (TEN-3).
"""

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import Celery, Task
from celery.signals import beat_init, setup_logging, worker_init
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("causeway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class TenantTask(Task):  # type: ignore[type-arg]
    """Runs for one tenant, named by the keyword ``tenant_id``; refuses to run without."""

    def __call__(self, *args: Any, tenant_id: str = "", **kwargs: Any) -> Any:
        if not tenant_id:
            raise TypeError(f"{self.name} is a tenant's task: pass tenant_id.")
        return self.run(*args, tenant_id=UUID(tenant_id), **kwargs)


class PlatformTask(Task):  # type: ignore[type-arg]
    """Looks across tenants for what is due, as portal_ops, and hands it to one TenantTask a tenant.

    How it went is kept for operators; a worker calls these two around each run.
    """

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        self.request.update(began_at=timezone.now())

    def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        from portal import jobs

        error = f"{type(retval).__name__}: {retval}" if isinstance(retval, Exception) else ""
        jobs.ran(name=str(self.name), began_at=self.request.get("began_at"), now=timezone.now(), error=error)


def tenant_task(name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    return app.task(name=name, base=TenantTask, bind=False, **options)


def platform_task(name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    return app.task(name=name, base=PlatformTask, bind=False, **options)


@worker_init.connect
@beat_init.connect
def _refuse_wrong_roles(**kwargs: Any) -> None:
    from portal.health import refuse_wrong_roles

    refuse_wrong_roles()


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Django's LOGGING stands; Celery adds none of its own."""
