"""The second factor: who needs it, how it is shown, and that nothing that needs it opens without (APPR-2)."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client, override_settings

from apps.accounts import secondfactor
from apps.approvals import breakglass
from apps.approvals.models import BreakGlass, Signature
from apps.audit import queries as audit
from apps.rollouts import actions
from portal.actor import Actor
from portal.errors import SecondFactorNeeded
from portal.local import paths
from portal.tenancy.context import tenant_transaction
from tests.rollouts.factory import drafted
from tests.signing import request_of, sign
from tests.signingin import by_password, code, enrol
from tests.world import NOW, PASSWORD, SETUP, World

REQUIRED = override_settings(SECOND_FACTOR="required")
HOUR = 3_600.0


def waiting(world: World) -> Any:
    """A request that waits for Erin."""
    rollout = drafted(world)
    with tenant_transaction(world.tenant.id):
        actions.submit_rollout(rollout=rollout, actor=SETUP, now=NOW)
        found = request_of(rollout)
        type(found).objects.filter(id=found.id).update(expires_at="2100-01-01T00:00Z")
        return found


def signatures(world: World) -> int:
    with tenant_transaction(world.tenant.id):
        return Signature.objects.count()


@pytest.mark.parametrize(
    ("records", "is_shown"),
    [
        ([], False),
        ([{"method": "password", "at": 0}], False),
        ([{"method": "mfa", "at": -11 * HOUR}], True),
        ([{"method": "mfa", "at": -12 * HOUR}], False),
        ([{"method": "mfa"}], False),
        ([{"method": "mfa", "at": -20 * HOUR}, {"method": "password", "at": 0}], False),
    ],
)
def test_a_session_is_strong_for_twelve_hours_after_a_second_factor(records: Any, is_shown: bool) -> None:
    now = time.time()
    moved = [{**row, **({"at": now + row["at"]} if "at" in row else {})} for row in records]
    assert secondfactor.is_shown(moved, now) is is_shown


@pytest.mark.parametrize(
    ("claims", "is_asserted"),
    [
        ({}, False),
        ({"amr": ["pwd", "otp"]}, False),
        ({"amr": ["otp", "mfa"]}, True),
        ({"amr": "mfa"}, False),
        ({"acr": "https://refeds.org/profile/mfa"}, True),
        ({"acr": "1"}, False),
    ],
)
def test_a_token_asserts_several_factors_or_does_not(claims: Any, is_asserted: bool) -> None:
    assert secondfactor.is_asserted(claims) is is_asserted


def test_only_people_are_asked_and_only_where_it_is_required() -> None:
    weak = Actor(kind="person", id=None, label="p")
    with override_settings(SECOND_FACTOR="offered"):
        secondfactor.refuse_without(weak)
    with REQUIRED:
        secondfactor.refuse_without(Actor(kind="person", id=None, label="p", is_strong=True))
        secondfactor.refuse_without(Actor(kind="task", id=None, label="t"))
        with pytest.raises(SecondFactorNeeded):
            secondfactor.refuse_without(weak)


def test_another_word_stops_the_start_with_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import portal.settings"],
        env={**os.environ, "SECOND_FACTOR": "sometimes"},
        cwd=paths.PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "SECOND_FACTOR is 'sometimes': it wants required or offered." in done.stderr


def test_the_actions_themselves_refuse_whatever_calls_them(world: World) -> None:
    found, erin = waiting(world), world.actor(world.erin)
    with REQUIRED, tenant_transaction(world.tenant.id):
        with pytest.raises(SecondFactorNeeded):
            sign(found, world.erin, erin, NOW)
        with pytest.raises(SecondFactorNeeded):
            breakglass.break_glass(request=found, person=world.erin, seen=found.digest, reason="r", actor=erin, now=NOW)
        assert (Signature.objects.count(), BreakGlass.objects.count()) == (0, 0)


@REQUIRED
def test_page_api_and_admin_stay_closed_until_a_second_factor_was_shown(world: World) -> None:
    found, erin = waiting(world), by_password("erin")
    page = f"/t/acme/approvals/{found.id}/"
    body = {"verdict": "approve", "seen": found.digest}
    assert erin.get(page).status_code == 200, "looking takes none"
    refused = erin.post(f"{page}sign/", body, headers={"Referer": f"http://testserver{page}"})
    assert refused.status_code == 403
    assert f"/accounts/second-factor/?next=%2Ft%2Facme%2Fapprovals%2F{found.id}%2F".encode() in refused.content
    api = f"/api/v1/t/acme/approvals/{found.id}/sign"
    answer = erin.post(api, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    assert erin.post(f"{page}break-glass/", {"seen": found.digest, "reason": "r"}).status_code == 403
    assert signatures(world) == 0

    enrol(erin)
    assert erin.post(api, body, content_type="application/json").status_code == 200
    assert signatures(world) == 1


@REQUIRED
def test_from_the_refusal_one_button_leads_to_a_device_and_back(world: World) -> None:
    erin = by_password("erin")
    start = erin.get("/accounts/second-factor/?next=/t/acme/approvals/")
    assert start.status_code == 200 and b"/accounts/2fa/totp/activate/" in start.content
    enrol(erin)
    codes = erin.get("/accounts/2fa/recovery-codes/")
    assert b"/accounts/second-factor/go-on/" in codes.content
    assert erin.get("/accounts/second-factor/go-on/").headers["Location"] == "/t/acme/approvals/"
    assert erin.get("/accounts/second-factor/?next=/t/acme/").headers["Location"] == "/t/acme/"


@pytest.mark.parametrize(
    "evil", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_the_way_back_leads_nowhere_else(world: World, evil: str) -> None:
    erin = by_password("erin")
    page = erin.get("/accounts/second-factor/", {"next": evil})
    assert b"evil" not in page.content and b"alert" not in page.content
    enrol(erin)
    assert erin.get("/accounts/second-factor/go-on/").headers["Location"] == "/"


def test_who_has_a_device_is_asked_for_it_at_the_next_sign_in(world: World) -> None:
    secret = enrol(by_password("erin"))
    client = by_password("erin")
    assert "_auth_user_id" not in client.session
    assert client.get("/t/acme/").status_code == 302
    assert client.get("/accounts/2fa/authenticate/").status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/t/acme/").status_code == 302
    # The one of the minute was used to set it up; allauth takes no code twice.
    answer = client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert (answer.status_code, client.get("/t/acme/").status_code) == (302, 200)
    with REQUIRED:
        assert client.get("/accounts/second-factor/?next=/t/acme/").status_code == 302


def test_a_code_counts_once(world: World) -> None:
    secret = enrol(by_password("erin"))
    first, second = by_password("erin"), by_password("erin")
    shown = code(secret)
    assert first.post("/accounts/2fa/authenticate/", {"code": shown}).status_code == 302
    assert second.post("/accounts/2fa/authenticate/", {"code": shown}).status_code == 200
    assert "_auth_user_id" not in second.session


def test_a_recovery_code_counts_once(world: World) -> None:
    erin = by_password("erin")
    enrol(erin)
    kept = erin.get("/accounts/2fa/recovery-codes/").context["unused_codes"][0]
    first, second = by_password("erin"), by_password("erin")
    assert first.post("/accounts/2fa/authenticate/", {"code": kept}).status_code == 302
    assert second.post("/accounts/2fa/authenticate/", {"code": kept}).status_code == 200


def test_codes_are_not_guessed(world: World) -> None:
    """After five wrong ones in a minute even the right one isn't looked at."""
    secret = enrol(by_password("erin"))
    client = by_password("erin")
    for _ in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(("steps", "gets_in"), [(1, True), (-2, False)])
def test_a_phone_may_be_half_a_minute_off_and_no_code_is_as_old_as_a_minute(
    world: World, steps: int, gets_in: bool
) -> None:
    secret = enrol(by_password("erin"))
    client = by_password("erin")
    client.post("/accounts/2fa/authenticate/", {"code": code(secret, steps)})
    assert ("_auth_user_id" in client.session) is gets_in


def test_the_stored_secret_gives_nobody_a_code(world: World) -> None:
    secret = enrol(by_password("erin"))
    row = Authenticator.objects.get(user=world.erin, type="totp")
    assert secret not in str(row.data)


def test_taking_a_device_away_and_adding_one_is_in_the_trail_of_each_tenant(world: World) -> None:
    enrol(by_password("erin"))
    client = by_password("mallory")
    enrol(client)
    client.post("/accounts/2fa/totp/deactivate/")
    for tenant, expected in ((world.tenant, ["erin"]), (world.other, ["mallory", "mallory"])):
        with tenant_transaction(tenant.id):
            rows = audit.entries(tenant.id).filter(action__startswith="person.second_factor")
            assert [row.actor.split("@")[0] for row in rows] == expected


def test_a_session_does_not_change_its_devices_without_the_password(world: World) -> None:
    client = by_password("erin")
    assert client.get("/accounts/2fa/totp/activate/").headers["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": "wrong"})
    assert client.get("/accounts/2fa/totp/activate/").status_code == 302
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


@REQUIRED
def test_the_admin_opens_with_a_second_factor_alone(world: World) -> None:
    adam, otto = by_password("adam"), by_password("otto")
    for client in (adam, otto):
        for answer in (client.get("/admin/tenant/"), client.post("/admin/tenant/", {"slug": "acme", "reason": "r"})):
            assert answer.status_code == 403 and b"second-factor" in answer.content
        enrol(client)
        assert client.post("/admin/tenant/", {"slug": "acme", "reason": "r"}).status_code == 302
        assert client.get("/admin/tenants/membership/").status_code == 200


def test_an_open_admin_session_closes_when_it_becomes_required(world: World) -> None:
    adam = by_password("adam")
    adam.post("/admin/tenant/", {"slug": "acme", "reason": "r"})
    assert adam.get("/admin/tenants/membership/").status_code == 200
    with REQUIRED:
        assert adam.get("/admin/tenants/membership/").status_code == 302


def test_strangers_are_led_to_the_sign_in(world: World) -> None:
    for path in ("/accounts/2fa/", "/accounts/second-factor/", "/accounts/sessions/", "/accounts/email/"):
        assert Client().get(path).headers["Location"].startswith("/accounts/login/")
