from django.urls import path

from apps.events import api, views

_EVENTS = "t/<slug:slug>/events/"
_ONE = f"{_EVENTS}<uuid:subscription_id>/"
_DELIVERY = f"{_ONE}deliveries/<uuid:delivery_id>/"
_API = "api/v1/t/<slug:slug>/event-subscriptions"
_API_ONE = f"{_API}/<uuid:subscription_id>"

urlpatterns = [
    path(_EVENTS, views.index, name="event_subscriptions"),
    path(f"{_EVENTS}new/", views.new, name="new_event_subscription"),
    path(f"{_EVENTS}types/", views.types, name="event_types"),
    path(_ONE, views.detail, name="event_subscription"),
    path(f"{_ONE}edit/", views.edit, name="edit_event_subscription"),
    path(f"{_ONE}secret/", views.secret, name="event_secret"),
    path(f"{_ONE}replay/", views.replay, name="replay_events"),
    *(
        path(f"{_ONE}{verb}/", views.change, {"verb": verb}, name=f"event_{verb.replace('-', '_')}")
        for verb in ("pause", "resume", "try-now", "test", "cancel-replay", "rotate", "remove")
    ),
    path(_DELIVERY, views.delivery, name="event_delivery"),
    path(f"{_DELIVERY}resend/", views.resend, name="resend_event"),
    path("api/v1/t/<slug:slug>/event-types", api.types, name="api_event_types"),
    path(_API, api.subscriptions, name="api_event_subscriptions"),
    path(_API_ONE, api.subscription, name="api_event_subscription"),
    path(f"{_API_ONE}/test", api.test, name="api_event_test"),
    path(f"{_API_ONE}/replay", api.replay, name="api_event_replay"),
    path(f"{_API_ONE}/deliveries", api.deliveries, name="api_event_deliveries"),
    path(f"{_API_ONE}/deliveries/<uuid:delivery_id>", api.delivery, name="api_event_delivery"),
    path(f"{_API_ONE}/deliveries/<uuid:delivery_id>/resend", api.resend, name="api_resend_event"),
]
