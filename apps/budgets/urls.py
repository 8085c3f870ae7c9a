from django.urls import path

from apps.budgets import api, views
from apps.budgets.reported import views as reported

_PAGE = "t/<slug:slug>/workloads/<str:key>/cost/"
_API = "api/v1/t/<slug:slug>/"

urlpatterns = [
    path(_PAGE, views.cost, name="workload_cost"),
    path(f"{_PAGE}gate/", views.set_gate, name="set_gate"),
    path(f"{_PAGE}tiers/<slug:tier>/", views.set_ceiling, name="set_ceiling"),
    path(f"{_PAGE}closed/<uuid:closure_id>/open/", views.open_admissions, name="open_admissions"),
    path(f"{_PAGE}records/", reported.misfits, name="cost_misfits"),
    path(f"{_API}workloads/<str:key>/cost/misfits", reported.api_misfits, name="api_misfits"),
    path(f"{_API}tiers", api.tiers, name="api_tiers"),
    path(f"{_API}workloads/<str:key>/cost", api.cost, name="api_cost"),
    path(f"{_API}workloads/<str:key>/cost/tiers/<slug:tier>", api.ceiling, name="api_ceiling"),
    path(f"{_API}workloads/<str:key>/cost/closed/<uuid:closure_id>/open", api.opened, name="api_open_admissions"),
]
