"""Journeys in a real browser, over the real server: hold and roll back, be woken, make a token, Pilot to Harden."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from django.contrib.auth.hashers import make_password
from playwright.sync_api import Page

from apps.accounts.models import User
from apps.ownership import actions as rotas
from apps.ownership import queries as rotas_of
from apps.ownership.alerts import links
from apps.ownership.models import Notification
from apps.workloads import actions as workloads
from tests.approvals.test_signing import join
from tests.e2e.browser import aside, in_chromium, sign_in
from tests.gates.test_evaluations import lines
from tests.gates.test_gates import arrive
from tests.ownership.alerts.cast import opened, person_step, policy_of, reachable
from tests.runbooks.texts import RUNBOOK
from tests.world import PASSWORD, SETUP, World

pytestmark = in_chromium


def press(page: Page, name: str) -> None:
    """A button whose consequence is said first, and the one in the dialog that goes on."""
    page.get_by_role("button", name=name).click()
    page.get_by_role("dialog").get_by_role("button", name=name).click()


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
    asked = page.get_by_role("dialog", name="Roll back?")
    assert "Within a second nobody gets the agent any more." in asked.inner_text()
    assert page.evaluate("document.activeElement.textContent") == "Don't", "Enter alone does nothing"
    page.keyboard.press("Escape")
    asked.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.textContent") == "Roll back", "the focus is back where it was"
    assert page.get_by_text("Held at 5 %").count(), "nothing happened"
    press(page, "Roll back")
    page.get_by_text("Nobody gets the agent").first.wait_for()


def test_somebody_on_call_acknowledges_from_the_message_and_escalates_on_a_phone(
    browser_page: tuple[Page, str, World],
) -> None:
    page, address, world = browser_page
    found: dict[str, str] = {}

    def wake() -> None:
        for person in (world.bob, world.alice):
            reachable(world.tenant, person)
        policy_of(world, person_step(world.bob, 5), person_step(world.alice, 10))
        alert = opened(world, datetime.now(UTC))
        found["alert"] = str(alert.id)
        found["link"] = links.make(Notification.objects.get(alert=alert, channel__isnull=False))

    aside(world, wake)
    page.goto(f"{address}/act/{found['link']}/")
    page.get_by_text("Nobody has it.").wait_for()
    page.get_by_role("button", name="Yes, I have it").click()
    page.get_by_text("It is yours: nobody else is woken.").wait_for()
    sign_in(page, address, "alice")
    page.goto(f"{address}/t/acme/alerts/{found['alert']}/")
    page.get_by_text("Bob has it since").wait_for()
    page.get_by_text("bob@example.org by link").wait_for()
    press(page, "Escalate")
    page.get_by_text("Step 2: Alice woken.").wait_for()
    page.get_by_role("button", name="Resolve").click()
    page.get_by_text("Resolved.").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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
    press(page, "Ask for the gate")
    page.get_by_text("It waits for its signatures.").wait_for()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, address, "erin")
    page.get_by_role("link", name="Open the Pilot gate of W-01").click()
    page.get_by_role("button", name="Approve exactly this").click()
    page.get_by_text("Granted; it counts until").wait_for()
    page.goto(f"{address}/t/acme/workloads/W-01/")
    page.get_by_text("gate opened").wait_for()


def switch(page: Page, address: str, name: str) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")
    sign_in(page, address, name)


def record(page: Page, address: str, kind: str, rows: list[dict[str, str]] | None = None, **head: str) -> None:
    """Fill a document in on its page and record it."""
    page.goto(f"{address}/t/acme/workloads/W-01/evidence/{kind}/record/")
    fields = {f"head-{name}": value for name, value in head.items()}
    fields |= {f"row-{n}-{name}": value for n, row in enumerate(rows or []) for name, value in row.items()}
    for name, value in fields.items():
        field = page.locator(f"[name='{name}']")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Record it under my name").click()
    page.get_by_text("Recorded.").wait_for()


def import_file(page: Page, address: str, file: Path, purpose: str) -> None:
    page.goto(f"{address}/t/acme/workloads/W-01/evaluations/")
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Purpose").select_option(purpose)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("Imported.").wait_for()


def approve_waiting(page: Page, address: str, what: str) -> None:
    page.goto(f"{address}/t/acme/approvals/")
    page.get_by_role("link", name=what).first.click()
    page.get_by_role("button", name="Approve exactly this").click()
    page.get_by_text("Signed. The request").wait_for()


def missing_at(page: Page, address: str, stage: str) -> list[str]:
    """The criteria that the gate's page calls open."""
    page.goto(f"{address}/t/acme/workloads/W-01/gates/{stage}/")
    found = []
    for row in page.locator("table.stacked tbody tr").all():
        state = row.locator(".badge").first.inner_text()
        if not state.endswith(("pass", "warn", "announced")):
            found.append(row.locator("b").first.inner_text())
    return found


def test_a_workload_is_walked_from_pilot_to_the_harden_gate(
    browser_page: tuple[Page, str, World], tmp_path: Path
) -> None:
    """STAGE-1 to STAGE-5: every gate refuses first, for what its page names, and then opens."""
    page, address, world = browser_page
    aside(world, lambda: _prepare(world))
    runs, shadow = tmp_path / "runs.csv", tmp_path / "shadow.csv"
    runs.write_text(lines(200, 190))
    shadow.write_text(lines(200, 185))

    sign_in(page, address, "alice")
    assert missing_at(page, address, "pilot") == ["P1", "P2"]
    import_file(page, address, runs, "accuracy")
    kpi = [{"kpi": "Solved at once", "threshold": "80 %"}]
    record(page, address, "core_journey", kpi, journey="A customer asks.", cost_before="4", seconds_before="420")
    assert missing_at(page, address, "pilot") == []
    press(page, "Ask for the gate")
    page.get_by_text("It waits for its signatures.").wait_for()
    switch(page, address, "erin")
    approve_waiting(page, address, "Open the Pilot gate of W-01")

    switch(page, address, "alice")
    assert missing_at(page, address, "validate") == ["V1", "V2", "V4", "V5", "V6"]
    assert page.get_by_role("button", name="Ask for the gate").count() == 0
    record(
        page,
        address,
        "edge_cases",
        [{"case": f"case {n}", "expected": "it says so", "handled": "yes"} for n in range(12)],
    )
    modes = [
        {"failure_mode": mode, "noticed_by": "the validator", "path": "team Support", "severity": "high"}
        for mode in ("timeout", "refusal")
    ]
    record(page, address, "exception_matrix", modes)
    broken = [
        {"input": "half a JSON", "what": "broken", "failed_into": "timeout"},
        {"input": "no number", "what": "incomplete", "failed_into": "refusal"},
    ]
    record(page, address, "stress_run", broken)
    import_file(page, address, shadow, "shadow")
    switch(page, address, "bob")
    record(
        page,
        address,
        "stakeholder_seat",
        representative="Bob",
        represents="support",
        good_looks_like="less typing",
        agreed_on="2026-11-01",
    )
    assert missing_at(page, address, "validate") == ["V2"]
    for name in ("erin", "gina"):
        switch(page, address, name)
        approve_waiting(page, address, "Exception matrix of W-01")
    switch(page, address, "alice")
    assert missing_at(page, address, "validate") == []
    press(page, "Ask for the gate")
    page.get_by_text("It waits for its signatures.").wait_for()
    for name in ("erin", "gina"):
        switch(page, address, name)
        approve_waiting(page, address, "Open the Validate gate of W-01")

    switch(page, address, "alice")
    assert missing_at(page, address, "harden") == ["H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H9", "H10"]
    record(page, address, "data_path", [{"system": "CRM", "interface": "API", "secured": "yes", "by_hand": "no"}])
    record(page, address, "load_run", forecast_peak="40", reached_peak="44", error_share="0.01", run_on="2026-11-10")
    record(page, address, "permission_review", [{"permission": "none", "needed": "yes", "why": "it holds none"}])
    record(page, address, "content_record", system="tickets", retention_days="90", reached_by="by request")
    _train(page, address)
    _write_runbook(page, address)
    _name_three(page, address)
    _set_hard_caps(page, address)
    switch(page, address, "sam")
    approve_waiting(page, address, "Zero-trust review of W-01")
    switch(page, address, "bob")
    _publish_and_drill(page, address)
    _complete_modules(page, address)
    aside(world, lambda: _let_time_pass(world))
    assert missing_at(page, address, "harden") == ["H2"]
    assert page.get_by_text("Its source isn't connected yet.").count() == 1
    assert page.get_by_role("button", name="Ask for the gate").count() == 0


def _prepare(world: World) -> None:
    join(world, "sam", "security")
    workloads.permit_person(workload=world.workload, user=world.bob, permission="manage_workload", actor=SETUP)
    User.objects.update(password=make_password(PASSWORD, hasher="scrypt"))


def _let_time_pass(world: World) -> None:
    """What ticks and agents do by themselves: records arrive, and rotas are looked ahead."""
    now = datetime.now(UTC)
    arrive(world, now)
    rota = rotas_of.primary(world.workload)
    assert rota is not None
    rotas.freeze(rota=rota, now=now)


def _train(page: Page, address: str) -> None:
    for topic in ("reading", "spotting", "stepping_in"):
        page.goto(f"{address}/t/acme/workloads/W-01/training/new/")
        page.get_by_label("Title").fill(f"On {topic}")
        page.get_by_label("Topic").select_option(topic)
        page.get_by_label("Text").fill("It may be wrong.")
        page.get_by_label("Questions").fill("May it be wrong?\n+ yes\n- no")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("heading", name=f"On {topic}").wait_for()
    page.goto(f"{address}/t/acme/workloads/W-01/cohorts/new/")
    page.get_by_label("Name").fill("Pioneers")
    page.get_by_label("These are the first users").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Bob (bob@example.org)").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("0 of 1 trained").wait_for()


def _complete_modules(page: Page, address: str) -> None:
    for _ in range(3):
        page.goto(f"{address}/t/acme/training/")
        page.get_by_role("link", name="Begin").first.click()
        page.get_by_label("yes").check()
        page.get_by_role("button", name="Answer").click()
        page.get_by_text("counts for 365 days").wait_for()
    page.get_by_text("You are up to date.").wait_for()


def _name_three(page: Page, address: str) -> None:
    page.goto(f"{address}/t/acme/workloads/W-01/people/")
    for job, name in (("optimizer", "Alice"), ("engineer", "Bob"), ("responder", "Bob")):
        page.locator(f"[name={job}]").select_option(label=name)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()


def _set_hard_caps(page: Page, address: str) -> None:
    """The gate's page leads to the cost page, which says what is missing."""
    page.goto(f"{address}/t/acme/workloads/W-01/gates/harden/")
    page.get_by_role("link", name="To its cost gate").click()
    page.get_by_role("link", name="Change the gate").click()
    page.get_by_label("Spend cap of a month, USD").fill("500")
    page.get_by_role("button", name="Set it").click()
    page.get_by_text("The gate isn't complete: Secret metered tier has no ceiling: set one.").wait_for()
    for tier in ("Secret metered tier", "Secret tier"):
        row = page.get_by_role("listitem").filter(has_text=f"{tier}: ")
        row.get_by_role("link", name="Set it").click()
        page.get_by_label("Tokens a month and user").fill("20000")
        page.get_by_role("button", name="Set it").click()
        page.get_by_text(f"{tier}: the ceiling is set.").wait_for()


def _write_runbook(page: Page, address: str) -> None:
    page.goto(f"{address}/t/acme/workloads/W-01/runbooks/new/")
    page.get_by_label("Title").fill("Back to the form")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Text").fill(RUNBOOK)
    page.get_by_label("What changed, and why").fill("the first one")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("somebody else has to review it").wait_for()


def _publish_and_drill(page: Page, address: str) -> None:
    page.goto(f"{address}/t/acme/workloads/W-01/runbooks/")
    page.get_by_role("link", name="Back to the form").click()
    book = page.url
    page.get_by_role("link", name="See what changed").click()
    page.get_by_role("button", name="Review").click()
    page.get_by_text("Reviewed.").wait_for()
    page.goto(book)
    page.get_by_role("link", name="See what changed").click()
    press(page, "Publish")
    page.get_by_text("Published.").wait_for()
    page.goto(book)
    page.get_by_role("link", name="Start a drill").click()
    page.get_by_label("Units an hour").fill("60")
    page.get_by_role("button", name="Save").click()
    while (left := page.get_by_role("button", name="Done")).count():
        left.first.click()
        page.wait_for_load_state()
    while (left := page.locator("form[action*='/confirm/'] button")).count():
        left.first.click()
        page.wait_for_load_state()
    page.locator("[name=carried]").fill("60")
    page.get_by_role("button", name="Finish").click()
    page.get_by_text("passed").first.wait_for()


def test_a_chart_fits_a_phone_and_its_labels_keep_their_size(browser_page: tuple[Page, str, World]) -> None:
    """Text is 12 px at any width and no label lies on another; what was opened stays open when the page is renewed."""
    page, address, _ = browser_page
    boxes = """() => [...document.querySelectorAll('svg.chart')].map(chart =>
        [...chart.querySelectorAll(':scope > text')].filter(text => text.getClientRects().length && text.textContent)
            .map(text => { const b = text.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; }))"""
    sizes = "() => [...document.querySelectorAll('.chart text')].map(text => getComputedStyle(text).fontSize)"
    for width in (390, 320, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"{address}/styleguide/")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert set(page.evaluate(sizes)) == {"12px"}
        for labels in page.evaluate(boxes):
            feet = [one for one in labels if one[1] == max(other[1] for other in labels)]
            assert all(a[2] <= b[0] for a, b in pairwise(feet)), f"labels touch at {width} px"
    sign_in(page, address, "alice")
    page.get_by_role("row", name="running").get_by_role("link", name="9.9").click()
    page.get_by_text("As a table").first.click()
    with page.expect_response(lambda answer: "/rollouts/" in answer.url):
        pass
    page.wait_for_timeout(300)
    assert page.locator(".of-steps details").evaluate("each => each.open")
