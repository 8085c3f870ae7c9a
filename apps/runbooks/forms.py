from typing import Any

from django import forms

from apps.runbooks.rules import Kind


class RunbookForm(forms.Form):
    title = forms.CharField(max_length=100)


class VersionForm(forms.Form):
    # Whitespace at the ends of lines is Markdown's business.
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "true"}), strip=False)
    why = forms.CharField(max_length=500, label="What changed, and why")


class DrillForm(forms.Form):
    kind = forms.ChoiceField(
        choices=[(Kind.ROLLBACK, "Rollback to the fallback"), (Kind.OTHER, "Something else")], label="What is drilled"
    )
    wanted = forms.IntegerField(
        min_value=0, label="Units an hour that the fallback has to carry", help_text="An hour's mean by default."
    )
    staff = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Who takes part")

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["staff"].choices = members  # type: ignore[attr-defined]


class FinishForm(forms.Form):
    carried = forms.IntegerField(min_value=0)
    is_real = forms.BooleanField(required=False)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, required=False)
