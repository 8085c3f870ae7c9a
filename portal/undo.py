"""What was just done and can be undone says so: the banner carries a button that posts to the action that undoes it.

There is no undo of its own behind it, no clock and no state: the button calls what a person could call anyway, with
the same checks. Where nothing undoes an action, nothing is offered.
"""

import json
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest

TAG = "undo"


@dataclass(frozen=True, slots=True)
class Offer:
    """``url`` takes a POST of ``fields``."""

    said: str
    url: str
    fields: list[tuple[str, str]]


def offer(request: HttpRequest, said: str, url: str, **fields: str | list[str]) -> None:
    """Say what was done, with a button that undoes it."""
    listed = [(name, one) for name, value in fields.items() for one in ([value] if isinstance(value, str) else value)]
    messages.success(request, json.dumps({"said": said, "url": url, "fields": listed}), extra_tags=TAG)


def offered(message: Message) -> Offer | None:
    """What a message offers to undo, if it does."""
    if message.extra_tags != TAG:
        return None
    kept = json.loads(message.message)
    return Offer(kept["said"], kept["url"], [(name, value) for name, value in kept["fields"]])
