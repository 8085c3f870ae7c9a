from typing import Any

from django import forms

from apps.accounts.models import User
from apps.budgets.actions import MOST_MONEY, Brake, Ceiling
from apps.budgets.models import MOST_TOKENS, CostGate, TierGate, UserTier
from apps.budgets.rules import THRESHOLDS, Pattern

_PATTERNS = [
    (Pattern.HARD.value, "Hard cap: nothing more is admitted"),
    (Pattern.SOFT.value, "Soft cap: the budget model answers, and the user is told"),
    (Pattern.METERED.value, "Metered: goes on while the workspace admin's opt-in lasts, else a hard cap"),
]


def _money(label: str, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        min_value=0, max_value=MOST_MONEY, max_digits=14, decimal_places=2, label=label, **options
    )


def _count(label: str) -> forms.IntegerField:
    return forms.IntegerField(min_value=1, max_value=MOST_TOKENS, required=False, label=label)


class GateForm(forms.Form):
    """The spend cap and the brake; an empty brake doesn't brake."""

    spend_cap = _money("Spend cap of a month, USD", help_text="Across all users; no pattern lifts it.")
    billing_contact = forms.EmailField(help_text="Gets the mail at the second threshold; a member of this tenant.")
    request_calls = _count("Calls of one request, at most")
    request_tokens = _count("Tokens of one request, at most")
    request_money = _money("USD of one request, at most", required=False)
    session_calls = _count("Calls of one session, at most")
    session_tokens = _count("Tokens of one session, at most")
    session_money = _money("USD of one session, at most", required=False)

    @classmethod
    def of(cls, data: Any, gate: CostGate | None, person: User) -> "GateForm":
        """As the gate stands, or for whoever sets the first."""
        if gate is None:
            return cls(data, initial={"billing_contact": person.email})
        brake = {name: getattr(gate, name) for name in Brake.__dataclass_fields__}
        contact = gate.billing_contact.email
        return cls(data, initial={"spend_cap": gate.spend_cap, "billing_contact": contact, **brake})

    @property
    def brake(self) -> Brake:
        return Brake(**{name: self.cleaned_data[name] for name in Brake.__dataclass_fields__})


class CeilingForm(forms.Form):
    tier = forms.ChoiceField(help_text="What users of this tier may use in a month.")
    ceiling = forms.IntegerField(min_value=1, max_value=MOST_TOKENS, label="Tokens a month and user")
    pattern = forms.ChoiceField(choices=_PATTERNS, label="At the ceiling")
    disclosure = forms.CharField(
        max_length=500, required=False, label="What the user is told", help_text="Needed for a soft cap (COST-6)."
    )
    thresholds = forms.CharField(
        initial=", ".join(map(str, THRESHOLDS)), max_length=20, help_text="Notice, banner and event, in percent."
    )

    def __init__(
        self, *args: Any, tiers: list[UserTier], row: TierGate | None = None, suggested: str = "", **kwargs: Any
    ) -> None:
        """``suggested``: a ceiling that sizing proposes, to stand there at first."""
        if row is not None:
            kwargs["initial"] = {
                "tier": row.tier.slug,
                "ceiling": row.ceiling,
                "pattern": row.pattern,
                "disclosure": row.disclosure,
                "thresholds": ", ".join(map(str, row.thresholds)),
            }
        if suggested.isascii() and suggested.isdigit() and len(suggested) <= len(str(MOST_TOKENS)):
            kwargs["initial"] = {**kwargs.get("initial", {}), "ceiling": int(suggested)}
        super().__init__(*args, **kwargs)
        self.fields["tier"].choices = [(tier.slug, tier.name) for tier in tiers]  # type: ignore[attr-defined]

    def clean_thresholds(self) -> list[int]:
        try:
            return [int(part) for part in self.cleaned_data["thresholds"].split(",")]
        except ValueError as error:
            raise forms.ValidationError("Three whole numbers with commas between, like 70, 90, 100.") from error

    @property
    def wanted(self) -> Ceiling:
        data = self.cleaned_data
        return Ceiling(data["ceiling"], Pattern(data["pattern"]), data["disclosure"], data["thresholds"])
