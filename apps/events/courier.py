"""The courier: one process that takes events to their receivers, beside web, workers and pager (0008).

Each second it asks in one statement which subscriptions have something to be sent, and gives each a turn on one of its
threads. A tenant gets half of the threads at most, a subscription one of them. Two couriers do no harm: subscriptions
are leased. While none runs nothing is lost, since what waits is the audit trail.
"""

import logging
import threading
from uuid import UUID

from django.db import Error, close_old_connections, connections
from django.utils import timezone
from psycopg import Error as DriverError

from apps.events import queries, sending
from portal import faults
from portal.senders import Senders

log = logging.getLogger("events.courier")

EVERY = 1.0
THREADS = 8


def senders() -> Senders:
    return Senders(_turn, THREADS)


def look(pool: Senders) -> int:
    """Offer what is due to the threads. Returns how many subscriptions were taken."""
    due = queries.due(timezone.now())
    faults.point("events.found")
    return pool.offer(due)


class Courier:
    """``stop`` ends it after the turns that run."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._senders = senders()

    def run(self) -> None:
        while not self.stop.is_set():
            close_old_connections()
            try:
                taken = look(self._senders)
            except (Error, DriverError):
                log.exception("the courier can't reach the database")
                connections.close_all()
                taken = 0
            if not taken:
                self._rest()
        self._senders.close()

    def _rest(self) -> None:
        if self._senders.is_busy:
            self._senders.wait(EVERY)
        else:
            self.stop.wait(EVERY)


def _turn(tenant_id: UUID, subscription_id: UUID) -> None:
    close_old_connections()
    try:
        sending.turn(tenant_id, subscription_id)
    except (Error, DriverError):
        log.exception("events wait: the database is away", extra={"subscription": str(subscription_id)})
        connections.close_all()
    except Exception:
        log.exception("a subscription can't be served", extra={"subscription": str(subscription_id)})
        sending.set_back(tenant_id, subscription_id, timezone.now())
