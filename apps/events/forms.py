from collections.abc import Iterable
from typing import Any

from django import forms

from portal.instants import sane

_PATTERNS = "One a line: rollout.running, rollout.* for all that begin so, or * for everything."


class SubscriptionForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="How you call the receiver: “data lake”.")
    address = forms.CharField(
        max_length=500,
        help_text="Begins with https. It is kept sealed and never shown again.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    patterns = forms.CharField(
        label="Types", help_text=_PATTERNS, max_length=5_000, widget=forms.Textarea(attrs={"rows": 5})
    )

    def said(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {**data, "patterns": data["patterns"].replace(",", "\n").splitlines()}


class ChangeForm(SubscriptionForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].required = False
        self.fields["address"].help_text = "Only to change it; leave it empty and the address stays as it is."


def as_lines(patterns: Iterable[str]) -> str:
    return "\n".join(patterns)


class ReplayForm(forms.Form):
    """From an entry's number or from an instant; the field that is filled in counts."""

    first = forms.IntegerField(
        label="From number", min_value=1, required=False, help_text="The sequence number of an event."
    )
    since = forms.DateTimeField(
        label="or from",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="In UTC.",
    )

    def clean_since(self) -> Any:
        since = self.cleaned_data["since"]
        return sane(since, "since") if since else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and bool(data.get("first")) == bool(data.get("since")):
            raise forms.ValidationError("Say one of the two: from which number, or from when.")
        return data
