from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from apps.audit.queries import Wanted

# Above any sequence number that a chain will reach, and below what the column takes.
_MOST = 2**62
# A day ends where the next one begins, in a zone on either side: both have to be there.
_DAYS = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9000, 1, 1))]


def _text(label: str, length: int) -> forms.CharField:
    return forms.CharField(max_length=length, required=False, label=label)


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        required=False, label=label, widget=forms.DateInput(attrs={"type": "date"}), validators=_DAYS
    )


class WantedForm(forms.Form):
    """What to look for in the trail; each field is matched to the letter."""

    action = _text("Action", 100)
    actor = _text("Who", 200)
    object_type = _text("Kind of object", 100)
    object_id = _text("Object", 100)
    request_id = _text("Request", 64)
    since = _day("From")
    until = _day("To, included")
    below = forms.IntegerField(required=False, min_value=1, max_value=_MOST, widget=forms.HiddenInput)

    def wanted(self) -> Wanted:
        values: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        return Wanted(**values)
