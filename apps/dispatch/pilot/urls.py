from django.urls import path

from apps.dispatch.pilot import api, views

_PAGE = "t/<slug:slug>/workloads/<str:key>/pilot/"
_API = "api/v1/t/<slug:slug>/workloads/<str:key>/pilot"

urlpatterns = [
    path(_PAGE, views.pilot, name="pilot"),
    path(f"{_PAGE}set/", views.set_pilot, name="set_pilot"),
    path(f"{_PAGE}end/", views.end_pilot, name="end_pilot"),
    path(_API, api.pilot, name="api_pilot"),
    path(f"{_API}/end", api.end, name="api_end_pilot"),
]
