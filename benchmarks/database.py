"""A database of the benchmarks' own: made and migrated by its owner, dropped at the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from portal.local import paths, postgres


class InUse(RuntimeError):
    """Another run has the database."""


@contextmanager
def own_database() -> Iterator[None]:
    """The database that the settings name, for as long as the block lasts; what a killed run left is cleared away.

    Raises:
        InUse: somebody is connected to it.
    """
    name = sql.Identifier(paths.DATABASE_NAME)
    _as_owner(sql.SQL("drop database if exists {}").format(name))
    _as_owner(sql.SQL("create database {}").format(name))
    try:
        call_command("migrate", database="owner", verbosity=0)
        yield
    finally:
        connections.close_all()
        _as_owner(sql.SQL("drop database if exists {}").format(name))


def owner() -> psycopg.Connection[tuple[object, ...]]:
    """A plain connection as portal_owner, who sees all rows; each statement commits."""
    return postgres.connect("portal_owner")


def server_version() -> str:
    with owner() as connection:
        return str(connection.execute("show server_version").fetchone()[0])  # type: ignore[index]


def _as_owner(statement: sql.Composed) -> None:
    with postgres.connect("portal_owner", "postgres") as connection:
        try:
            connection.execute(statement)
        except psycopg.errors.ObjectInUse as error:
            raise InUse(f"{paths.DATABASE_NAME} is in use: another run of the benchmarks? Wait for it.") from error


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """How many statements Django has sent since the block began."""
    sent = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(*arguments)

    with ExitStack() as stack:
        for alias in ("default", "ops"):
            stack.enter_context(connections[alias].execute_wrapper(count))
        yield lambda: sent
