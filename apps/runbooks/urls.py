from django.urls import path

from apps.runbooks import api, views

_ONE = "t/<slug:slug>/runbooks/<uuid:runbook_id>/"
_DRILL = "t/<slug:slug>/drills/<uuid:drill_id>/"
_API = "api/v1/t/<slug:slug>/"

urlpatterns = [
    path("t/<slug:slug>/runbooks/", views.runbook_list, name="runbooks"),
    path("t/<slug:slug>/workloads/<str:key>/runbooks/", views.of_workload, name="workload_runbooks"),
    path("t/<slug:slug>/workloads/<str:key>/runbooks/new/", views.create, name="create_runbook"),
    path(_ONE, views.runbook_page, name="runbook"),
    path(f"{_ONE}sheet/", views.sheet, name="runbook_sheet"),
    path(f"{_ONE}write/", views.write, name="write_runbook"),
    path(f"{_ONE}read-through/", views.read_through, name="read_through"),
    path(f"{_ONE}drill/", views.start_drill, name="start_drill"),
    path(f"{_ONE}versions/<int:number>/", views.difference, name="runbook_version"),
    *(
        path(f"{_ONE}versions/<int:number>/{verb}/", views.act, {"verb": verb}, name=f"runbook_{verb}")
        for verb in ("review", "publish")
    ),
    path(_DRILL, views.drill_page, name="drill"),
    path(f"{_DRILL}tick/<str:what>/", views.act_drill, {"verb": "tick"}, name="drill_tick"),
    path(f"{_DRILL}confirm/<str:what>/", views.act_drill, {"verb": "confirm"}, name="drill_confirm"),
    path(f"{_DRILL}finish/", views.act_drill, {"verb": "finish"}, name="drill_finish"),
    path(f"{_DRILL}abort/", views.act_drill, {"verb": "abort"}, name="drill_abort"),
    path(f"{_API}runbooks", api.runbooks, name="api_runbooks"),
    path(f"{_API}runbooks/<uuid:runbook_id>", api.runbook, name="api_runbook"),
    path(f"{_API}runbooks/<uuid:runbook_id>/versions", api.versions, name="api_runbook_versions"),
    path(f"{_API}runbooks/<uuid:runbook_id>/versions/<int:number>/review", api.review, name="api_review_runbook"),
    path(f"{_API}runbooks/<uuid:runbook_id>/versions/<int:number>/publish", api.publish, name="api_publish_runbook"),
    path(f"{_API}runbooks/<uuid:runbook_id>/drills", api.drills, name="api_drills"),
    path(f"{_API}drills/<uuid:drill_id>", api.drill, name="api_drill"),
    path(f"{_API}drills/<uuid:drill_id>/act", api.drill_act, name="api_drill_act"),
]
