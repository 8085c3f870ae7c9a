from django.urls import path

from apps.workloads import api, views

urlpatterns = [
    path("t/<slug:slug>/workloads/", views.workload_list, name="workloads"),
    path("t/<slug:slug>/workloads/new/", views.register, name="register_workload"),
    path("t/<slug:slug>/workloads/<str:key>/versions/new/", views.add_version, name="add_version"),
    path("t/<slug:slug>/workloads/<str:key>/posture/", views.set_posture, name="set_posture"),
    path("t/<slug:slug>/tokens/", views.token_page, name="tokens"),
    path("t/<slug:slug>/tokens/<uuid:token_id>/revoke/", views.revoke_token, name="revoke_token"),
    path("api/v1/t/<slug:slug>/workloads", api.workloads, name="api_workloads"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>", api.workload, name="api_workload"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/versions", api.versions, name="api_versions"),
]
