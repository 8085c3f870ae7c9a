from django.urls import path

from apps.gates import api, views
from apps.gates.evaluations import views as evaluations
from apps.gates.own import views as own

_WORKLOAD = "t/<slug:slug>/workloads/<str:key>/"

urlpatterns = [
    path(f"{_WORKLOAD}gates/<str:stage>/", views.gate, name="gate"),
    path(f"{_WORKLOAD}gates/<str:stage>/flag/", views.raise_flag, name="raise_flag"),
    *(
        path(f"{_WORKLOAD}gate/{verb}/", views.act, {"verb": verb}, name=f"gate_{verb}")
        for verb in ("ask", "back", "waive")
    ),
    path(f"{_WORKLOAD}evidence/<str:kind>/", views.evidence_page, name="evidence"),
    path(f"{_WORKLOAD}evidence/<str:kind>/record/", views.record_evidence, name="record_evidence"),
    path(f"{_WORKLOAD}evaluations/", evaluations.evaluation_list, name="evaluations"),
    path(f"{_WORKLOAD}evaluations/compared/", evaluations.comparison, name="comparison"),
    path(f"{_WORKLOAD}uploads/<uuid:upload_id>/", evaluations.upload_page, name="upload"),
    path(f"{_WORKLOAD}attachments/<uuid:attachment_id>/", views.attachment, name="attachment"),
    path("t/<slug:slug>/criteria/", views.thresholds, name="gate_thresholds"),
    path("t/<slug:slug>/criteria/new/", own.add, name="add_criterion"),
    path("t/<slug:slug>/criteria/<str:code>/", own.criterion_page, name="own_criterion"),
    path("t/<slug:slug>/criteria/<str:code>/retire/", own.retire, name="retire_criterion"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/uploads", api.uploads, name="api_uploads"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/uploads/<uuid:upload_id>", api.upload, name="api_upload"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/gates/<str:stage>", api.gate, name="api_gate"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/evaluations", api.evaluations, name="api_evaluations"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/evidence/<str:kind>", api.evidences, name="api_evidence"),
]
