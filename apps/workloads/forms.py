from typing import Any

from django import forms

from apps.accounts.scopes import SCOPES
from apps.workloads.models import Workload
from apps.workloads.policy import FallbackKind, Posture, Shape, UnitKind


class WorkloadForm(forms.Form):
    """A new workload: what it is for, and what worked before it."""

    key = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$", label="Key", help_text="Short and lasting, such as W-06; flags use it."
    )
    name = forms.CharField(max_length=100)
    purpose = forms.CharField(widget=forms.Textarea)
    shape = forms.ChoiceField(choices=Shape.choices)
    customer_facing = forms.BooleanField(required=False, label="Customers talk to it")
    unit_kind = forms.ChoiceField(
        choices=UnitKind.choices, label="Unit", help_text="What is in or out of a rollout as a whole; never a request."
    )
    fallback_kind = forms.ChoiceField(choices=FallbackKind.choices, label="Fallback")
    fallback_description = forms.CharField(widget=forms.Textarea, help_text="What worked before the automation.")
    fallback_address = forms.CharField(max_length=300, required=False, help_text="How to reach it.")
    fallback_sends_records = forms.BooleanField(
        required=False, label="The fallback sends action records", help_text="Needed for limits relative to control."
    )


class VersionForm(forms.Form):
    """A new immutable version (WORK-1)."""

    label = forms.CharField(max_length=60)
    model = forms.CharField(max_length=120)
    prompt_digest = forms.CharField(max_length=128, help_text="For example sha256:... of the prompt; never the prompt.")
    tools = forms.CharField(required=False, help_text="Separated by commas.")
    retrieval_index = forms.CharField(max_length=200, required=False)
    why = forms.CharField(widget=forms.Textarea, label="Why this version")

    def clean_tools(self) -> list[str]:
        return [tool.strip() for tool in self.cleaned_data["tools"].split(",") if tool.strip()]


class PostureForm(forms.Form):
    posture = forms.ChoiceField(choices=Posture.choices)
    reason = forms.CharField(max_length=500)


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=100, help_text="Which service will hold it.")
    scopes = forms.MultipleChoiceField(choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple)
    days = forms.IntegerField(min_value=1, max_value=365, initial=90, label="Days until it expires")
    workloads = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked: every workload of this tenant."
    )

    def __init__(self, *args: Any, choices: list[Workload], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workloads"].choices = [(str(w.id), str(w)) for w in choices]  # type: ignore[attr-defined]
