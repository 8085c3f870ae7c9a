"""Around by the keyboard alone: the palette, the menu, notices, and undoing; on a phone the head is in one line."""

from playwright.sync_api import Page

from tests.e2e.browser import DESK, in_chromium, sign_in
from tests.e2e.test_every_page import found_by_axe
from tests.world import World

pytestmark = in_chromium


def test_the_palette_is_opened_searched_followed_and_left_by_keys(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    field, options = page.get_by_role("combobox", name="Search, or say what you want to do"), page.get_by_role("option")
    page.keyboard.press("Control+k")
    options.get_by_text("Report an answer").wait_for()
    assert field.evaluate("each => each === document.activeElement")
    assert field.get_attribute("aria-activedescendant") is None, "nothing is chosen before anything was said"
    assert found_by_axe(page) == []

    page.keyboard.type("w-77")
    page.get_by_role("option", name="W-77 Secret of acme Alice").wait_for()
    chosen = page.locator("[role=option][aria-selected=true]")
    first = chosen.inner_text()
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("ArrowDown")
    second = chosen.inner_text()
    assert second != first and chosen.count() == 1
    page.keyboard.press("ArrowUp")
    assert chosen.inner_text() == first
    page.keyboard.press("ArrowUp")
    assert chosen.inner_text() == options.last.inner_text(), "up from the first is the last"
    page.keyboard.press("ArrowDown")
    assert found_by_axe(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/t/acme/workloads/W-77/")


def test_escape_closes_it_and_gives_the_focus_back(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    button = page.get_by_role("link", name="Search", exact=False).first
    button.focus()
    page.keyboard.press("Enter")
    page.locator("#palette[open]").wait_for()
    page.keyboard.type("zzzz")
    page.get_by_text("Nothing found").wait_for()
    page.keyboard.press("Escape")
    assert page.locator("#palette[open]").count() == 0
    assert button.evaluate("each => each === document.activeElement")


def test_enter_before_anything_is_chosen_is_the_search_page(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    page.keyboard.press("Control+k")
    page.get_by_role("option", name="Report an answer").wait_for()
    page.keyboard.type("zz")
    page.get_by_text("Nothing found").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/t/acme/search/?q=zz")
    page.get_by_text("Nothing that you may see has all of these words.").wait_for()


def test_without_script_search_menu_and_notices_are_plain_pages(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    plain = page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    plain.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    still = plain.new_page()
    still.goto(f"{address}/t/acme/")
    still.get_by_role("link", name="Search").first.click()
    still.get_by_label("What do you look for?").fill("W-77")
    still.get_by_role("button", name="Search").click()
    still.get_by_role("link", name="W-77 Secret of acme", exact=True).click()
    still.get_by_text("More", exact=True).click()
    still.get_by_role("link", name="Training", exact=True).click()
    still.wait_for_url("**/t/acme/training/")
    plain.close()


def test_the_menu_opens_by_keys_and_escape_gives_the_focus_back(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    more = page.locator("details.more summary")
    more.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Runbooks", exact=True).wait_for()
    assert found_by_axe(page) == []
    page.keyboard.press("Escape")
    assert not page.locator("details.more").evaluate("each => each.open")
    assert more.evaluate("each => each === document.activeElement")


def test_on_a_phone_the_navigation_is_one_line_for_everybody(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    for name in ("alice", "adam", "bob", "charlie"):
        page.context.clear_cookies()
        sign_in(page, address, name)
        tall = page.locator(".top nav").evaluate("each => each.getBoundingClientRect().height")
        assert tall < 48, f"{name}: {tall} px"
        page.locator("details.more summary").click()
        menu = page.locator(".menu").evaluate("each => each.getBoundingClientRect()")
        assert menu["left"] >= 0 and menu["right"] <= 390
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_following_a_notice_reads_it_and_marking_all_is_undone(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    sign_in(page, address, "bob")
    page.locator("#unread .count").wait_for()
    before = int(page.locator("#unread .count").inner_text())
    assert before > 1
    page.goto(f"{address}/t/acme/alerts/told/")
    with page.expect_response(lambda answer: answer.url.endswith("/read/")):
        page.locator("[data-reads]").first.click()
    page.goto(f"{address}/t/acme/alerts/told/")
    page.get_by_text(f"{before - 1} you haven't read").wait_for()
    page.get_by_role("button", name="Mark all as read").click()
    page.get_by_text("You have read everything.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text(f"{before - 1} you haven't read").wait_for()


def test_a_filter_is_kept_and_dropped_where_it_is_used(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "alice")
    page.goto(f"{address}/t/acme/rollouts/?state=running")
    page.get_by_label("Name of this filter").fill("On their way")
    page.get_by_role("button", name="Keep this filter").click()
    page.get_by_role("link", name="On their way").wait_for()
    page.get_by_role("button", name="Drop the filter On their way").click()
    page.get_by_text("“On their way” is dropped.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="On their way").wait_for()
