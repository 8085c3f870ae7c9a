"""Every address under /accounts/ renders in the portal's frame, with nothing inline; what isn't used isn't there."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from apps.accounts import devices
from apps.accounts.urls import urlpatterns
from tests.signingin import by_password, enrol
from tests.world import World

# Where a GET leads on, and where to, for Erin with an app on her phone.
LED_ON = {
    "account_login": "/",
    "account_reset_password_from_key": None,
    "second_factor": "/",
    "second_factor_go_on": "/",
    "mfa_authenticate": "/",
    "mfa_activate_totp": "/accounts/2fa/totp/deactivate/",
    "mfa_reauthenticate_webauthn": "/accounts/reauthenticate/",
}
BUTTONS = {"end_other_sessions", "end_own_session"}
NOT_THERE = {"mfa_remove_webauthn", "mfa_edit_webauthn"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "confirm_email": {"token": "x" * 32},
    "undo_email": {"token": "x" * 32},
    "end_own_session": {"name": "0" * 64},
    "mfa_remove_webauthn": {"pk": 1},
    "mfa_edit_webauthn": {"pk": 1},
    "account_reset_password_from_key": {"uidb36": "x", "key": "x-y"},
}
INLINE = re.compile(r"<script(?![^>]*\ssrc=)(?![^>]*application/json)|<style|\sstyle=|\son\w+=")


def framed(answer: Any) -> None:
    page = answer.content.decode()
    assert '<main id="main">' in page and "{%" not in page and not INLINE.search(page)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_every_page_stands_in_the_frame_with_nothing_inline(world: World) -> None:
    erin = by_password("erin")
    enrol(erin)
    for pattern in urlpatterns:
        name = str(pattern.name)
        answer = erin.get(reverse(name, kwargs=ARGUMENTS.get(name)))
        if name in BUTTONS or name in NOT_THERE:
            assert answer.status_code == (405 if name in BUTTONS else 404), name
        elif name in LED_ON and answer.status_code == 302:
            assert LED_ON[name] is None or answer.headers["Location"] == LED_ON[name], name
        else:
            assert answer.status_code == 200, name
            framed(answer)


def test_the_pages_before_the_sign_in_are_framed_too(world: World) -> None:
    by_password_only = by_password("erin")
    enrol(by_password_only)
    waiting = by_password("erin")
    framed(waiting.get("/accounts/2fa/authenticate/"))
    for path in ("login/", "password/reset/", "password/reset/done/", "signup/", "inactive/", "oidc/"):
        framed(Client().get(f"/accounts/{path}"))


@pytest.mark.parametrize(
    "name",
    [
        "account_set_password",
        "account_confirm_email",
        "account_email_verification_sent",
        "account_request_login_code",
        "account_confirm_login_code",
        "mfa_download_recovery_codes",
        "mfa_trust",
        "mfa_login_webauthn",
        "mfa_signup_webauthn",
        "socialaccount_connections",
    ],
)
def test_what_is_not_used_has_no_address(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_nobody_signs_up(world: World) -> None:
    form = {"email": "x@example.com", "password1": "gravel-otter-mandolin", "password2": "gravel-otter-mandolin"}
    assert b"invited" in Client().post("/accounts/signup/", form).content


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/150.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("x" * 300, "x" * 60),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_in_words(agent: str, name: str) -> None:
    assert devices.name_of(agent) == name
