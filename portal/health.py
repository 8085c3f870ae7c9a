"""``/healthz`` (this process lives), ``/readyz`` (it can serve), ``/metrics`` (Prometheus)."""

import sys

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from portal.access import public


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
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


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
