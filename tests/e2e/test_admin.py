"""A platform operator sets a tenant up in a real browser, and the admin's own pages hold in light and dark."""

import pytest
from playwright.sync_api import Page

from apps.tenants.models import Invitation, Team, Tenant
from portal.tenancy.context import tenant_transaction
from tests.clients.server import served
from tests.e2e.browser import DESK, PHONE, give_real_passwords, in_chromium, page_on
from tests.e2e.test_every_page import AXE
from tests.isolation.populate import populate
from tests.world import PASSWORD, World

pytestmark = in_chromium

PAGES = (
    "/admin/",
    "/admin/messages/",
    "/admin/set-up/",
    "/admin/set-up/admin/",
    "/admin/set-up/teams/",
    "/admin/set-up/people/",
    "/admin/thresholds/",
    "/admin/limits/",
    "/admin/audit/auditentry/",
)


def signed_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/accounts/login/?next=/admin/tenant/")
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/tenant/")


def test_an_operator_sets_a_tenant_up(live_world: World) -> None:
    give_real_passwords()
    with served() as address, page_on(address, size=DESK) as page:
        signed_in(page, address, "otto")
        page.get_by_role("link", name="Set up a new tenant").click()
        page.get_by_label("Its address").fill("nova")
        page.get_by_label("Its name").fill("Nova")
        page.get_by_label("Its time zone").fill("Europe/Berlin")
        page.get_by_label("Why").fill("contract 12")
        page.get_by_role("button", name="Make it").click()
        page.get_by_text("Step 2 of 5").wait_for()
        page.get_by_label("Their e-mail address").fill("nadia@example.org")
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_text("An invitation is on its way to nadia@example.org").wait_for()
        page.get_by_label("Teams").fill("Support\nData")
        page.get_by_role("button", name="Make them").click()
        page.get_by_text("Step 4 of 5").wait_for()
        page.get_by_label("People").fill("erin@example.org,engineering\nbob@example.org,frontline")
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_text("Next: An admin of its own.").wait_for()
        page.get_by_role("button", name="Leave it to its admin").click()
        page.get_by_text("Nova is set up. Its admin goes on from here.").wait_for()
    nova = Tenant.objects.get(slug="nova")
    with tenant_transaction(nova.id):
        assert Team.objects.count() == 2
        assert set(Invitation.objects.values_list("email", flat=True)) == {
            "nadia@example.org",
            "erin@example.org",
            "bob@example.org",
        }


@pytest.mark.parametrize(("scheme", "size"), [("light", DESK), ("dark", PHONE)])
def test_axe_finds_nothing_on_the_admins_own_pages(live_world: World, scheme: str, size: tuple[int, int]) -> None:
    """Within what is ours: the frame around it is the theme's."""
    populate(live_world)
    give_real_passwords()
    wrong: list[str] = []
    with served() as address, page_on(address, size=size, color_scheme=scheme) as page:
        signed_in(page, address, "otto")
        page.get_by_label("Tenant").fill("acme")
        page.get_by_label("Reason").fill("a look")
        page.get_by_role("button", name="Open it").click()
        page.wait_for_url("**/admin/")
        for path in PAGES:
            page.goto(f"{address}{path}")
            page.evaluate(AXE)
            found = page.evaluate("axe.run('.cw').then(result => result.violations)")
            wrong += [f"{path}: {each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]]
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            wrong += [f"{path}: {over} px stick out"] if over > 0 else []
    assert not wrong, "\n".join(wrong)
