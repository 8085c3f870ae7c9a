from django.urls import include, path

from apps.dispatch import ofrep

urlpatterns = [
    path("", include("apps.dispatch.classify.urls")),
    path("ofrep/v1/evaluate/flags", ofrep.evaluate_all, name="ofrep_all"),
    path("ofrep/v1/evaluate/flags/<str:key>", ofrep.evaluate, name="ofrep_one"),
]
