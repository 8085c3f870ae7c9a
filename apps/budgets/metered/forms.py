from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django import forms

from apps.budgets.metered.actions import LONGEST_REASON


class OptInForm(forms.Form):
    """Whole days in the tenant's zone: until the end of the last."""

    last_day = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Twelve months from now at most; it can be ended before.",
    )
    reason = forms.CharField(
        max_length=LONGEST_REASON, help_text="Why it is worth paying for; the admin signs that too."
    )

    def until(self, zone: ZoneInfo) -> datetime:
        day = self.cleaned_data["last_day"]
        return datetime.combine(day, time(), zone) + timedelta(days=1)

    def clean_last_day(self) -> object:
        day = self.cleaned_data["last_day"]
        if not 1970 < day.year < 2200:
            raise forms.ValidationError("Name a day of the coming twelve months.")
        return day


class RevokeForm(forms.Form):
    reason = forms.CharField(max_length=LONGEST_REASON)
