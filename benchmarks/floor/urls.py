from django.http import HttpRequest, JsonResponse
from django.urls import path


def bare(request: HttpRequest, key: str = "") -> JsonResponse:
    return JsonResponse({"ok": True})


urlpatterns = [path("readyz", bare), path("ofrep/v1/evaluate/flags/<str:key>", bare)]
