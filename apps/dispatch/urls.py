from django.urls import include, path

from apps.dispatch import entry, ofrep

urlpatterns = [
    path("api/v1/dispatch", entry.dispatch, name="dispatch"),
    path("api/v1/reserve", entry.reserve, name="reserve"),
    path("api/v1/settle", entry.settle, name="settle"),
    path("", include("apps.dispatch.classify.urls")),
    path("", include("apps.dispatch.fanout.urls")),
    path("", include("apps.dispatch.pilot.urls")),
    path("ofrep/v1/evaluate/flags", ofrep.evaluate_all, name="ofrep_all"),
    path("ofrep/v1/evaluate/flags/<str:key>", ofrep.evaluate, name="ofrep_one"),
]
