from django.urls import path

from apps.rollouts import api, views

urlpatterns = [
    path("t/<slug:slug>/workloads/<str:key>/", views.workload_page, name="workload"),
    path("t/<slug:slug>/workloads/<str:key>/rollouts/new/", views.plan_rollout, name="plan_rollout"),
    path("t/<slug:slug>/rollouts/", views.rollout_list, name="rollouts"),
    path("t/<slug:slug>/rollouts/<uuid:rollout_id>/", views.rollout_page, name="rollout"),
    path("t/<slug:slug>/rollouts/<uuid:rollout_id>/plan/", views.change_plan, name="change_plan"),
    *(
        path(
            f"t/<slug:slug>/rollouts/<uuid:rollout_id>/{verb}/",
            views.act,
            {"verb": verb},
            name=f"rollout_{verb.replace('-', '_')}",
        )
        for verb in ("submit", "start", "hold", "resume", "roll-back", "cancel")
    ),
    path("api/v1/t/<slug:slug>/rollouts", api.rollouts, name="api_rollouts"),
    path("api/v1/t/<slug:slug>/rollouts/<uuid:rollout_id>", api.rollout, name="api_rollout"),
    path("api/v1/t/<slug:slug>/rollouts/<uuid:rollout_id>/plan", api.plan, name="api_change_plan"),
    *(
        path(
            f"api/v1/t/<slug:slug>/rollouts/<uuid:rollout_id>/{verb}",
            view,
            name=f"api_rollout_{verb.replace('-', '_')}",
        )
        for verb, view in api.VERBS.items()
    ),
]
