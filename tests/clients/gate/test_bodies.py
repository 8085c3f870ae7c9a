"""What is sent to a model and what is read from it, as values: the limit binds, and only reported usage counts."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway_client import Usage
from causeway_client.openai_body import CHOICES, LIMITS, answers, bounded, wanted
from causeway_client.usage import Reading, usage_of

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-5, 100_000), st.sampled_from(["", "9", 9.0]))
FIELDS = st.dictionaries(st.sampled_from([*LIMITS, *CHOICES, "temperature", "model"]), VALUES)
BODIES = st.tuples(FIELDS, st.one_of(st.none(), FIELDS)).map(
    lambda pair: pair[0] if pair[1] is None else {**pair[0], "extra_body": {**pair[1], "options": pair[1]}}
)


def limits(body: Any) -> list[tuple[str, Any]]:
    """Every limit in a body, at any depth."""
    if not isinstance(body, dict):
        return []
    own = [(name, value) for name, value in body.items() if name in LIMITS]
    return own + [found for value in body.values() for found in limits(value)]


@given(BODIES, st.integers(0, 5000))
def test_whatever_a_body_says_the_model_can_not_write_more_than_is_held(body: dict[str, Any], held: int) -> None:
    sent = bounded(body, output_tokens=held)
    if sent is None:
        assert held < answers(body)
        return
    [(_, limit)] = limits(sent)
    assert limit >= 1 and limit * answers(sent) <= held
    assert not set(CHOICES) & set(sent.get("extra_body") or {})
    assert {name: sent[name] for name in ("temperature", "model") if name in body} == {
        name: body[name] for name in ("temperature", "model") if name in body
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, None),
        ({"max_tokens": 7}, 7),
        ({"max_tokens": 7, "max_completion_tokens": 5, "n": 2}, 10),
        ({"max_tokens": -3}, 1),
        ({"max_tokens": True, "n": "many"}, None),
    ],
)
def test_what_a_body_asks_for(body: dict[str, Any], found: int | None) -> None:
    assert wanted(body) == found


def test_a_stream_is_always_asked_for_its_usage() -> None:
    body = {"stream": True, "stream_options": {"include_usage": False, "other": 1}}
    sent = bounded(body, output_tokens=5)
    assert sent is not None and sent["stream_options"] == {"include_usage": True, "other": 1}


@pytest.mark.parametrize(
    ("found", "usage"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 0}}, Usage(3, 0)),
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, Usage(3, 4)),
        (SimpleNamespace(usage=SimpleNamespace(prompt_tokens=3, completion_tokens=4)), Usage(3, 4)),
        ({"usage": {"prompt_tokens": 3}}, Usage(3, None)),
        ({"usage": {"prompt_tokens": -3, "completion_tokens": "many"}}, Usage(None, None)),
        ({"usage": None}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_usage_is_read_as_it_is_reported(found: Any, usage: Usage | None) -> None:
    assert usage_of(found) == usage


CHUNKS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=6)


@given(CHUNKS, st.booleans())
def test_a_stream_has_usage_only_when_it_is_over(chunks: list[tuple[int, bool]], ends: bool) -> None:
    """Usage beside choices is what it was so far, until the provider ends the stream."""
    reading = Reading()
    for tokens, has_choices in chunks:
        usage = {"prompt_tokens": 1, "completion_tokens": tokens}
        reading.see({"choices": [{}] if has_choices else [], "usage": usage})
    if ends:
        reading.end()
    is_over = ends or any(not has_choices for _, has_choices in chunks)
    assert reading.known == (Usage(1, chunks[-1][0]) if chunks and is_over else Usage())
