from django.urls import path

from apps.ownership import api, views

_TENANT = "t/<slug:slug>/"
_ROTA = f"{_TENANT}rotas/<uuid:rota_id>/"
_API = "api/v1/t/<slug:slug>/rotas"

urlpatterns = [
    path(f"{_TENANT}rotas/", views.rota_list, name="rotas"),
    path(f"{_TENANT}rotas/bar/", views.bar, name="on_call_bar"),
    path(f"{_TENANT}rotas/new/", views.create, name="create_rota"),
    path(f"{_TENANT}rotas/mine/", views.my_shifts, name="my_shifts"),
    path(f"{_TENANT}workloads/<str:key>/people/", views.people, name="workload_people"),
    path(f"{_TENANT}workloads/<str:key>/people/offer/", views.offer_workload, name="offer_workload"),
    path(f"{_TENANT}handovers/", views.offers, name="offers"),
    *(
        path(f"{_TENANT}handovers/<uuid:handover_id>/{verb}/", views.answer_offer, {"verb": verb}, name=f"{verb}_offer")
        for verb in ("accept", "end")
    ),
    path(_ROTA, views.rota_page, name="rota"),
    path(f"{_ROTA}rotation/", views.set_rotation, name="set_rotation"),
    path(f"{_ROTA}override/", views.override, name="override_rota"),
    path(f"{_ROTA}overrides/<uuid:override_id>/cancel/", views.cancel_override, name="cancel_override"),
    path(f"{_ROTA}take/", views.take_now, name="take_shift"),
    path(f"{_ROTA}swaps/<uuid:swap_id>/take/", views.take_swap, name="take_swap"),
    path(f"{_ROTA}offer/<uuid:version_id>/<str:shift>/", views.offer, name="offer_shift"),
    path(_API, api.rotas, name="api_rotas"),
    path(f"{_API}/<uuid:rota_id>", api.rota, name="api_rota"),
    path(f"{_API}/<uuid:rota_id>/duties", api.duties, name="api_duties"),
    path(f"{_API}/<uuid:rota_id>/overrides", api.overrides, name="api_overrides"),
    path(f"{_API}/<uuid:rota_id>/temporary-schedules", api.temporaries, name="api_temporaries"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/people", api.people, name="api_people"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/handovers", api.offer, name="api_offer"),
    path("api/v1/t/<slug:slug>/handovers", api.offers, name="api_offers"),
    path("api/v1/t/<slug:slug>/handovers/<uuid:handover_id>", api.answer, name="api_answer_offer"),
]
