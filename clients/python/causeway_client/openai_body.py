"""An OpenAI-style chat request, bounded to what is held for it. Pure: no litellm, no network.

The cap is a theorem only if the limit reaches the model (COST-4), so every name by which a caller could smuggle in
another limit, or more answers than are held for, is taken out.
"""

from collections.abc import Mapping
from typing import Any

LIMITS = (
    "max_completion_tokens",
    "max_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "maxOutputTokens",
    "max_tokens_to_sample",
    "num_predict",
)
CHOICES = ("n", "best_of")


def answers(body: Mapping[str, Any]) -> int:
    """How many answers the model is to write, each up to the limit."""
    return max(1, *(_whole(body.get(name)) or 1 for name in CHOICES))


def wanted(body: Mapping[str, Any]) -> int | None:
    """The most output the caller asks for, over all answers; None if they don't say."""
    said = [found for name in LIMITS if (found := _whole(body.get(name))) is not None]
    return max(1, min(said)) * answers(body) if said else None


def bounded(body: Mapping[str, Any], *, output_tokens: int) -> dict[str, Any] | None:
    """The same request with the limit it was admitted with; None if that isn't one token for each answer."""
    each = output_tokens // answers(body)
    if each < 1:
        return None
    name = "max_completion_tokens" if body.get("max_completion_tokens") is not None else "max_tokens"
    result = {key: value for key, value in body.items() if key not in (*LIMITS, *CHOICES)}
    if answers(body) > 1:
        result["n"] = answers(body)
    if isinstance(body.get("extra_body"), Mapping):
        result["extra_body"] = _without_limits(body["extra_body"])
    if body.get("stream"):
        result["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    return {**result, name: each}


def _without_limits(extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent beside the known fields would replace them on the wire."""
    kept = {key: value for key, value in extra.items() if key not in (*LIMITS, *CHOICES, "stream_options")}
    return {key: _without_limits(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
