"""What stands in the database before a test: nothing, or the cast, committed once and used by test after test.

*Bare* is the cast without cost gates and prices, for the folders whose tests set those themselves.

A test on one connection leaves what it found, since all it did is rolled back. One that commits leaves the ground
dirty, and the next that needs it swept sweeps it. Making the cast takes 0.2 s, and Django's own flush half a second
(it truncates each table anew and writes all permissions again): with thousands of tests that was half of the suite.
"""

import pickle
from enum import Enum

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from tests.world import World, build_world

# Written by the migrations, and nobody's data.
KEPT = {model._meta.db_table for model in (ContentType, Permission)}


class State(Enum):
    EMPTY = "empty"
    CAST = "cast"
    BARE = "bare"
    DIRTY = "dirty"


class Ground:
    """The state of this process's own database, and the cast that stands in it."""

    def __init__(self) -> None:
        # A database that is used again (--reuse-db) holds what the last run left.
        self.state = State.DIRTY
        self._cast = b""

    def make(self, wanted: State) -> None:
        """Bring the database there, from wherever it is."""
        if self.state is wanted:
            return
        if self.state is not State.EMPTY:
            _sweep()
            self.state = State.EMPTY
        if wanted is not State.EMPTY:
            self._cast = pickle.dumps(build_world(is_gated=wanted is State.CAST))
            self.state = wanted

    def world(self) -> World:
        """Handles of the test's own: what it sets on them no other test sees."""
        world: World = pickle.loads(self._cast)
        return world


def _sweep() -> None:
    """Delete every row in one statement: whatever points at a row goes with it before references are looked at."""
    connection = connections["owner"]
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT)
    deletes = ", ".join(f'd{n} as (delete from "{table}")' for n, table in enumerate(tables))
    with connection.cursor() as cursor:
        cursor.execute(f"with {deletes} select 1")
