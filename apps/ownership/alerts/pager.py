"""The pager: one process that keeps the promise of CALL-3 without any broker.

Each second, and as soon as a transaction that wrote a page commits, it looks for alerts that are due and moves them,
and for messages that are due and sends them, some at once, so that one slow receiver keeps nobody else waiting. Each
minute it audits what should have gone out. Two pagers do no harm: rows are locked, messages leased. The workers of
Celery deliver the same outbox, so a pager that is down is made good by them, later.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import urllib3
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, close_old_connections, connection, connections
from django.utils import timezone
from psycopg import Error as DriverError

from apps.ownership.alerts import auditor, climb
from apps.ownership.alerts.auditor import Alarms, Audit
from portal import faults
from portal.outbox import actions as outbox
from portal.outbox import queries
from portal.senders import Senders
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("oncall.pager")

BATCH = 200
EVERY = 1.0
AUDIT_EVERY = timedelta(minutes=1)
THREADS = 8


def climb_due(now: datetime) -> int:
    """Move every alert that is due. Returns how many moved."""
    moved = 0
    for tenant_id, ids in climb.due(now).items():
        faults.point("alerts.found")
        for start in range(0, len(ids), BATCH):
            moved += _climb(tenant_id, ids[start : start + BATCH], now)
            faults.point("alerts.committed")
    return moved


def _climb(tenant_id: UUID, ids: list[UUID], now: datetime) -> int:
    """One batch; where it fails each alert by itself, so that one that can't be moved keeps no other waiting."""
    try:
        with tenant_transaction(tenant_id):
            return climb.run(tenant_id=tenant_id, ids=ids, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("alerts can't be moved", extra={"alerts": [str(i) for i in ids[:10]]})
        return sum(_climb(tenant_id, [one], now) for one in ids) if len(ids) > 1 else 0


def senders() -> Senders:
    return Senders(_deliver, THREADS)


class Pager:
    """``stop`` ends it after the pass that runs."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._audit_at = timezone.now()
        self._auditing: Future[Any] | None = None
        # By itself, so that looking at very many open alerts keeps no page waiting.
        self._auditor = ThreadPoolExecutor(1, thread_name_prefix="auditor")
        self._alarms = Alarms()
        self._senders = senders()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                worked = self.once()
                self._audit_if_due()
                if not worked:
                    self._sleep()
            except (Error, DriverError):
                # The database is away: nothing is lost, everything that is due is still due when it is back.
                log.exception("the pager can't reach the database")
                connections.close_all()
                self.stop.wait(EVERY)
        self._senders.close()
        self._auditor.shutdown(wait=True)

    def once(self) -> bool:
        """One look: alerts, then messages. True if there may be more to do at once."""
        close_old_connections()
        moved = climb_due(timezone.now())
        taken = self._senders.offer(queries.due(timezone.now()))
        return bool(moved or taken)

    def _sleep(self) -> None:
        if self._senders.is_busy:
            self._senders.wait(EVERY)
        else:
            wait_for_work(EVERY)

    def _audit_if_due(self) -> None:
        now = timezone.now()
        if now < self._audit_at or (self._auditing is not None and not self._auditing.done()):
            return
        self._audit_at = now + AUDIT_EVERY
        self._auditing = self._auditor.submit(_audit, now, self._alarms)


def wait_for_work(seconds: float) -> None:
    """Sleep until somebody commits a page, at most so long. The connection listens from the first time on."""
    with connection.cursor() as cursor:
        cursor.execute(f"listen {outbox.WAKE}")
    driver: Any = connection.connection
    for _ in driver.notifies(timeout=seconds, stop_after=1):
        pass


def audit_and_tell(now: datetime, alarms: Alarms) -> Audit:
    """Audit; what is wrong is told to the tenants concerned, and withheld from the heartbeat (2.5)."""
    found = auditor.audit(now)
    alarms.follow(found, now)
    if found.is_clean:
        beat()
    else:
        log.critical("paging is late or lost", extra={"findings": dict(found.counted())})
    return found


def beat() -> None:
    """Tell the watchdog outside that pages are well; it alarms when this stops coming."""
    if not settings.HEARTBEAT_URL:
        return
    try:
        urllib3.request("POST", settings.HEARTBEAT_URL, timeout=3.0, retries=False)
    except urllib3.exceptions.HTTPError:
        log.warning("the watchdog's address doesn't answer")


def _audit(now: datetime, alarms: Alarms) -> None:
    close_old_connections()
    try:
        audit_and_tell(now, alarms)
    except (Error, DriverError):
        log.exception("the auditor can't reach the database")
        connections.close_all()


def _deliver(tenant_id: UUID, message_id: UUID) -> None:
    close_old_connections()
    try:
        outbox.deliver(tenant_id=tenant_id, message_ids=[message_id], now=timezone.now())
    except (Error, DriverError):
        log.exception("a message waits: the database is away")
        connections.close_all()
