"""Typed readers for the environment.

Every reader fails at the start with one sentence that names the variable and what it wanted. A secret may come
from a file instead: ``<NAME>_FILE`` holds the path.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """The variable's value, or that of the file named by ``<NAME>_FILE``."""
    value = os.environ.get(name) or _from_file(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set: set it, or {name}_FILE to a file that holds it.")
    return value


def optional(name: str) -> str | None:
    return os.environ.get(name) or _from_file(name)


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}: it wants true or false.")
    return value in _TRUE


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}: it wants a whole number of at least {least}.")
    return int(value)


def choice(name: str, default: str, known: tuple[str, ...]) -> str:
    value = os.environ.get(name, "").strip().lower() or default
    if value not in known:
        raise ImproperlyConfigured(f"{name} is {value!r}: it wants {' or '.join(known)}.")
    return value


def file(name: str) -> str:
    """The path of a file that can be read, or nothing."""
    path = os.environ.get(name, "").strip()
    if path and not os.access(path, os.R_OK):
        raise ImproperlyConfigured(f"{name} names {path}, which can't be read.")
    return path


def words(name: str, default: list[str]) -> list[str]:
    """A comma-separated list."""
    value = os.environ.get(name, "")
    return [word.strip() for word in value.split(",") if word.strip()] or default


def database(name: str) -> dict[str, Any]:
    """A ``postgresql://user:password@host:port/name?option=value`` address as Django's settings."""
    url = urlsplit(text(name))
    if url.scheme not in {"postgresql", "postgres"} or not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} wants postgresql://user:password@host:port/name.")
    options = dict(parse_qsl(url.query))
    return {
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": options.pop("host", None) or url.hostname or "",
        "PORT": str(url.port or ""),
        "OPTIONS": options,
    }


def _from_file(name: str) -> str | None:
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which can't be read: {error}.") from error
