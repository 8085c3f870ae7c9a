"""Usage as providers report it, in answers and in streams; nothing is counted here that nobody has reported."""

from collections.abc import Mapping
from typing import Any

from causeway_client.wire import Usage

INPUT = ("prompt_tokens", "input_tokens")
OUTPUT = ("completion_tokens", "output_tokens")


def usage_of(found: Any) -> Usage | None:
    """The usage of an OpenAI-style answer or chunk, an object or a mapping; None if it carries none."""
    usage = part(found, "usage")
    if usage is None:
        return None
    return Usage(_tokens(usage, INPUT), _tokens(usage, OUTPUT))


def is_final(chunk: Any) -> bool:
    """With ``include_usage`` the last chunk has the usage and no choices; usage beside choices is only so far."""
    return usage_of(chunk) is not None and not part(chunk, "choices")


def part(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)


def _tokens(usage: Any, names: tuple[str, ...]) -> int | None:
    values = (part(usage, name) for name in names)
    return next((value for value in values if isinstance(value, int) and value >= 0), None)


class Reading:
    """What a stream has said of its usage until now."""

    def __init__(self) -> None:
        self.latest = Usage()
        self.is_over = False

    def see(self, chunk: Any) -> None:
        found = usage_of(chunk)
        if found is not None:
            self.latest, self.is_over = found, self.is_over or is_final(chunk)

    def end(self) -> None:
        """The provider has finished: what it said last is the whole."""
        self.is_over = True

    @property
    def known(self) -> Usage:
        """The whole usage, or nothing: a part of it would give back what may have been spent (COST-4)."""
        return self.latest if self.is_over else Usage()
