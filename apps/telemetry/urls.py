from django.urls import path

from apps.telemetry import api, views

urlpatterns = [
    path("v1/traces", views.traces, name="otlp_traces"),
    path("api/v1/t/<slug:slug>/actions", api.actions, name="api_actions"),
]
