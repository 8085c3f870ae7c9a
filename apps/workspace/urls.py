from django.urls import path

from apps.workspace import api, views

_TENANT = "t/<slug:slug>/"

urlpatterns = [
    path(_TENANT, views.tenant_home, name="tenant_home"),
    path(f"{_TENANT}search/", views.search, name="search"),
    path(f"{_TENANT}first-steps/dismiss/", views.dismiss_steps, name="dismiss_steps"),
    path(f"{_TENANT}first-steps/show/", views.show_steps, name="show_steps"),
    path(f"{_TENANT}filters/", views.filters, name="filters"),
    path(f"{_TENANT}filters/keep/", views.keep_filter, name="keep_filter"),
    path(f"{_TENANT}filters/<uuid:filter_id>/drop/", views.drop_filter, name="drop_filter"),
    path("api/v1/t/<slug:slug>/search", api.search, name="api_search"),
]
