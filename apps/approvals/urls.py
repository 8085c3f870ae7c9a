from django.urls import path

from apps.approvals import api, views

_ONE = "t/<slug:slug>/approvals/<uuid:approval_id>/"

urlpatterns = [
    path("t/<slug:slug>/approvals/", views.inbox, name="approvals"),
    path("t/<slug:slug>/approvals/policies/", views.policy_list, name="approval_policies"),
    path("t/<slug:slug>/approvals/policies/<str:policy>/", views.policy_page, name="approval_policy"),
    path("t/<slug:slug>/approvals/delegations/", views.delegation_list, name="approval_delegations"),
    path(
        "t/<slug:slug>/approvals/delegations/<uuid:delegation_id>/revoke/",
        views.revoke_delegation,
        name="revoke_delegation",
    ),
    path(_ONE, views.request_page, name="approval"),
    path(f"{_ONE}sign/", views.sign, name="sign_approval"),
    *(
        path(f"{_ONE}{verb}/", views.act, {"verb": verb}, name=f"approval_{verb.replace('-', '_')}")
        for verb in ("unsign", "withdraw", "break-glass", "review", "renew-policy")
    ),
    path("api/v1/t/<slug:slug>/approvals", api.approvals, name="api_approvals"),
    path("api/v1/t/<slug:slug>/policies", api.all_policies, name="api_policies"),
    path("api/v1/t/<slug:slug>/policies/<str:policy>", api.policy, name="api_policy"),
    path("api/v1/t/<slug:slug>/delegations", api.delegations, name="api_delegations"),
    path("api/v1/t/<slug:slug>/delegations/<uuid:delegation_id>", api.delegation, name="api_delegation"),
    path("api/v1/t/<slug:slug>/approvals/<uuid:approval_id>", api.approval, name="api_approval"),
    path("api/v1/t/<slug:slug>/approvals/<uuid:approval_id>/sign", api.sign, name="api_sign_approval"),
]
