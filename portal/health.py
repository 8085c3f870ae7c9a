"""``/healthz`` (this process lives), ``/readyz`` (it can serve), ``/metrics`` (Prometheus)."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Gauge, generate_latest

from portal.access import public
from portal.outbox import queries as outbox

WAITING = Gauge("causeway_outbox_waiting", "Messages that have not gone out", ["topic"])
OLDEST = Gauge("causeway_outbox_oldest_seconds", "How long the oldest of them is due", ["topic"])


def refuse_wrong_roles() -> None:
    """Connect once as each role; a wrong role ends the process with one sentence and code 78 (configuration)."""
    try:
        for alias in ("default", "ops"):
            connections[alias].ensure_connection()
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(78) from error
    except Error as error:
        sys.stderr.write(f"PostgreSQL can't be reached: {error}\n")
        raise SystemExit(75) from error
    finally:
        connections.close_all()


@public
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@public
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers. The broker is reported and not required: it only wakes people up."""
    database, broker = _database_answers(), _broker_answers()
    return JsonResponse({"database": database, "broker": broker}, status=200 if database else 503)


@public
def metrics(request: HttpRequest) -> HttpResponse:
    """This process, and what waits in the outbox; no tenant is named."""
    if _database_answers():
        _scrape()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


Scrape = Callable[[], None]
_scrapes: list[Scrape] = []


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the portal's own figures: what it says, of which part, and its value."""

    name: str
    says: str
    which: str
    value: float


def gauges() -> list[Reading]:
    """What ``/metrics`` says of what is set at each look, now."""
    _scrape()
    found = [family for family in REGISTRY.collect() if family.type == "gauge" and family.name.startswith("causeway_")]
    return [
        Reading(family.name, family.documentation, ", ".join(sample.labels.values()), sample.value)
        for family in found
        for sample in family.samples
    ]


def _scrape() -> None:
    _set_outbox_gauges()
    for scrape in _scrapes:
        scrape()


def on_scrape(scrape: Scrape) -> Scrape:
    """Have ``scrape`` set an app's own gauges whenever the metrics are asked for."""
    _scrapes.append(scrape)
    return scrape


def _set_outbox_gauges() -> None:
    WAITING.clear()
    OLDEST.clear()
    for topic, count, due_at in outbox.waiting():
        WAITING.labels(topic).set(count)
        OLDEST.labels(topic).set(max(0.0, (timezone.now() - due_at).total_seconds()))


def _database_answers() -> bool:
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("select 1")
        return True
    except Error:
        connections["default"].close()
        return False


def _broker_answers() -> bool:
    try:
        return bool(redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1).ping())
    except redis.RedisError:
        return False
