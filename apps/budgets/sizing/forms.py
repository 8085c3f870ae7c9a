from decimal import Decimal
from typing import Any

from django import forms

from apps.budgets.sizing.rules import Estimate, need
from portal.errors import Invalid


def _figure(label: str, **options: Any) -> forms.DecimalField:
    # What is too much, missing or too little is said by the formula itself, once for page and API.
    return forms.DecimalField(required=False, max_digits=16, decimal_places=4, label=label, **options)


class EstimateForm(forms.Form):
    """One user's month, as somebody expects it (CAP-3)."""

    sessions = _figure("Sessions a user and month")
    turns = _figure("Requests a session")
    input = _figure("Tokens in, a call")
    output = _figure("Tokens out, a call")
    multiplier = _figure("What a token out counts", initial=Decimal(1))
    tool_call_factor = _figure("Calls a request, for tools", initial=Decimal(1))
    retry_factor = _figure("Calls a call, for retries", initial=Decimal(1))

    need: int | None = None

    def clean(self) -> dict[str, Any]:
        data = dict(super().clean() or self.cleaned_data)
        if self.errors:
            return data
        try:
            self.need = need(Estimate(**data))
        except Invalid as error:
            self.add_error(error.code, error.message)
        return data
