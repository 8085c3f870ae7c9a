"""Files that belong to a document: taken only if they are what they say they are. Pure.

A name says what a file is and its bytes have to agree: a picture that is a script, a text that is a program and a PDF
that is a page are refused. Nothing is ever shown in the portal's own pages: attachments are handed out for download.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

LARGEST = 10 * 1024 * 1024
MOST = 10


class NotWhatItSays(ValueError):
    """The bytes aren't what the name says; the message is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was checked. ``digest`` is SHA-256 in hex."""

    name: str
    media_type: str
    digest: str
    data: bytes


def _is_png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR" and data[-8:-4] == b"IEND"


def _is_jpeg(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")


def _is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-") and b"%%EOF" in data[-1024:]


def _is_text(data: bytes) -> bool:
    """UTF-8 without control characters, which isn't markup that a browser would run."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if any(character < " " and character not in "\t\r\n" for character in text):
        return False
    beginning = text.lstrip().lower()
    return not beginning.startswith(("<!doctype", "<html", "<script", "<svg", "<?xml", "#!", "%pdf"))


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


# What is taken: the ending, its media type, and what its bytes have to be.
KINDS: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    ".png": ("image/png", _is_png),
    ".jpg": ("image/jpeg", _is_jpeg),
    ".jpeg": ("image/jpeg", _is_jpeg),
    ".pdf": ("application/pdf", _is_pdf),
    ".txt": ("text/plain", _is_text),
    ".md": ("text/plain", _is_text),
    ".csv": ("text/csv", _is_text),
    ".json": ("application/json", _is_json),
}


# What a sender states is believed only against it: some call every text octets, or a table a spreadsheet's.
_TEXTS = frozenset({"text/plain", "text/csv", "application/json"})
_CLASHING = _TEXTS | {"image/png", "image/jpeg", "application/pdf", "text/html", "image/svg+xml", "text/javascript"}


def checked(name: str, data: bytes, claimed: str = "") -> File:
    """A file that is what it says it is. ``claimed`` is the media type that its sender stated, if any.

    Raises:
        NotWhatItSays: with what is wrong.
    """
    short = PurePath(name.replace("\\", "/")).name[:200]
    kind = KINDS.get(PurePath(short).suffix.lower())
    if kind is None or any(ord(character) < 32 for character in short):
        raise NotWhatItSays(f"{short!r} can't be attached; {', '.join(sorted(KINDS))} can.")
    media_type, holds = kind
    if not data or len(data) > LARGEST:
        raise NotWhatItSays(f"{short!r} has {len(data)} bytes; 1 to {LARGEST} are taken.")
    if not holds(data):
        raise NotWhatItSays(f"{short!r} says that it is {media_type}, and its bytes aren't.")
    family = claimed.split(";")[0].strip().lower()
    both_text = family in _TEXTS and media_type in _TEXTS
    if family in _CLASHING and family != media_type and not both_text:
        raise NotWhatItSays(f"{short!r} was sent as {family} and is {media_type}.")
    return File(short, media_type, hashlib.sha256(data).hexdigest(), data)
