"""The suite runs on real PostgreSQL with the three real roles: ``default`` is portal_app throughout.

Creating, migrating and flushing the test database is the owner's work; the ``default`` and ``ops`` aliases mirror
it (settings.DATABASES), so each test talks to the database exactly as the web process does.
"""

from collections.abc import Iterator

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from apps.telemetry import partitions
from tests.world import World, build_world

ALIASES = ["default", "ops", "owner"]
COMMITTED = {"live_world", "transactional_db", "live_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test that touches the database all three connections, so that the owner's is set up for it."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if names & (COMMITTED | {"world", "db"}):
            item.add_marker(pytest.mark.django_db(databases=ALIASES, transaction=bool(names & COMMITTED)))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Close the mirrors' connections before the owner drops the database."""
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(autouse=True)
def _partitions_are_forgotten() -> Iterator[None]:
    """A partition made inside a test is rolled back with it."""
    yield
    partitions.forget()


@pytest.fixture
def world(db: None) -> World:
    """Two tenants and the cast: Alice owns, Bob is on her team, Charlie has no rights, Mallory is elsewhere."""
    return build_world()


@pytest.fixture
def live_world(transactional_db: None) -> World:
    """The same, committed, for tests that use several connections, threads or processes."""
    return build_world()
