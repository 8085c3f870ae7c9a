"""Every address of the resolver in Chromium, light and dark: nothing for axe to find, nothing cut off, nothing that
moves while it comes, no complaint."""

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from tests.clients.server import served
from tests.e2e.browser import DESK, PHONE, aside, give_real_passwords, in_chromium, page_on, sign_in
from tests.isolation.addresses import TENANTS
from tests.isolation.populate import populate
from tests.world import World

pytestmark = in_chromium

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
PUBLIC = ("/accounts/login/", "/accounts/password/reset/")
SIGNED_IN = ("/", "/styleguide/", "/accounts/logout/", "/accounts/password/change/", "/accounts/email/")
# Who sees most first; each page is looked at by the first who gets it.
PEOPLE = ("alice", "adam", "erin", "bob")


def found_by_axe(page: Page) -> list[str]:
    """What axe says is wrong, with the elements."""
    page.evaluate(AXE)
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]]


# What has moved by itself since the page began, as a share of the screen times how far.
SHIFTED = """() => new Promise(done => {
    let sum = 0;
    new PerformanceObserver(list => list.getEntries().forEach(each => sum += each.hadRecentInput ? 0 : each.value))
        .observe({type: "layout-shift", buffered: true});
    setTimeout(() => done(sum), 50);
})"""


def looked_at(page: Page, address: str) -> list[str]:
    """What is wrong with a page that is open."""
    wrong = found_by_axe(page)
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if over > 0:
        wrong.append(f"{over} px stick out")
    # By now all that the page fetches after itself is there.
    shifted = page.evaluate(SHIFTED)
    if shifted > 0.01:
        wrong.append(f"it moved while it came: {shifted:.3f}")
    return [f"{address}: {each}" for each in wrong]


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_nothing_is_wrong_with_any_page(live_world: World, scheme: str, size: tuple[int, int]) -> None:
    ours, _ = populate(live_world)
    give_real_passwords()
    paths: list[str] = []
    aside(live_world, lambda: paths.extend(_pages(ours)))
    wrong: list[str] = []
    with served() as address, page_on(address, size=size, color_scheme=scheme) as page:
        for path in PUBLIC:
            page.goto(f"{address}{path}")
            wrong += looked_at(page, path)
        left, seen = set(paths), 0
        for name in PEOPLE:
            page.context.clear_cookies()
            sign_in(page, address, name)
            for path in sorted(left | set(SIGNED_IN if name == PEOPLE[0] else ())):
                if _opens(page, f"{address}{path}"):
                    page.goto(f"{address}{path}", wait_until="load")
                    wrong += looked_at(page, path)
                    left.discard(path)
                    seen += 1
    assert not wrong, "\n".join(wrong[:100])
    assert seen > 60, f"only {seen} pages were there to look at"


def _pages(ours: Any) -> list[str]:
    return sorted({a.path("acme", ours.ids) for a in TENANTS if not a.route.startswith("api/")})


def _opens(page: Page, address: str) -> bool:
    """Asked beside the page, so that a refusal is no console error. Buttons, files and fragments are no pages."""
    answer = page.context.request.get(address, max_redirects=0)
    is_html = answer.headers.get("content-type", "").startswith("text/html")
    return answer.status == 200 and is_html and "<html" in answer.text()
