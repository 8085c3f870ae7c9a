"""One's own channels and absences, as forms."""

from datetime import timedelta

from django import forms

from apps.ownership.models.channels import ChannelKind, Urgency

AFTER = [("", "never"), ("0", "at once"), ("120", "after 2 min"), ("300", "after 5 min"), ("900", "after 15 min")]


class ChannelForm(forms.Form):
    kind = forms.ChoiceField(choices=ChannelKind.choices)
    address = forms.CharField(max_length=500, help_text="An e-mail address, or the address of a webhook.")
    name = forms.CharField(max_length=100, required=False, help_text="How you call it: “my phone”.")


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=10, widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"})
    )


class RuleForm(forms.Form):
    urgency = forms.ChoiceField(choices=[(Urgency.PAGE.value, Urgency.PAGE.label)])
    after = forms.ChoiceField(choices=AFTER, required=False)

    def wanted(self) -> timedelta | None:
        text = self.cleaned_data["after"]
        return timedelta(seconds=int(text)) if text else None


class AbsenceForm(forms.Form):
    start = forms.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), label="From")
    end = forms.DateTimeField(
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), label="Until", help_text="On the tenant's clock."
    )
    note = forms.CharField(max_length=200, required=False)
