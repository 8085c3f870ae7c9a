from django import forms

from apps.workloads.policy import Sensitivity, Shape, Stage


class CriterionForm(forms.Form):
    stage = forms.ChoiceField(choices=Stage.choices)
    title = forms.CharField(max_length=100)
    intro = forms.CharField(max_length=500, label="What it asks for", widget=forms.Textarea(attrs={"rows": 3}))
    counts_from = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="From midnight of this day, in the tenant's zone. Until then it is shown and keeps nothing closed.",
    )
    valid_days = forms.IntegerField(
        min_value=1,
        max_value=1_000,
        required=False,
        label="Its evidence is fresh for, in days",
        help_text="Empty: it doesn't age.",
    )
    shapes = forms.MultipleChoiceField(
        choices=Shape.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: every shape.",
    )
    sensitivities = forms.MultipleChoiceField(
        choices=Sensitivity.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Data",
        help_text="None ticked: all data.",
    )
    customer_facing_only = forms.BooleanField(required=False, label="Only what customers meet")


class RetireForm(forms.Form):
    reason = forms.CharField(max_length=500)
