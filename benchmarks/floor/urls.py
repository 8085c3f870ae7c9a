import json

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def bare(request: HttpRequest, key: str = "") -> JsonResponse:
    return JsonResponse({"ok": True})


@csrf_exempt
def one_update(request: HttpRequest) -> JsonResponse:
    """One row of the user's, changed in a transaction of its own (autocommit), which commits synchronously."""
    user = json.loads(request.body)["user"]
    with connection.cursor() as cursor:
        cursor.execute("update benchmark_floor set used = used + 1 where id = %s returning used", [user])
        (used,) = cursor.fetchone()
    return JsonResponse({"used": used})


urlpatterns = [
    path("readyz", bare),
    path("ofrep/v1/evaluate/flags/<str:key>", bare),
    path("one-update", one_update),
]
