"""Every page asks the database at most fifteen things, those about who is asking among them."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.isolation.addresses import TENANTS
from tests.isolation.populate import populate
from tests.pages.test_pages import signed_in
from tests.world import World

MOST = 15
# Not questions: where a transaction begins and ends.
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
PEOPLE = ("alice", "adam", "erin", "bob")


def asked(client: Client, path: str) -> int | None:
    """How many statements a page took; None if this person gets no page there."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
        return None
    return sum(not query["sql"].startswith(BRACKETS) for query in captured.captured_queries)


def test_every_page_takes_fifteen_statements_at_most(live_world: World) -> None:
    """Committed, as in life: inside a test's own transaction each request is a savepoint with more around it."""
    ours, _ = populate(live_world)
    paths = {a.path("acme", ours.ids) for a in TENANTS if not a.route.startswith("api/")}
    found: dict[str, int] = {}
    for name in PEOPLE:
        client = signed_in(name)
        client.get("/t/acme/")
        for path in sorted(paths - found.keys()):
            count = asked(client, path)
            if count is not None:
                found[path] = count
    assert len(found) > 70, f"only {len(found)} pages were there"
    assert {path: count for path, count in found.items() if count > MOST} == {}
