"""A security key in a real browser: set up under the portal's own script policy, and used at the next sign-in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.clients.server import served
from tests.e2e.browser import give_real_passwords, in_chromium, page_on, sign_in
from tests.world import PASSWORD, World

pytestmark = in_chromium
KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def browser_page(live_world: World) -> Iterator[tuple[Page, str, World]]:
    """By the name of this machine, since keys belong to names and not to numbers."""
    give_real_passwords()
    with served() as address:
        named = address.replace("127.0.0.1", "localhost")
        with page_on(named) as page:
            yield page, named, live_world


def test_a_key_is_set_up_and_asked_for_at_the_next_sign_in(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    sign_in(page, address, "erin")
    page.goto(f"{address}/accounts/second-factor/?next=/t/acme/approvals/")
    page.get_by_role("link", name="Use a security key or passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("link", name="I have kept them; go on").click()
    page.wait_for_url("**/t/acme/approvals/")

    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{address}/accounts/login/?next=/accounts/sessions/")
    page.get_by_label("Email").fill("erin@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Use a security key or passkey").click()
    page.wait_for_url("**/accounts/sessions/")
    assert page.get_by_text("this one").count() == 1
