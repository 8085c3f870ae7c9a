from django.urls import path

from apps.feedback import api, board_views, views
from apps.feedback.widget import views as widget

_TENANT = "t/<slug:slug>/"
_REPORT = f"{_TENANT}feedback/<uuid:report_id>/"
_THEME = f"{_TENANT}feedback/themes/<uuid:theme_id>/"
_WORKLOAD = f"{_TENANT}workloads/<str:key>/"
_API = "api/v1/t/<slug:slug>/"

urlpatterns = [
    path(f"{_TENANT}feedback/", views.my_reports, name="my_reports"),
    path(f"{_TENANT}feedback/new/", views.report, name="file_report"),
    path(_REPORT, views.report_page, name="report"),
    path(f"{_REPORT}screenshot/", views.screenshot, name="screenshot"),
    path(f"{_REPORT}answer/", views.answer, name="answer_report"),
    path(f"{_REPORT}merge/", views.merge, name="merge_report"),
    path(f"{_REPORT}better/", views.better, name="better_report"),
    path(f"{_REPORT}unmerge/", views.unmerge, name="unmerge_report"),
    path(f"{_REPORT}ungroup/", views.ungroup, name="ungroup_report"),
    path(_THEME, board_views.theme_page, name="theme"),
    path(f"{_THEME}me-too/", views.me_too, name="me_too"),
    path(f"{_THEME}me-too/take-back/", views.take_back_me_too, name="take_back_me_too"),
    path(f"{_THEME}settle/", board_views.settle, name="settle_theme"),
    path(f"{_WORKLOAD}feedback/", board_views.board, name="board"),
    path(f"{_WORKLOAD}feedback/answer/", board_views.answer_many, name="answer_reports"),
    path(f"{_WORKLOAD}feedback/group/", board_views.group, name="group_reports"),
    path(f"{_WORKLOAD}feedback/ungroup/", board_views.ungroup_many, name="ungroup_reports"),
    path(f"{_WORKLOAD}feedback/trust/", board_views.trust, name="trust"),
    path(f"{_WORKLOAD}desk/", board_views.desk, name="desk"),
    path(f"{_WORKLOAD}desk/name/", board_views.name_desk, name="name_desk"),
    path(f"{_WORKLOAD}widgets/", board_views.widget_list, name="widgets"),
    path(f"{_WORKLOAD}widgets/<slug:widget_key>/revoke/", board_views.revoke_widget, name="revoke_widget"),
    path("widget/v1/<slug:key>/reports", widget.reports, name="widget_reports"),
    path("widget/v1/<slug:key>/reactions", widget.reactions, name="widget_reactions"),
    path(f"{_API}feedback/reports", api.reports, name="api_reports"),
    path(f"{_API}feedback/reports/<uuid:report_id>", api.report, name="api_report"),
    path(f"{_API}feedback/reports/<uuid:report_id>/answers", api.answers, name="api_report_answers"),
    path(f"{_API}feedback/reports/<uuid:report_id>/duplicate-of", api.duplicate, name="api_report_duplicate"),
    path(f"{_API}feedback/reports/<uuid:report_id>/better", api.better, name="api_report_better"),
    path(f"{_API}feedback/themes", api.themes, name="api_themes"),
    path(f"{_API}feedback/themes/<uuid:theme_id>/me-too", api.me_too, name="api_me_too"),
    path(f"{_API}workloads/<str:key>/reactions", api.reactions, name="api_reactions"),
    path(f"{_API}workloads/<str:key>/trust", api.trust, name="api_trust"),
    path(f"{_API}workloads/<str:key>/desk", api.desk, name="api_desk"),
    path(f"{_API}feedback/widgets/<slug:widget_key>/tickets", api.tickets_view, name="api_tickets"),
]
