from typing import Any

from django import forms

from apps.pricing.card import Wanted
from apps.pricing.models import DIGITS
from apps.pricing.rules import LONGEST_MODEL, LONGEST_NOTE, MOST, PLACES

_REASON = "It stands in the audit trail."


def _amount(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        required=False,
        min_value=0,
        max_value=MOST,
        max_digits=DIGITS,
        decimal_places=PLACES,
        label=label,
        help_text=help_text,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class PriceForm(forms.Form):
    model = forms.CharField(max_length=LONGEST_MODEL, help_text="As a version or a tier names it.")
    valid_from = forms.DateField(
        label="Counts from",
        help_text="From 00:00 UTC of that day on; a price that stands for it already is replaced.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    input = _amount("Input, USD per million tokens", "Empty: not known. 0 is 0: somebody gives it away.")
    output = _amount("Output, USD per million tokens")
    cached_input = _amount("Cached input, USD per million tokens", "Empty: it costs what other input does.")
    note = forms.CharField(max_length=LONGEST_NOTE, required=False, help_text="The contract, the page it was read on.")
    reason = forms.CharField(max_length=300, help_text=_REASON)

    def wanted(self) -> Wanted:
        data: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if name != "reason"}
        return Wanted(**data)


class ImportForm(forms.Form):
    file = forms.FileField(help_text="CSV, one row a price and day.")
    reason = forms.CharField(max_length=300, help_text=_REASON)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300)
