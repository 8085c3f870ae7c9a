from django.urls import path

from apps.tenants import api, provider_views, views

_SIGNIN, _PEOPLE, _API = "t/<slug:slug>/sign-in/", "t/<slug:slug>/people/", "api/v1/t/<slug:slug>/"

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/oidc/", provider_views.choose, name="provider_choose"),
    path("accounts/oidc/<slug:slug>/", provider_views.start, name="provider_start"),
    path("accounts/oidc/<slug:slug>/login/", provider_views.leave, name="provider_login"),
    path("accounts/oidc/<slug:slug>/callback/", provider_views.come_back, name="provider_callback"),
    path("accounts/invitation/<str:token>/", provider_views.accept, name="accept_invitation"),
    path(_PEOPLE, views.people, name="people"),
    path(f"{_PEOPLE}<uuid:member_id>/", views.person_page, name="person"),
    path(f"{_PEOPLE}<uuid:member_id>/end/", views.end_membership, name="end_membership"),
    path(f"{_PEOPLE}<uuid:member_id>/sessions/<str:session>/end/", views.end_member_session, name="end_member_session"),
    *(
        path(
            f"{_PEOPLE}invitations/<uuid:invitation_id>/{verb}/",
            views.act_on_invitation,
            {"verb": verb},
            name=f"{verb}_invitation",
        )
        for verb in ("resend", "revoke")
    ),
    path(_SIGNIN, provider_views.settings_page, name="signin_provider"),
    path(f"{_SIGNIN}test/", provider_views.test_provider, name="test_signin_provider"),
    path(f"{_SIGNIN}remove/", provider_views.remove_provider, name="remove_signin_provider"),
    path(f"{_SIGNIN}identities/<uuid:identity_id>/unbind/", provider_views.unbind, name="unbind_identity"),
    path(f"{_API}members", api.members, name="api_members"),
    path(f"{_API}members/<uuid:member_id>", api.member, name="api_member"),
    path(f"{_API}invitations", api.invitations, name="api_invitations"),
    path(f"{_API}invitations/<uuid:invitation_id>", api.invitation, name="api_invitation"),
    path(f"{_API}sign-in-provider", api.provider, name="api_provider"),
]
