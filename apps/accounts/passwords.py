"""Which passwords are refused: those that are guessed easily, and those that have leaked (docs/sign-in.md)."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from portal.directory import directory

LEAST_SCORE = 3
# The estimate takes longer than linear time; what follows only makes a password better.
JUDGED = 72


class StrengthValidator:
    """Refuses what would be guessed in under 10^8 tries by somebody who knows the person and their tenants."""

    def validate(self, password: str, user: Any = None) -> None:
        found = zxcvbn(password[:JUDGED], user_inputs=known_words(user))
        if found["score"] < LEAST_SCORE:
            advice = [found["feedback"]["warning"], *found["feedback"]["suggestions"]]
            said = " ".join(f"{line.rstrip('.')}." for line in advice if line)
            raise ValidationError(f"This is too easy to guess. {said}".strip(), code="password_too_weak")

    def get_help_text(self) -> str:
        return "Four uncommon words do well; your name, your address and your organisation's name don't count."


class LeakedPasswordValidator:
    """Refuses what stands in the local list of leaked passwords, if the installation has one."""

    def validate(self, password: str, user: Any = None) -> None:
        path = settings.LEAKED_PASSWORDS_FILE
        if path and is_listed(password, Path(path)):
            raise ValidationError(
                "This password has leaked somewhere else and stands in lists that attackers try. Choose another.",
                code="password_leaked",
            )

    def get_help_text(self) -> str:
        return "Passwords that are known to have leaked are refused."


def known_words(user: Any) -> list[str]:
    """What an attacker knows already: name, address and tenants, whole and in parts."""
    if user is None:
        return []
    whole = [user.name, user.email, *(directory().names_around(user) if user.pk else [])]
    parts = [part for text in whole for part in text.replace("@", " ").replace(".", " ").replace("-", " ").split()]
    return [word.lower() for word in {*whole, *parts} if len(word) > 2]


def is_listed(password: str, path: Path) -> bool:
    """Whether the password's SHA-1 is a line of the sorted file, by some thirty seeks however long the file."""
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            start, line = _line_at(file, middle)
            found = line[:40].upper()
            if found == wanted:
                return True
            if found < wanted and line:
                low = start + len(line)
            else:
                high = middle
    return False


def _line_at(file: Any, position: int) -> tuple[int, bytes]:
    """The first line that begins at ``position`` or after it, and where it begins; empty at the end."""
    if position:
        file.seek(position - 1)
        file.readline()
    else:
        file.seek(0)
    return file.tell(), file.readline()
