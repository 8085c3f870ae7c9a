from django import forms

from apps.budgets.settling import MOST_USED


class CorrectForm(forms.Form):
    """What a call really used, and how that is known."""

    input_tokens = forms.IntegerField(min_value=0, max_value=MOST_USED, label="Tokens in, as it really was")
    output_tokens = forms.IntegerField(min_value=0, max_value=MOST_USED, label="Tokens out, as it really was")
    reason = forms.CharField(max_length=500, label="How you know")
