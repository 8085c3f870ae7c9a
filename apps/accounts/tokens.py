"""The shape of a token, and its digest: pure.

``cwy_<key>_<secret>``: twelve characters that name it and 43 that prove it. What is stored is an HMAC-SHA-256 of the
secret under a pepper that the database never sees, so a stolen table gives nobody a token.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_SHAPE = re.compile(r"cwy_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_KEY_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Parsed:
    key: str
    secret: str


def mint() -> tuple[str, Parsed]:
    """A new token: the text to show once, and its parts."""
    parts = Parsed("".join(secrets.choice(_KEY_ALPHABET) for _ in range(12)), secrets.token_urlsafe(32))
    return f"cwy_{parts.key}_{parts.secret}", parts


def parse(raw: str) -> Parsed | None:
    match = _SHAPE.fullmatch(raw)
    return Parsed(match[1], match[2]) if match else None


def digest(parts: Parsed, pepper: str) -> bytes:
    """32 bytes."""
    return hmac.digest(pepper.encode(), f"{parts.key}:{parts.secret}".encode(), hashlib.sha256)


def matches(parts: Parsed, pepper: str, stored: bytes | memoryview) -> bool:
    return hmac.compare_digest(digest(parts, pepper), bytes(stored))
