from typing import Any

from django import forms

from apps.dispatch.classify.actions import LONGEST_REQUEST_ID
from apps.dispatch.classify.features import LONGEST
from apps.dispatch.classify.reading import MOST_AT_ONCE
from apps.dispatch.classify.rules import LONGEST_PHRASE, MOST_PHRASES

_HELP = (
    f"One a line, at most {MOST_AT_ONCE:,}. Or CSV with a heading: text, and topic where a workload does several things"
    " that are easier to tell apart."
)
NOBODYS = ("", "nobody")


class ExamplesForm(forms.Form):
    texts = forms.CharField(
        max_length=MOST_AT_ONCE * 200, widget=forms.Textarea(attrs={"rows": 8}), label="Examples", help_text=_HELP
    )


class WorkloadForm(forms.Form):
    """One of these workloads; with ``and_nobody`` also none."""

    workload = forms.ChoiceField()

    def __init__(self, *args: Any, keys: list[tuple[str, str]], and_nobody: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["workload"]
        field.choices = [*keys, *([NOBODYS] if and_nobody else [])]  # type: ignore[attr-defined]
        field.required = not and_nobody


class CorrectionForm(WorkloadForm):
    text = forms.CharField(max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}), label="What was asked")
    request_id = forms.CharField(max_length=LONGEST_REQUEST_ID, required=False, label="Request id, if you have it")

    field_order = ["text", "workload", "request_id"]


class RuleForm(WorkloadForm):
    phrases = forms.CharField(
        max_length=MOST_PHRASES * LONGEST_PHRASE,
        label="Words or phrases",
        help_text=f"Separated by commas, at most {MOST_PHRASES}. All of them have to be in the text, as whole words.",
    )

    field_order = ["phrases", "workload"]


class ThresholdForm(forms.Form):
    threshold = forms.FloatField(
        min_value=0, max_value=1, widget=forms.NumberInput(attrs={"step": "0.01"}), label="From this confidence on"
    )
    reason = forms.CharField(max_length=300)


class ActivateForm(forms.Form):
    reason = forms.CharField(max_length=300, label="Why")
