"""The plan of a rollout as a person fills it in: a row a phase, a row a guardrail, the defaults to begin with."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms

from apps.rollouts.assignment import Cohort
from apps.rollouts.models import Rollout
from apps.rollouts.plan import (
    DEFAULT_GUARDRAILS,
    DEFAULT_PHASES,
    LEAST_TRANSACTIONS,
    GuardrailPlan,
    Kind,
    Metric,
    OnBreach,
    PhasePlan,
)
from apps.workloads.models import AgentVersion

_HOUR = timedelta(hours=1)


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ")) for value in values]


class RolloutForm(forms.Form):
    version = forms.ChoiceField(help_text="What to roll out. It never changes once registered.")
    why = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="Why now")

    def __init__(self, *args: Any, versions: list[AgentVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(version.id): version for version in versions}
        choices = [(i, f"{version.label} ({version.model})") for i, version in self.versions.items()]
        self.fields["version"].choices = choices  # type: ignore[attr-defined]

    def chosen(self) -> AgentVersion:
        return self.versions[self.cleaned_data["version"]]


class PhaseForm(forms.Form):
    """One phase; an empty share leaves the row out."""

    share = forms.FloatField(required=False, min_value=0.01, max_value=100, label="Share, %")
    bake_hours = forms.FloatField(required=False, min_value=0.01, max_value=2_160, label="Bake, hours")
    min_transactions = forms.IntegerField(required=False, min_value=1, max_value=10_000_000, label="Transactions")
    attribute = forms.CharField(required=False, max_length=60, label="Cohort: attribute")
    values = forms.CharField(required=False, max_length=2_000, label="Cohort: values")

    def plan(self) -> PhasePlan | None:
        data = self.cleaned_data
        if data.get("share") is None:
            return None
        values = frozenset(filter(None, (value.strip() for value in data["values"].split(","))))
        cohort = Cohort(data["attribute"], values) if data["attribute"] or values else None
        transactions = LEAST_TRANSACTIONS if data["min_transactions"] is None else data["min_transactions"]
        return PhasePlan(round(data["share"] * 100), (data["bake_hours"] or 0) * _HOUR, transactions, cohort)

    @staticmethod
    def initial_of(phase: PhasePlan) -> dict[str, Any]:
        return {
            "share": f"{phase.share / 100:g}",
            "bake_hours": f"{phase.bake / _HOUR:g}",
            "min_transactions": phase.min_transactions,
            "attribute": phase.cohort.attribute if phase.cohort else "",
            "values": ", ".join(sorted(phase.cohort.values)) if phase.cohort else "",
        }


class GuardrailForm(forms.Form):
    """One guardrail; an empty limit leaves the row out."""

    metric = forms.ChoiceField(choices=_choices(Metric))
    kind = forms.ChoiceField(choices=_choices(Kind), label="Compared with")
    limit = forms.FloatField(required=False)
    on_breach = forms.ChoiceField(choices=_choices(OnBreach), label="On breach")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("absolute", "a fixed limit"), ("relative", "control arm, times")]  # type: ignore[attr-defined]

    def plan(self) -> GuardrailPlan | None:
        data = self.cleaned_data
        if data.get("limit") is None:
            return None
        return GuardrailPlan(Metric(data["metric"]), Kind(data["kind"]), data["limit"], OnBreach(data["on_breach"]))

    @staticmethod
    def initial_of(guardrail: GuardrailPlan) -> dict[str, Any]:
        return {
            "metric": guardrail.metric.value,
            "kind": guardrail.kind.value,
            "limit": f"{guardrail.limit:g}",
            "on_breach": guardrail.on_breach.value,
        }


_Phases = forms.formset_factory(PhaseForm, extra=2, max_num=12, validate_max=True, absolute_max=20)
_Guardrails = forms.formset_factory(GuardrailForm, extra=2, max_num=16, validate_max=True, absolute_max=24)


class RevisionForm(forms.Form):
    """What the plan's revision was when it was looked at."""

    revision = forms.IntegerField(widget=forms.HiddenInput)


class _WholePlan:
    """The rows of a plan below a form of their own; without ``data`` they stand at what is given."""

    head: forms.Form

    def __init__(self, data: Any, phases: Sequence[PhasePlan], guardrails: Sequence[GuardrailPlan]) -> None:
        self.phases = _Phases(data, prefix="phase", initial=[PhaseForm.initial_of(p) for p in phases])
        self.guardrails = _Guardrails(
            data, prefix="guardrail", initial=[GuardrailForm.initial_of(g) for g in guardrails]
        )

    def is_valid(self) -> bool:
        # Each is asked, so that each shows its errors.
        head, phases, guardrails = self.head.is_valid(), self.phases.is_valid(), self.guardrails.is_valid()
        return head and phases and guardrails

    def plan(self) -> tuple[list[PhasePlan], list[GuardrailPlan]]:
        phases = [phase for form in self.phases if (phase := form.plan())]
        return phases, [guardrail for form in self.guardrails if (guardrail := form.plan())]


class PlanForm(_WholePlan):
    """A new plan, at the defaults.

    Where the control arm sends no records there is nothing to compare with, so relative limits aren't proposed.
    """

    head: RolloutForm

    def __init__(self, data: Any, *, versions: list[AgentVersion], control_sends_records: bool) -> None:
        super().__init__(
            data, DEFAULT_PHASES, [g for g in DEFAULT_GUARDRAILS if control_sends_records or g.kind is Kind.ABSOLUTE]
        )
        self.head = RolloutForm(data, versions=versions)


class ChangeForm(_WholePlan):
    """The plan of a rollout that hasn't started."""

    def __init__(self, data: Any, *, rollout: Rollout) -> None:
        super().__init__(data, rollout.phases, rollout.guardrails)
        self.head = RevisionForm(data, initial={"revision": rollout.revision})


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500)
