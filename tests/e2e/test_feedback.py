"""FEED-1 in a real browser: reported from a link in 30 seconds, and from a page of another origin by the widget."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Page

from apps.feedback import tickets
from apps.feedback.models import Report, Widget
from apps.feedback.widget import actions as widgets
from tests.clients.server import served
from tests.e2e.browser import PHONE, aside, give_real_passwords, in_chromium, page_on, sign_in, sign_in_by_keys, told
from tests.feedback.factory import answered_by_agent
from tests.isolation.populate import populate
from tests.world import NOW, World

pytestmark = in_chromium

A_KEY = 200  # milliseconds
HAPPENED, HELPED = "It quoted last year's price for the plan.", "The price of this year."


def test_a_frontline_user_reports_from_a_link_in_thirty_seconds(browser_page: tuple[Page, str, World]) -> None:
    """At most three required inputs and six actions, typed at 200 ms a key; by the keyboard alone, from the sign-in."""
    page, address, world = browser_page
    aside(world, lambda: answered_by_agent(world, "req-77"))
    sign_in_by_keys(page, address, "charlie")
    began, actions = time.monotonic(), 0
    page.goto(f"{address}/t/acme/feedback/new/?request=req-77")
    actions += 1
    required = page.locator("main [required]:visible")
    assert required.count() <= 3
    # The first question has the focus already: one types, goes on, types, goes on to the button and presses it.
    page.keyboard.type(HAPPENED, delay=A_KEY)
    page.keyboard.press("Tab")
    page.keyboard.type(HELPED, delay=A_KEY)
    page.keyboard.press("Tab")  # to "say more"
    page.keyboard.press("Tab")  # to the button
    page.keyboard.press("Enter")
    actions += 5
    page.get_by_text("Thank you. You see here what becomes of it, and are told.").wait_for()
    took = time.monotonic() - began
    assert actions <= 6 and took < 30, f"{actions} actions, {took:.1f} s"
    aside(world, lambda: _is_kept(Report.objects.get(request_id="req-77")))


def _is_kept(report: Report) -> None:
    assert (report.workload.key, report.what_happened, report.would_help) == ("W-01", HAPPENED, HELPED)
    assert (report.source, report.reporter.name) == ("link", "Charlie")  # type: ignore[union-attr]


def test_the_team_answers_on_a_phone_and_the_reporter_says_it_is_better(browser_page: tuple[Page, str, World]) -> None:
    page, address, _ = browser_page
    sign_in(page, address, "charlie")
    page.get_by_role("link", name="Feedback", exact=True).click()
    page.get_by_role("link", name="Report an answer").first.click()
    page.get_by_label("Which agent was it?").select_option("W-01")
    page.get_by_label("What happened?").fill(HAPPENED)
    page.get_by_label("What would have helped?").fill(HELPED)
    page.get_by_role("button", name="Send it").click()
    page.get_by_text("Nobody has answered yet.").wait_for()
    own = page.url
    page.context.clear_cookies()
    sign_in(page, address, "bob")
    page.goto(f"{address}/t/acme/workloads/W-01/feedback/")
    page.get_by_role("link", name="It quoted last year's price").click()
    page.get_by_label("What becomes of it").select_option("fixed")
    page.get_by_label("Fixed in version").select_option("1.1")
    page.get_by_label("Your answer").fill("1.1 reads this year's list.")
    page.get_by_role("button", name="Send the answer").click()
    page.get_by_text("Answered; the reporter is told.").wait_for()
    page.context.clear_cookies()
    sign_in(page, address, "charlie")
    page.goto(own)
    page.get_by_text("1.1 reads this year's list.").wait_for()
    page.get_by_role("button", name="Yes").click()
    page.get_by_text("Version 1.1 is said to fix it, and it does.").wait_for()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def application(folder: Path) -> Iterator[str]:
    """Somebody else's pages, on an origin of their own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def test_the_widget_reports_from_another_origin_and_shows_the_answer(live_world: World, tmp_path: Path) -> None:
    """Under a policy that allows the portal alone; with no cookie of it anywhere."""
    world = live_world
    populate(world)
    give_real_passwords()
    found: dict[str, str] = {}
    with application(tmp_path) as theirs, served() as address:

        def add() -> None:
            widget: Widget = widgets.add_widget(
                workload=world.workload, name="App", origins=[theirs], actor=world.actor(world.alice), now=NOW
            )
            found["key"] = widget.key
            found["ticket"] = tickets.issue(widget.id, tickets.Ticket("ann"))

        aside(world, add)
        policy = f"default-src 'none'; script-src {address}; connect-src {address}; img-src data:"
        (tmp_path / "index.html").write_text(
            f'<!doctype html><html lang="en"><head><title>App</title><link rel="icon" href="data:,">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}"></head><body><h1>An answer</h1>'
            f'<script src="{address}/static/js/widget.js" data-key="{found["key"]}" data-ticket="{found["ticket"]}" '
            f'data-request="req-9" defer></script></body></html>'
        )
        with page_on(address, theirs, size=PHONE) as page:
            _reports_by_widget(page, theirs)
            assert page.context.cookies() == []
        aside(world, lambda: _is_theirs(Report.objects.get(request_id="req-9")))


def _reports_by_widget(page: Page, theirs: str) -> None:
    # The shadow root is closed to the page's scripts, and to the test's: it is used as a person would, by keys.
    page.goto(f"{theirs}/index.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type(HAPPENED)
    page.keyboard.press("Tab")
    page.keyboard.type(HELPED)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_response("**/widget/v1/*/reports") as sent:
        page.keyboard.press("Enter")
    assert sent.value.status == 201
    told(page, "Thank you")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_response("**/widget/v1/*/reports") as shown:
        page.keyboard.press("Enter")
    assert [each["what_happened"] for each in shown.value.json()["reports"]] == [HAPPENED]


def _is_theirs(report: Report) -> None:
    assert (report.source, report.reporter_id, report.would_help) == ("widget", None, HELPED)
