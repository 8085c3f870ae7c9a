from collections.abc import Sequence
from typing import Any

from django import forms

from apps.budgets.models import UserTier
from apps.budgets.tiers.reading import LONGEST_LABEL, LONGEST_USER


class TierForm(forms.Form):
    """A new tier, with another one's ceilings, so that gates stay complete (COST-9)."""

    slug = forms.SlugField(max_length=40, help_text="Short and lasting, such as standard; the API uses it.")
    name = forms.CharField(max_length=60)
    is_free = forms.BooleanField(required=False, label="It is free: only ever a hard cap")
    like = forms.ChoiceField(
        required=False,
        label="Ceilings to begin with",
        help_text="For every workload's gate; change them there.",
    )

    def __init__(self, *args: Any, tiers: Sequence[UserTier], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not tiers:
            del self.fields["like"]
            return
        none = ("", "None: every workload serves the fallback until it has one")
        self.fields["like"].choices = [*((t.slug, f"Those of {t.name}") for t in tiers), none]  # type: ignore[attr-defined]
        self.fields["like"].initial = tiers[0].slug


class NameForm(forms.Form):
    name = forms.CharField(max_length=60)


class UserForm(forms.Form):
    """A user, as the application names them."""

    user = forms.CharField(
        max_length=LONGEST_USER,
        label="User's id",
        help_text="As your application sends it; only its pseudonym is kept.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    label = forms.CharField(max_length=LONGEST_LABEL, required=False, help_text="How pages call them; may be empty.")
    member = forms.EmailField(required=False, help_text="Address of the member who sees this budget as their own.")


class FileForm(forms.Form):
    file = forms.FileField(help_text="CSV, one row a user.")
