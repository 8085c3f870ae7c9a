"""Which attribute means what: one declarative table for the dialects that are out there (TEL-1). First present wins.

OpenTelemetry GenAI (old and new names), OpenInference, Traceloop and Langfuse. ``resource:`` marks an attribute of
the resource. Tenant comes from the credential alone; what is said here about it is a claim to be checked.
"""

from collections.abc import Mapping
from typing import Any

from apps.telemetry.spans import Span

FIELDS: dict[str, tuple[str, ...]] = {
    "tenant": ("causeway.tenant",),
    "workload": (
        "causeway.workload",
        "gen_ai.workflow.name",
        "resource:service.name",
        "traceloop.workflow.name",
        "resource:openinference.project.name",
    ),
    "version": (
        "causeway.version",
        "gen_ai.agent.version",
        "resource:service.version",
        "langfuse.release",
        "langfuse.version",
        "traceloop.entity.version",
    ),
    "operation": ("gen_ai.operation.name", "openinference.span.kind", "llm.request.type", "traceloop.span.kind"),
    "streamed": ("gen_ai.request.stream", "llm.is_streaming"),
    "model_requested": ("gen_ai.request.model", "llm.request.model_name", "llm.model_name"),
    "model_served": ("gen_ai.response.model", "llm.response.model_name", "llm.model_name"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.system", "llm.provider"),
    "tokens_in": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "tokens_out": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    "tokens_cached": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "tokens_reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "cost": ("gen_ai.usage.cost.amount", "gen_ai.usage.cost", "llm.cost.total"),
    "currency": ("gen_ai.usage.cost.currency",),
    "error_type": ("error.type",),
    "user": ("causeway.user", "user.id", "enduser.id", "langfuse.user.id", "gen_ai.user", "llm.user"),
    "session": ("gen_ai.conversation.id", "session.id", "langfuse.session.id"),
    "unit": ("causeway.unit",),
    "request_id": ("causeway.request_id", "gen_ai.response.id"),
    "attempt": ("causeway.attempt",),
    "tier": ("causeway.tier",),
    "outcome": ("causeway.outcome",),
    "tool_calls": ("causeway.tool_calls",),
    "retries": ("causeway.retries",),
    "judged": ("causeway.validator.judged",),
    "flagged": ("causeway.validator.flagged",),
    "action_kind": ("causeway.action.kind",),
    "action_amount": ("causeway.action.amount",),
    "action_currency": ("causeway.action.currency",),
    "rollout": ("causeway.rollout.id",),
    "arm": ("causeway.rollout.arm",),
    "phase": ("causeway.rollout.phase",),
}

INFERENCE = frozenset({"chat", "completion", "text_completion", "generate_content", "embeddings", "llm", "embedding"})
TOOL = frozenset({"execute_tool", "tool"})
_RESOURCE = "resource:"


def _ranked(*, of_resource: bool) -> dict[str, list[tuple[str, int]]]:
    """By attribute: the fields that it may fill, and how early it stands in each one's list."""
    ranked: dict[str, list[tuple[str, int]]] = {}
    for field, names in FIELDS.items():
        for rank, name in enumerate(names):
            if name.startswith(_RESOURCE) == of_resource:
                ranked.setdefault(name.removeprefix(_RESOURCE), []).append((field, rank))
    return ranked


_OF_SPAN, _OF_RESOURCE = _ranked(of_resource=False), _ranked(of_resource=True)


def read(span: Span) -> dict[str, Any]:
    """Our fields that the span says something about; what is empty says nothing."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for attributes, ranked in ((span.attributes, _OF_SPAN), (span.resource, _OF_RESOURCE)):
        for name in attributes.keys() & ranked.keys():
            value = attributes[name]
            if value is None or value == "":
                continue
            for field, rank in ranked[name]:
                if rank < ranks.get(field, len(FIELDS)):
                    found[field], ranks[field] = value, rank
    return found


def is_inference(values: Mapping[str, Any]) -> bool:
    """One call of a model; agent and workflow spans carry sums of these and are counted nowhere."""
    return str(values.get("operation")).lower() in INFERENCE


def is_tool(values: Mapping[str, Any]) -> bool:
    return str(values.get("operation")).lower() in TOOL


def is_streamed(values: Mapping[str, Any]) -> bool:
    return str(values.get("streamed")).lower() in {"true", "1"}
