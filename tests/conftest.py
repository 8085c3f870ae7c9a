"""The suite runs on real PostgreSQL with the three real roles: ``default`` is portal_app throughout.

Creating, migrating and flushing the test database is the owner's work; the ``default`` and ``ops`` aliases mirror
it (settings.DATABASES), so each test talks to the database exactly as the web process does.
"""

from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from apps.telemetry import partitions
from tests.ground import Ground, State
from tests.world import World

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


@pytest.fixture(scope="session")
def ground(django_db_setup: None) -> Iterator[Ground]:
    """What stands in the database; whoever commits leaves it dirty, and the next sweeps it (so Django needn't)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: None)
        yield Ground()


@pytest.fixture
def bare() -> None:
    """The cast without cost gates and prices, for tests that set their own."""


@pytest.fixture
def _ready(request: pytest.FixtureRequest, ground: Ground, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    names = set(request.fixturenames)
    cast = State.BARE if "bare" in names else State.CAST
    with django_db_blocker.unblock():
        ground.make(cast if names & {"world", "live_world"} else State.EMPTY)
    yield
    if names & COMMITTED:
        ground.state = State.DIRTY


@pytest.fixture
def _django_db_helper(_ready: None, _django_db_helper: None) -> None:
    """pytest-django's own, which opens the test's transaction: before it the ground is made ready."""


@pytest.fixture(autouse=True)
def _partitions_are_forgotten() -> Iterator[None]:
    """A partition made inside a test is rolled back with it."""
    yield
    partitions.forget()


@pytest.fixture
def world(db: None, ground: Ground) -> World:
    """Two tenants and the cast: Alice owns, Bob is on her team, Charlie has no rights, Mallory is elsewhere."""
    return ground.world()


@pytest.fixture
def live_world(transactional_db: None, ground: Ground) -> World:
    """The same, for tests that use several connections, threads or processes and commit what they do."""
    return ground.world()
