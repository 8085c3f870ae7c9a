from django.urls import path

from apps.budgets import alerts, api, views
from apps.budgets.metered import api as metered_api
from apps.budgets.metered import views as metered
from apps.budgets.reported import views as reported
from apps.budgets.sizing import api as sizing_api
from apps.budgets.sizing import views as sizing
from apps.budgets.tiers import api as tiers_api
from apps.budgets.tiers import views as tiers
from apps.budgets.usage import api as usage_api
from apps.budgets.usage import views as usage
from apps.budgets.whatif import api as whatif_api
from apps.budgets.whatif import views as whatif

_PAGE = "t/<slug:slug>/workloads/<str:key>/cost/"
_TIERS = "t/<slug:slug>/tiers/"
_API = "api/v1/t/<slug:slug>/"
_COST = f"{_API}workloads/<str:key>/cost/"

urlpatterns = [
    path(_PAGE, views.cost, name="workload_cost"),
    path(f"{_PAGE}gate/", views.set_gate, name="set_gate"),
    path(f"{_PAGE}tiers/<slug:tier>/", views.set_ceiling, name="set_ceiling"),
    path(f"{_PAGE}closed/<uuid:closure_id>/open/", views.open_admissions, name="open_admissions"),
    path(f"{_PAGE}records/", reported.misfits, name="cost_misfits"),
    path(f"{_API}workloads/<str:key>/cost/misfits", reported.api_misfits, name="api_misfits"),
    path("t/<slug:slug>/my-usage/", usage.mine, name="my_usage"),
    path(f"{_PAGE}users/<str:user_key>/", usage.user, name="cost_user"),
    path(f"{_PAGE}calls/<uuid:call_id>/", usage.call, name="cost_call"),
    path(f"{_PAGE}calls/<uuid:call_id>/correct/", usage.correct_call, name="correct_call"),
    path(f"{_PAGE}swaps/", usage.swap_page, name="swaps"),
    path(f"{_PAGE}what-if/", whatif.what_if, name="what_if"),
    path(f"{_PAGE}rightsizing/", sizing.rightsizing, name="rightsizing"),
    path(f"{_PAGE}sizing/", sizing.sizing, name="sizing"),
    path(f"{_API}my-usage", usage_api.my_usage, name="api_my_usage"),
    path(f"{_COST}users", usage_api.users, name="api_usage"),
    path(f"{_COST}users/<str:user_key>/calls", usage_api.calls, name="api_calls"),
    path(f"{_COST}calls/<uuid:call_id>/correct", usage_api.corrected, name="api_correct_call"),
    path(f"{_COST}swaps", usage_api.swap_figures, name="api_swaps"),
    path(f"{_COST}what-if", whatif_api.what_if, name="api_what_if"),
    path(f"{_COST}rightsizing", sizing_api.rightsizing, name="api_rightsizing"),
    path(f"{_COST}sizing", sizing_api.sizing, name="api_sizing"),
    path(f"{_API}tiers", api.tiers, name="api_tiers"),
    path(f"{_API}workloads/<str:key>/cost", api.cost, name="api_cost"),
    path(f"{_API}workloads/<str:key>/cost/tiers/<slug:tier>", api.ceiling, name="api_ceiling"),
    path(f"{_API}workloads/<str:key>/cost/closed/<uuid:closure_id>/open", api.opened, name="api_open_admissions"),
    path(f"{_PAGE}metered/", metered.metered, name="metered_billing"),
    path(f"{_PAGE}metered/<slug:tier>/ask/", metered.ask, name="ask_for_opt_in"),
    path(f"{_PAGE}metered/<uuid:opt_in_id>/end/", metered.revoke, name="end_opt_in"),
    path(f"{_PAGE}ledger/", metered.ledger_page, name="metered_ledger"),
    path(f"{_PAGE}ledger/<str:form>/", metered.ledger_file, name="metered_ledger_file"),
    path(f"{_API}workloads/<str:key>/cost/opt-ins", metered_api.opt_ins, name="api_opt_ins"),
    path(f"{_API}workloads/<str:key>/cost/opt-ins/<uuid:opt_in_id>/end", metered_api.end_opt_in, name="api_end_opt_in"),
    path(f"{_API}workloads/<str:key>/cost/ledger", metered_api.metered_ledger, name="api_metered_ledger"),
    path(f"{_API}workloads/<str:key>/cost/ledger/<str:form>", metered_api.ledger_file, name="api_metered_ledger_file"),
    path("t/<slug:slug>/budget-alerts/<uuid:budget_alert_id>/", alerts.one, name="budget_alert"),
    path(_TIERS, tiers.index, name="user_tiers"),
    path(f"{_TIERS}users/import/", tiers.take, name="import_tier_users"),
    path(f"{_TIERS}<slug:tier>/", tiers.one, name="user_tier"),
    path(f"{_TIERS}<slug:tier>/rename/", tiers.rename, name="rename_tier"),
    path(f"{_TIERS}<slug:tier>/default/", tiers.make_default, name="make_default_tier"),
    path(f"{_TIERS}<slug:tier>/users/<uuid:subject_id>/remove/", tiers.remove, name="remove_tier_user"),
    path(f"{_API}tiers/users/import", tiers_api.file, name="api_import_tier_users"),
    path(f"{_API}tiers/<slug:tier>", tiers_api.tier, name="api_tier"),
    path(f"{_API}tiers/<slug:tier>/users", tiers_api.users, name="api_tier_users"),
    path(f"{_API}tiers/<slug:tier>/users/<uuid:subject_id>", tiers_api.user, name="api_tier_user"),
    path(f"{_API}workloads/<str:key>/cost/alerts", alerts.alerts, name="api_budget_alerts"),
]
