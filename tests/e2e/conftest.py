from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.clients.server import served
from tests.e2e.browser import give_real_passwords, page_on
from tests.isolation.populate import populate
from tests.world import World


@pytest.fixture
def browser_page(live_world: World) -> Iterator[tuple[Page, str, World]]:
    """A phone's page on a server of its own, over two tenants in which something of everything stands."""
    populate(live_world)
    give_real_passwords()
    with served() as address, page_on(address) as page:
        yield page, address, live_world
