"""Which attribute means what: one declarative table for the dialects that are out there (TEL-1). First present wins.

OpenTelemetry GenAI (old and new names), OpenInference, Traceloop and Langfuse. ``resource:`` marks an attribute of
the resource. Tenant comes from the credential alone; what is said here about it is a claim to be checked.
"""

from typing import Any

from apps.telemetry.otlp import Span

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
    "operation": ("gen_ai.operation.name", "openinference.span.kind", "traceloop.span.kind"),
    "model_requested": ("gen_ai.request.model", "llm.request.model_name", "llm.model_name"),
    "model_served": ("gen_ai.response.model", "llm.response.model_name", "llm.model_name"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.system", "llm.provider"),
    "tokens_in": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "tokens_out": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    "tokens_cached": ("gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read"),
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

INFERENCE = frozenset({"chat", "text_completion", "generate_content", "embeddings", "llm", "embedding"})
STREAMING = ("gen_ai.request.stream", "llm.is_streaming")


def value(span: Span, field: str) -> Any:
    """The span's value of one of our fields, or None where nothing says."""
    for name in FIELDS[field]:
        found = span.resource.get(name[9:]) if name.startswith("resource:") else span.attributes.get(name)
        if found is not None and found != "":
            return found
    return None


def is_inference(span: Span) -> bool:
    """One call of a model; agent and workflow spans carry sums of these and are counted nowhere."""
    return str(value(span, "operation") or "").lower() in INFERENCE


def is_streaming(span: Span) -> bool:
    return any(bool(span.attributes.get(name)) for name in STREAMING)
