"""The owner's journey in a real browser, over the real server: sign in, see the rollout, hold it, roll it back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Page, sync_playwright

from apps.accounts.models import User
from tests.clients.server import served
from tests.gates.test_evaluations import lines
from tests.isolation.populate import populate
from tests.world import PASSWORD, World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed: apt-get install chromium"),
]
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture
def browser_page(live_world: World) -> Iterator[tuple[Page, str, World]]:
    """A page on a server of its own, in which any console error or request off the machine fails the test."""
    populate(live_world)
    # The server's process knows the real hasher alone.
    User.objects.update(password=make_password(PASSWORD, hasher="scrypt"))
    with served() as address:
        yield from _page(address, live_world)


def _page(address: str, world: World) -> Iterator[tuple[Page, str, World]]:
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((address, "data:")) else complaints.append(r.url))
        page.on("dialog", lambda dialog: dialog.accept())
        yield page, address, world
        browser.close()
    assert complaints == []


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/t/acme/")


def test_an_owner_holds_and_rolls_back_on_a_phone(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    page.get_by_role("row", name="running").get_by_role("link", name="9.9").click()
    page.get_by_text("of observed exposure to go").wait_for()
    page.get_by_label("Hold: keep the share where it is").fill("a look at the tone first")
    page.get_by_role("button", name="Hold").click()
    page.get_by_text("Held at 5 %: a look at the tone first").wait_for()
    page.get_by_label("Roll back: nobody gets the agent, at once").fill("it is rude")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_text("Nobody gets the agent").first.wait_for()


def test_an_admin_makes_a_token_and_sees_it_once(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "adam")
    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("Name").fill("support bot")
    page.get_by_label("Send action records").check()
    page.get_by_role("button", name="Make it").click()
    raw = page.locator("#raw").inner_text()
    assert raw.startswith("cwy_")
    page.goto(f"{address}/t/acme/tokens/")
    assert raw not in page.content()
    assert "support bot" in page.content()


def test_a_workload_goes_through_the_pilot_gate(browser_page: tuple[Page, str, World], tmp_path: Path) -> None:
    """The ladder leads: an evaluation, a document, the gate refused and then asked for, and a signature."""
    page, address, _ = browser_page
    file = tmp_path / "runs.csv"
    file.write_text(lines(200, 190))
    sign_in(page, address, "alice")
    page.goto(f"{address}/t/acme/workloads/W-01/")
    page.get_by_role("link", name="Import an evaluation").click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("real 0.950 (0.910 to 0.973, n = 200)").wait_for()
    page.goto(f"{address}/t/acme/workloads/W-01/")
    page.get_by_role("link", name="Show it").click()
    page.get_by_label("The journey, step by step").fill("A customer asks, the agent answers.")
    page.get_by_label("Cost of one transaction").fill("4")
    page.get_by_label("Seconds that one transaction").fill("420")
    page.get_by_label("KPI, KPI 1", exact=True).fill("Solved at once")
    page.get_by_label("Holds when, KPI 1", exact=True).fill("80 %")
    page.get_by_role("button", name="Record it under my name").click()
    page.goto(f"{address}/t/acme/workloads/W-01/gates/pilot/")
    page.get_by_role("button", name="Ask for the gate").click()
    page.get_by_text("It waits for its signatures.").wait_for()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, address, "erin")
    page.get_by_role("link", name="Open the Pilot gate of W-01").click()
    page.get_by_role("button", name="Approve exactly this").click()
    page.get_by_text("Granted; it counts until").wait_for()
    page.goto(f"{address}/t/acme/workloads/W-01/")
    page.get_by_text("gate opened").wait_for()
