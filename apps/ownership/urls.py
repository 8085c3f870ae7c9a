from django.urls import path

from apps.ownership import api, views
from apps.ownership.alerts import api as alerts_api
from apps.ownership.alerts import team_api, team_views
from apps.ownership.alerts import views as alerts
from apps.ownership.alerts.inbound import views as inbound
from apps.ownership.calendars import views as calendars
from apps.ownership.channels import api as channels_api
from apps.ownership.channels import notices
from apps.ownership.channels import views as channels

_TENANT = "t/<slug:slug>/"
_ROTA = f"{_TENANT}rotas/<uuid:rota_id>/"
_API = "api/v1/t/<slug:slug>/rotas"
_V1 = "api/v1/t/<slug:slug>/"
_ALERT, _INCIDENT = f"{_TENANT}alerts/<uuid:alert_id>/", f"{_TENANT}alerts/incidents/<uuid:incident_id>/"
_TEAM, _ME = f"{_TENANT}rotas/teams/<slug:team>/", f"{_TENANT}rotas/me/"
ALERT_VERBS = ("acknowledge", "escalate", "resolve", "hand_over")

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
    path(f"{_ROTA}import/", calendars.import_calendar, name="import_calendar"),
    path(f"{_ROTA}temporary/", calendars.temporary, name="temporary_schedule"),
    path(f"{_ROTA}temporary/<uuid:temporary_id>/cancel/", calendars.cancel_temporary, name="cancel_temporary"),
    path(f"{_API}/<uuid:rota_id>/temporary-schedules/<uuid:temporary_id>", api.temporary, name="api_temporary"),
    path(f"{_TENANT}rotas/calendars/", calendars.calendars, name="calendars"),
    path(f"{_TENANT}rotas/calendars/new/", calendars.make, name="make_calendar"),
    path(f"{_TENANT}rotas/calendars/<uuid:feed_id>/revoke/", calendars.revoke, name="revoke_calendar"),
    path("calendars/<slug:token>.ics", calendars.read, name="calendar_feed"),
    path(_API, api.rotas, name="api_rotas"),
    path(f"{_API}/<uuid:rota_id>", api.rota, name="api_rota"),
    path(f"{_API}/<uuid:rota_id>/duties", api.duties, name="api_duties"),
    path(f"{_API}/<uuid:rota_id>/overrides", api.overrides, name="api_overrides"),
    path(f"{_API}/<uuid:rota_id>/temporary-schedules", api.temporaries, name="api_temporaries"),
    path(f"{_API}/<uuid:rota_id>/calendar-import", api.calendar_import, name="api_calendar_import"),
    path(f"{_V1}calendar-feeds", api.calendar_feeds, name="api_calendar_feeds"),
    path(f"{_V1}calendar-feeds/<uuid:feed_id>", api.calendar_feed, name="api_calendar_feed"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/people", api.people, name="api_people"),
    path("api/v1/t/<slug:slug>/workloads/<str:key>/handovers", api.offer, name="api_offer"),
    path("api/v1/t/<slug:slug>/handovers", api.offers, name="api_offers"),
    path("api/v1/t/<slug:slug>/handovers/<uuid:handover_id>", api.answer, name="api_answer_offer"),
    path(f"{_TENANT}alerts/", alerts.alert_list, name="alerts"),
    path(_ALERT, alerts.alert_page, name="alert"),
    *(path(f"{_ALERT}{verb}/", alerts.act, {"verb": verb}, name=f"alert_{verb}") for verb in ALERT_VERBS),
    path("act/<str:token>/", alerts.by_link, name="alert_link"),
    path(f"{_TENANT}workloads/<str:key>/drill-alert/", alerts.call_drill, name="simulate_alert"),
    path(f"{_TENANT}workloads/<str:key>/maintenance/", alerts.hold, name="hold_alerts"),
    path(f"{_TENANT}workloads/<str:key>/maintenance/end/", alerts.release, name="release_alerts"),
    path(f"{_TENANT}alerts/incidents/", alerts.incident_list, name="incidents"),
    path(_INCIDENT, alerts.incident_page, name="incident"),
    *(
        path(f"{_INCIDENT}{verb}/", alerts.change_incident, {"verb": verb}, name=f"incident_{verb}")
        for verb in ("note", "command", "merge")
    ),
    path(_TEAM, team_views.team_page, name="answering_team"),
    path(f"{_TEAM}policy/", team_views.set_policy, name="escalation_policy"),
    path(f"{_TEAM}channels/", channels.add, name="add_team_channel"),
    path(f"{_TEAM}integrations/", team_views.add_integration, name="add_integration"),
    path(f"{_TENANT}rotas/integrations/<uuid:integration_id>/", team_views.integration_page, name="integration"),
    path(
        f"{_TENANT}rotas/integrations/<uuid:integration_id>/revoke/",
        team_views.revoke_integration,
        name="revoke_integration",
    ),
    path(f"{_TENANT}alerts/told/", notices.centre, name="notices"),
    path(f"{_TENANT}alerts/told/read/", notices.read_all, name="read_notices"),
    path(f"{_TENANT}alerts/told/unread/", notices.unread_all, name="unread_notices"),
    path(f"{_TENANT}alerts/told/<uuid:notice_id>/read/", notices.read, name="read_notice"),
    path(f"{_ME}channels/", channels.mine, name="my_channels"),
    path(f"{_ME}channels/new/", channels.add, name="add_channel"),
    *(
        path(f"{_ME}channels/<uuid:channel_id>/{verb}/", channels.change, {"verb": verb}, name=f"channel_{verb}")
        for verb in ("confirm", "code", "rule", "remove")
    ),
    path(f"{_ME}zone/", channels.set_zone, name="my_zone"),
    path(f"{_ME}absences/", channels.plan_absence, name="plan_absence"),
    path(f"{_ME}absences/<uuid:absence_id>/cancel/", channels.cancel_absence, name="cancel_absence"),
    path("v1/alerts/alertmanager", inbound.alertmanager, name="inbound_alertmanager"),
    path("v1/alerts/webhook/<slug:key>", inbound.webhook, name="inbound_webhook"),
    path("v2/enqueue", inbound.pagerduty, name="inbound_pagerduty"),
    path(f"{_V1}alerts", alerts_api.alerts, name="api_alerts"),
    path(f"{_V1}alerts/<uuid:alert_id>", alerts_api.alert, name="api_alert"),
    *(
        path(f"{_V1}alerts/<uuid:alert_id>/{verb}", view, name=f"api_alert_{verb}")
        for verb, view in alerts_api.VERBS.items()
    ),
    path(f"{_V1}workloads/<str:key>/drill-alert", alerts_api.drill, name="api_simulate_alert"),
    path(f"{_V1}workloads/<str:key>/maintenance", alerts_api.maintenance, name="api_maintenance"),
    path(f"{_V1}incidents", alerts_api.incident_list, name="api_incidents"),
    path(f"{_V1}incidents/<uuid:incident_id>", alerts_api.incident, name="api_incident"),
    path(f"{_V1}incidents/<uuid:incident_id>/notes", alerts_api.note, name="api_incident_note"),
    path(f"{_V1}incidents/<uuid:incident_id>/merge", alerts_api.merge, name="api_incident_merge"),
    path(f"{_V1}alerts/<uuid:alert_id>/deliveries", alerts_api.deliveries, name="api_deliveries"),
    path(f"{_V1}teams/<slug:team>/channels", channels_api.team_channels, name="api_team_channels"),
    path(f"{_V1}channels/<uuid:channel_id>/rule", channels_api.rule, name="api_channel_rule"),
    path(f"{_V1}teams/<slug:team>/escalation-policy", team_api.policy, name="api_policy"),
    path(f"{_V1}teams/<slug:team>/escalation-preview", team_api.preview, name="api_policy_preview"),
    path(f"{_V1}teams/<slug:team>/integrations", team_api.integrations, name="api_integrations"),
    path(f"{_V1}integrations/<uuid:integration_id>", team_api.integration, name="api_integration"),
    path(f"{_V1}channels", channels_api.channels, name="api_channels"),
    path(f"{_V1}channels/<uuid:channel_id>", channels_api.channel, name="api_channel"),
    path(f"{_V1}absences", channels_api.absences, name="api_absences"),
    path(f"{_V1}absences/<uuid:absence_id>", channels_api.absence, name="api_absence"),
]
