"""What each role comes for, from the sign-in to done, in a real browser."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from playwright.sync_api import Page

from apps.rollouts import actions as rollouts
from apps.rollouts.models import Rollout
from apps.tenants import actions as tenants
from apps.tenants import invitations
from apps.tenants.roles import Role
from portal.tenancy.context import tenant_transaction
from tests.clients.server import served
from tests.e2e.browser import (
    DESK,
    aside,
    away,
    give_real_passwords,
    in_chromium,
    page_on,
    sign_in,
    sign_in_by_keys,
    tab_to,
)
from tests.e2e.test_journeys import approve_waiting, press, switch
from tests.rollouts.factory import baked, drafted, look, running, send
from tests.signingin import ADMIN
from tests.world import SETUP, World

pytestmark = in_chromium

GOOD = "gravel-otter-mandolin-seven"


@pytest.fixture
def desk(live_world: World) -> Iterator[tuple[Page, str, World]]:
    """A wide page, over a tenant in which nothing has happened yet."""
    give_real_passwords()
    with served() as address, page_on(address, size=DESK) as page:
        yield page, address, live_world


def test_an_owner_starts_a_rollout_and_sees_it_step(desk: tuple[Page, str, World]) -> None:
    """Planned, approved by somebody else, started; and the open page says by itself that it has moved on."""
    page, address, world = desk
    sign_in(page, address, "alice")
    page.get_by_role("link", name="W-01").first.click()
    page.get_by_role("link", name="Plan a rollout").first.click()
    page.get_by_label("Version").select_option(label="1.1 (sonnet-4.5)")
    page.get_by_label("Why now").fill("It quotes its sources.")
    page.get_by_label("Bake, hours, phase 1", exact=True).fill("0.2")
    # Nobody judges answers here, and twelve minutes are too short to compare errors with the control arm's.
    for unfit in (2, 4):
        page.get_by_label(f"Limit, guardrail {unfit}", exact=True).fill("")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Submit for approval").click()
    page.get_by_text("It waits for engineering").wait_for()
    rollout = page.url

    switch(page, address, "erin")
    approve_waiting(page, address, "Roll out 1.1 of W-01")
    switch(page, address, "alice")
    page.goto(rollout)
    press(page, "Start at 5 %")
    page.get_by_text("At 5 %; 12 min of observed exposure to go").wait_for()

    aside(world, lambda: _let_it_bake(world))
    page.locator(".timeline").get_by_text("Every guardrail passed; on to 10 %.").wait_for()
    assert page.locator(".phases [aria-current=step]").inner_text().startswith("10\u202f%")
    assert page.url == rollout, "nobody has loaded it anew"


def _let_it_bake(world: World) -> None:
    """What agents and the tick do by themselves in a quarter of an hour."""
    rollout = Rollout.objects.get(tenant=world.tenant)
    baked(rollout, start=datetime.now(UTC) - timedelta(seconds=1), minutes=14)


def test_governance_lowers_a_posture_and_the_rollout_goes_no_further(desk: tuple[Page, str, World]) -> None:
    page, address, world = desk
    aside(world, partial(running, world))
    sign_in(page, address, "gina")
    page.get_by_role("link", name="Workloads", exact=True).click()
    page.get_by_role("link", name="W-01").click()
    page.get_by_label("Posture").select_option(label="Pause")
    page.get_by_label("Reason").fill("The owner of the data has left.")
    page.get_by_role("button", name="Set it").click()
    page.locator(".badge", has_text="Pause").wait_for()
    page.get_by_role("link", name="Watch the rollout").click()
    page.get_by_text("At 5 %;").wait_for()
    aside(world, lambda: _let_it_bake(world))
    page.get_by_text("At 5 %, and not further: The posture is Pause").wait_for()
    assert page.locator(".phases [aria-current=step]").inner_text().startswith("5\u202f%")


def test_an_approver_signs_by_the_keyboard_alone_from_the_sign_in_on(
    browser_page: tuple[Page, str, World],
) -> None:
    """On the width of a phone, without a single click."""
    page, address, world = browser_page
    aside(world, lambda: _asked_for(world))
    sign_in_by_keys(page, address, "erin")
    tab_to(page, "Roll out 1.1 of W-01")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals/**")
    tab_to(page, "Approve exactly this")
    page.keyboard.press("Enter")
    page.get_by_text("Signed. The request").wait_for()
    assert page.get_by_role("button", name="Approve exactly this").count() == 0


def _asked_for(world: World) -> None:
    rollouts.submit_rollout(rollout=drafted(world), actor=world.actor(world.bob), now=datetime.now(UTC))


def test_a_new_tenants_admin_comes_by_invitation_to_a_first_workload(desk: tuple[Page, str, World]) -> None:
    """From the link in the mail through the first steps: people, a rota, a workload with its fallback, a token."""
    page, address, world = desk
    link: list[str] = []
    away(lambda: link.append(_invited_to_nova(world)))
    page.goto(f"{address}{link[0]}")
    page.get_by_label("name").fill("Nadia")
    page.get_by_label("password").fill(GOOD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_text("Your account is ready.").wait_for()
    page.get_by_label("Email").fill("nadia@example.org")
    page.get_by_label("Password").fill(GOOD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/t/nova/")

    page.get_by_role("link", name="Invite the people").first.click()
    page.get_by_label("Their e-mail address").fill("oskar@example.org")
    page.get_by_label("Workload owner").check()
    page.get_by_role("button", name="Send the invitation").click()
    page.get_by_text("oskar@example.org").first.wait_for()

    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="Make a team with a rota").first.click()
    page.get_by_label("Team").select_option(label="Support")
    page.get_by_label("Name").fill("Round the clock")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/rotation/")

    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="Register a workload").first.click()
    page.get_by_label("Key").fill("W-01")
    page.get_by_label("Name").fill("Help-centre chat")
    page.get_by_label("Purpose").fill("Answers first-line questions.")
    page.get_by_label("Fallback:", exact=True).select_option(index=1)
    page.get_by_label("Fallback description").fill("The form, answered by the team.")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="W-01 Help-centre chat").wait_for()

    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="Make a token for the runtime").first.click()
    page.get_by_label("Name").fill("runtime")
    page.get_by_label("Send action records").check()
    page.get_by_role("button", name="Make it").click()
    assert page.locator("#raw").inner_text().startswith("cwy_")


def _invited_to_nova(world: World) -> str:
    nova = tenants.create_tenant(slug="nova", name="Nova", actor=SETUP)
    with tenant_transaction(nova.id):
        tenants.create_team(tenant_id=nova.id, slug="support", name="Support", actor=SETUP)
        made = invitations.invite(
            tenant_id=nova.id,
            email="nadia@example.org",
            roles=(Role.ADMIN,),
            by=world.otto,
            actor=ADMIN,
            now=datetime.now(UTC),
        )
    return f"/accounts/invitation/{invitations.link_token(made)}/"


def test_an_auditor_reads_why_a_rollout_went_back(desk: tuple[Page, str, World]) -> None:
    page, address, world = desk
    aside(world, lambda: _rolled_back(world))
    sign_in(page, address, "audrey")
    page.get_by_role("link", name="1.1", exact=True).click()
    page.get_by_text("Rolled back: error rate is").first.wait_for()
    page.get_by_text("Why", exact=True).first.click()
    assert page.get_by_role("button", name="Resume").count() == 0


def _rolled_back(world: World) -> None:
    rollout, at = running(world), datetime.now(UTC)
    send(rollout, at=at, agent=(60, 30), control=(60, 0))
    look(look(rollout, at + timedelta(seconds=10)), at + timedelta(seconds=20))
