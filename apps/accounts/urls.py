"""Sign-in is allauth's, page by page: what isn't named here has no address."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.webauthn import views as keys
from django.urls import path, re_path

from apps.accounts import views
from apps.accounts.signin import own_account

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", views.signup_closed, name="account_signup"),
    path("reauthenticate/", own_account(account.reauthenticate), name="account_reauthenticate"),
    path("password/change/", own_account(account.password_change), name="account_change_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path("password/reset/key/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("email/", views.email_page, name="account_email"),
    path("email/confirm/<str:token>/", views.confirm_email, name="confirm_email"),
    path("email/undo/<str:token>/", views.undo_email, name="undo_email"),
    path("sessions/", views.session_list, name="account_sessions"),
    path("sessions/end-others/", views.end_other_sessions, name="end_other_sessions"),
    path("sessions/<str:name>/end/", views.end_session, name="end_own_session"),
    path("second-factor/", views.second_factor, name="second_factor"),
    path("second-factor/go-on/", views.go_on, name="second_factor_go_on"),
    path("2fa/", own_account(mfa.index), name="mfa_index"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", own_account(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", own_account(views.ActivateCodes.as_view()), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", own_account(views.DeactivateCodes.as_view()), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", own_account(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/", own_account(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"
    ),
    path("2fa/keys/", own_account(keys.list_webauthn), name="mfa_list_webauthn"),
    path("2fa/keys/add/", own_account(views.AddKey.as_view()), name="mfa_add_webauthn"),
    path("2fa/keys/reauthenticate/", own_account(keys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("2fa/keys/<int:pk>/remove/", own_account(views.RemoveKey.as_view()), name="mfa_remove_webauthn"),
    path("2fa/keys/<int:pk>/edit/", own_account(keys.edit_webauthn), name="mfa_edit_webauthn"),
]
