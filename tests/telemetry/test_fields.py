"""TEL-1: one table for the dialects; the first name that is present wins."""

from typing import Any

import pytest

from apps.telemetry import fields
from apps.telemetry.fields import FIELDS
from apps.telemetry.spans import Span

OTEL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 7,
}
OLD_OTEL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": 7,
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.token_count.prompt": 12,
    "llm.token_count.completion": 7,
}
TRACELOOP = {
    "llm.request.type": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": 7,
}


def span(attributes: dict[str, Any], resource: dict[str, Any] | None = None) -> Span:
    return Span(0, "a" * 32, "b" * 16, "", "chat", 1, 2, False, attributes, resource or {})


@pytest.mark.parametrize("dialect", [OTEL, OLD_OTEL, OPENINFERENCE, TRACELOOP], ids=["new", "old", "oi", "traceloop"])
def test_each_dialect_says_the_same(dialect: dict[str, Any]) -> None:
    values = fields.read(span(dialect))
    assert fields.is_inference(values)
    assert (values["provider"], values["model_served"]) == ("openai", "gpt-4o-2024-08-06")
    assert (values["tokens_in"], values["tokens_out"]) == (12, 7)


@pytest.mark.parametrize("field", FIELDS)
def test_the_first_name_that_is_present_wins(field: str) -> None:
    """Whatever the order in which a client writes them, and with every later name present too."""
    for first in range(len(FIELDS[field])):
        named = [(name, f"value {rank}") for rank, name in enumerate(FIELDS[field]) if rank >= first]
        for order in (named, named[::-1]):
            of_span = {name: value for name, value in order if not name.startswith("resource:")}
            of_resource = {name[9:]: value for name, value in order if name.startswith("resource:")}
            assert fields.read(span(of_span, of_resource))[field] == f"value {first}"


def test_what_is_empty_says_nothing_and_what_is_zero_does() -> None:
    values = fields.read(span({"causeway.workload": "", "gen_ai.usage.input_tokens": 0}, {"service.name": "W-02"}))
    assert values == {"workload": "W-02", "tokens_in": 0}


def test_an_attribute_of_the_resource_counts_only_where_the_table_says_so() -> None:
    """A tenant or an arm is said by a span, never by a whole process."""
    assert fields.read(span({"service.name": "W-01"}, {"causeway.tenant": "umbra", "user.id": "ann"})) == {}


def test_missing_usage_and_cost_are_absent_and_never_zero() -> None:
    values = fields.read(span({"gen_ai.operation.name": "chat"}))
    assert values == {"operation": "chat"}


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({"gen_ai.usage.cost.amount": 0.5, "gen_ai.usage.cost": 9, "llm.cost.total": 9}, 0.5),
        ({"gen_ai.usage.cost": 0.5, "llm.cost.total": 9}, 0.5),
        ({"llm.cost.total": 0.5}, 0.5),
    ],
)
def test_a_claimed_cost_in_each_dialect(attributes: dict[str, Any], cost: float) -> None:
    assert fields.read(span(attributes))["cost"] == cost


@pytest.mark.parametrize("kind", ["chat", "text_completion", "generate_content", "embeddings", "LLM", "EMBEDDING"])
def test_calls_of_a_model(kind: str) -> None:
    assert fields.is_inference({"operation": kind})


@pytest.mark.parametrize("kind", ["invoke_agent", "invoke_workflow", "execute_tool", "AGENT", "CHAIN", "TOOL", None, 5])
def test_what_carries_sums_is_no_call(kind: Any) -> None:
    assert not fields.is_inference({"operation": kind})


@pytest.mark.parametrize(("said", "streamed"), [(True, True), ("True", True), (False, False), ("False", False)])
def test_streaming_is_read_from_texts_too(said: Any, streamed: bool) -> None:
    assert fields.is_streamed(fields.read(span({"llm.is_streaming": said}))) is streamed
