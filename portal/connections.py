"""Database connections of threads that see no request signals."""

from django.db import connections


def drop_dead() -> None:
    """Close this thread's connections that broke or grew old, as Django does around a request; not inside a
    transaction, which would lose it.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
