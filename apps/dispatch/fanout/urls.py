from django.urls import path

from apps.dispatch.fanout import api, views

urlpatterns = [
    path("t/<slug:slug>/fan-out/", views.fan_out, name="fan_out"),
    path("api/v1/t/<slug:slug>/fan-out", api.fan_out, name="api_fan_out"),
]
