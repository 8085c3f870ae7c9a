from django.urls import path

from apps.training import api, views

_TENANT = "t/<slug:slug>/"
_WORKLOAD = f"{_TENANT}workloads/<str:key>/"
_MODULE = f"{_TENANT}training/modules/<uuid:module_id>/"
_API = "api/v1/t/<slug:slug>/"

urlpatterns = [
    path(f"{_TENANT}training/", views.own, name="training"),
    path(f"{_WORKLOAD}training/", views.overview, name="workload_training"),
    path(f"{_WORKLOAD}training/new/", views.write, name="write_module"),
    path(f"{_WORKLOAD}cohorts/new/", views.form_cohort, name="form_cohort"),
    path(_MODULE, views.module_page, name="module"),
    path(f"{_MODULE}rewrite/", views.rewrite, name="rewrite_module"),
    path(f"{_MODULE}attendance/", views.attendance, name="attendance"),
    path(f"{_MODULE}retire/", views.retire, name="retire_module"),
    path(f"{_TENANT}training/cohorts/<uuid:cohort_id>/", views.cohort_page, name="cohort"),
    path(f"{_API}workloads/<str:key>/modules", api.modules, name="api_modules"),
    path(f"{_API}workloads/<str:key>/cohorts", api.cohorts, name="api_cohorts"),
    path(f"{_API}cohorts/<uuid:cohort_id>/people", api.people, name="api_cohort_people"),
    path(f"{_API}modules/<uuid:module_id>/attendance", api.attendance, name="api_attendance"),
]
