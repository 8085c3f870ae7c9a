"""Secrets that are needed again: sealed before they are stored, or derived and not stored at all.

A stolen table gives nobody the address of a webhook. The keys come from ``SEALING_KEYS``: the first seals, all of
them open, so that a new key can be put in front of the old one.
"""

import base64
import hashlib
import hmac
import secrets as random
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(RuntimeError):
    """No key opens it: the key it was sealed with is no longer among ``SEALING_KEYS``."""


def seal(text: str) -> str:
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed.

    Raises:
        Unreadable: none of the keys opens it.
    """
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("A stored secret can't be opened: keep the former key in SEALING_KEYS.") from error


def derived(purpose: str, owner: UUID) -> bytes:
    """32 bytes that belong to one row and one purpose, worked out anew each time: there is nothing to steal or lose."""
    return hmac.digest(settings.TOKEN_PEPPER.encode(), f"{purpose}:{owner}".encode(), hashlib.sha256)


def _fernet() -> MultiFernet:
    keys = (hashlib.sha256(b"causeway seal:" + key.encode()).digest() for key in settings.SEALING_KEYS)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


KEY, TAIL = 12, 20
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_key() -> str:
    """Twelve characters by which a row is found before its tenant is known; they prove nothing."""
    return "".join(random.choice(_ALPHABET) for _ in range(KEY))


def keyed(key: str, purpose: str, owner: UUID) -> str:
    """A credential of 32 characters: the row's key, and twenty derived ones (103 bits) that prove it."""
    return key + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in derived(purpose, owner)[:TAIL])


def opens(raw: str, key: str, purpose: str, owner: UUID) -> bool:
    """Whether ``raw`` is the credential of that row."""
    return hmac.compare_digest(raw.encode(), keyed(key, purpose, owner).encode())


def key_of(raw: str) -> str:
    """The part of a credential that names its row; empty if it can't be one."""
    return raw[:KEY] if len(raw) == KEY + TAIL and set(raw) <= set(_ALPHABET) else ""
