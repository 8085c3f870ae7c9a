from django.urls import path

from apps.gates import api, stage_api, views
from apps.gates.evaluations import views as evaluations
from apps.gates.own import views as own

_WORKLOAD = "t/<slug:slug>/workloads/<str:key>/"
_API = "api/v1/t/<slug:slug>/"

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
    path(f"{_API}workloads/<str:key>/uploads", api.uploads, name="api_uploads"),
    path(f"{_API}workloads/<str:key>/uploads/<uuid:upload_id>", api.upload, name="api_upload"),
    path(f"{_API}workloads/<str:key>/gates/<str:stage>", api.gate, name="api_gate"),
    path(f"{_API}workloads/<str:key>/evaluations", api.evaluations, name="api_evaluations"),
    path(f"{_API}workloads/<str:key>/evidence/<str:kind>", api.evidences, name="api_evidence"),
    path(f"{_API}criteria", stage_api.criteria, name="api_criteria"),
    path(f"{_API}criteria/<str:code>", stage_api.own_criterion, name="api_own_criterion"),
    path(f"{_API}criteria/<str:code>/limits/<str:name>", stage_api.threshold, name="api_threshold"),
    path(f"{_API}workloads/<str:key>/waivers", stage_api.waivers, name="api_waivers"),
    path(f"{_API}workloads/<str:key>/back", stage_api.back, name="api_back"),
    path(f"{_API}workloads/<str:key>/gates/<str:stage>/flags", stage_api.flags, name="api_flags"),
    path(f"{_API}workloads/<str:key>/eval-set", stage_api.eval_set, name="api_eval_set"),
    path(f"{_API}workloads/<str:key>/versions/<str:label>/comparison", stage_api.comparison, name="api_comparison"),
]
