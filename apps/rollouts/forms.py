from django import forms
from django.forms import ChoiceField

from apps.rollouts.plan import DEFAULT_GUARDRAILS, DEFAULT_PHASES, GuardrailPlan, Kind, Metric, PhasePlan


class RolloutForm(forms.Form):
    """A rollout with the default phases; limits may be tightened."""

    version = ChoiceField(help_text="What to roll out. It never changes once registered.")
    why = forms.CharField(widget=forms.Textarea, label="Why now")
    error_rate = forms.FloatField(initial=0.05, min_value=0.001, max_value=0.05, help_text="At most 0.05 (5 %).")
    validator_flag_rate = forms.FloatField(initial=0.05, min_value=0.001, max_value=0.05, help_text="At most 0.05.")

    def plan(self, *, control_sends_records: bool) -> tuple[tuple[PhasePlan, ...], tuple[GuardrailPlan, ...]]:
        """Phases and guardrails: the defaults with these limits, without relative ones where they can't be judged."""
        limits = {
            Metric.ERROR_RATE: self.cleaned_data["error_rate"],
            Metric.VALIDATOR_FLAGS: self.cleaned_data["validator_flag_rate"],
        }
        guardrails = tuple(
            GuardrailPlan(g.metric, g.kind, limits.get(g.metric, g.limit) if g.kind is Kind.ABSOLUTE else g.limit)
            for g in DEFAULT_GUARDRAILS
            if control_sends_records or g.kind is Kind.ABSOLUTE
        )
        return DEFAULT_PHASES, guardrails


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500)
