"""A real browser on the real server, in which a console error, a broken policy or a request off the machine fails."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connections
from playwright.sync_api import Page, sync_playwright

from apps.accounts.models import User
from portal.tenancy.context import tenant_transaction
from tests.world import PASSWORD, World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_chromium = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium isn't installed: apt-get install chromium"),
]
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PHONE, DESK = (390, 844), (1440, 900)


def give_real_passwords() -> None:
    """The server's process knows the real hasher alone."""
    User.objects.update(password=make_password(PASSWORD, hasher="scrypt"))


@contextmanager
def page_on(*addresses: str, size: tuple[int, int] = PHONE, **options: Any) -> Iterator[Page]:
    """A page that may ask these addresses and nobody else; whatever it complains of fails the test at the end."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, **options)
        page.on(
            "console", lambda m: complaints.append(f"{m.text} {m.location}") if m.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        allowed = (*addresses, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(allowed) else complaints.append(r.url))
        yield page
        browser.close()
    assert not complaints, "\n".join(complaints[:20])


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/t/acme/")


def tab_to(page: Page, name: str) -> None:
    """By the keyboard alone, to whatever is called so.

    Raises:
        AssertionError: it isn't reached.
    """
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in page.evaluate("document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText"):
            return
    raise AssertionError(f"no key leads to {name}")


def told(page: Page, words: str) -> None:
    """Wait until a screen reader would find ``words``, also where no script can look (a closed shadow root)."""
    session = page.context.new_cdp_session(page)
    for _ in range(200):
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        if any(words in str(node.get("name", {}).get("value", "")) for node in nodes):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"Nobody was told {words!r}.")


def sign_in_by_keys(page: Page, address: str, name: str) -> None:
    page.goto(address)
    tab_to(page, "Email")
    page.keyboard.type(f"{name}@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/t/acme/")


def aside(world: World, act: Callable[[], object]) -> None:
    """In a thread of its own: the browser's event loop runs in this one, where Django's database isn't to be used."""

    def inside() -> None:
        with tenant_transaction(world.tenant.id):
            act()

    away(inside)


def away(act: Callable[[], object]) -> None:
    """The same, of no tenant."""

    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result(30)
