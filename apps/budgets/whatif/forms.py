from decimal import Decimal
from typing import Any

from django import forms

from apps.budgets.actions import MOST_MONEY
from apps.budgets.models import MOST_TOKENS, PATTERNS, UserTier
from apps.budgets.months import LAST, THIS
from apps.budgets.rules import Pattern
from apps.budgets.whatif.queries import Wish


class WishForm(forms.Form):
    """What to try; what is left empty stays as it is."""

    month = forms.ChoiceField(choices=[(LAST, "Last month"), (THIS, "This month so far")], required=False)
    tier = forms.ChoiceField(required=False, label="For which tier")
    ceiling = forms.IntegerField(
        min_value=1, max_value=MOST_TOKENS, required=False, label="Ceiling, tokens a month and user"
    )
    pattern = forms.ChoiceField(choices=[("", "As it was"), *PATTERNS], required=False, label="At the ceiling")
    spend_cap = forms.DecimalField(
        min_value=Decimal(0),
        max_value=MOST_MONEY,
        max_digits=14,
        decimal_places=2,
        required=False,
        label="Spend cap of a month, USD",
    )

    def __init__(self, *args: Any, tiers: list[UserTier], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tier"].choices = [("", "All tiers"), *((tier.slug, tier.name) for tier in tiers)]  # type: ignore[attr-defined]

    @property
    def wish(self) -> Wish:
        data = self.cleaned_data
        return Wish(
            tier=data["tier"],
            ceiling=data["ceiling"],
            pattern=Pattern(data["pattern"]) if data["pattern"] else None,
            spend_cap=data["spend_cap"],
        )

    @property
    def which(self) -> str:
        return self.cleaned_data["month"] or LAST
