import json
from typing import Any

from django import forms
from django.conf import settings

from apps.gates.evaluations.comparison import MOST_MARGIN
from apps.gates.evaluations.reader import BadMapping, Mapped, mapped
from apps.gates.models import Purpose
from apps.workloads.models import AgentVersion
from portal.errors import Invalid, TooLarge


class ImportForm(forms.Form):
    file = forms.FileField(help_text="CSV or JSON Lines, one row an input.")
    version = forms.ChoiceField(label="Agent version")
    purpose = forms.ChoiceField(choices=Purpose.choices)
    mapping = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="JSON; only where the file's columns aren't named as ours.",
    )

    def __init__(self, *args: Any, versions: list[AgentVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(version.id): version for version in versions}
        choices = [(i, version.label) for i, version in self.versions.items()]
        self.fields["version"].choices = choices  # type: ignore[attr-defined]

    def clean_mapping(self) -> str:
        """Still as text, for whoever reads the file; what is wrong with it is said now."""
        text: str = self.cleaned_data["mapping"]
        try:
            mapping_from(text)
        except Invalid as error:
            raise forms.ValidationError(error.message) from error
        return text

    def chosen(self) -> AgentVersion:
        return self.versions[self.cleaned_data["version"]]


def mapping_from(text: str) -> Mapped:
    """A mapping from JSON text; empty text is none.

    Raises:
        Invalid: with what is wrong.
    """
    if not text.strip():
        return Mapped()
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise BadMapping("The mapping is a JSON object.")
        return mapped(document)
    except (ValueError, RecursionError) as error:
        raise Invalid("mapping_invalid", f"The mapping can't be used: {error}") from error


def bounded(file: Any) -> Any:
    """The upload's bytes, if there aren't too many to read while somebody waits.

    Raises:
        TooLarge: send it as an upload, which a worker reads.
    """
    limit = settings.EVALUATION_REQUEST_LIMIT
    if file.size > limit:
        raise TooLarge("file_too_large", f"The file has over {limit} bytes; send it to the uploads of the workload.")
    return file.file


class EvalSetForm(forms.Form):
    name = forms.CharField(max_length=100)
    owner = forms.ChoiceField(help_text="Who keeps it in line with real traffic.")
    margin = forms.FloatField(
        min_value=0, max_value=MOST_MARGIN, initial=0.02, help_text="How much worse a version may be, as a share."
    )
    fresh_days = forms.IntegerField(min_value=1, max_value=90, initial=30, label="A run is fresh for, in days")
    reason = forms.CharField(max_length=300, label="Why")

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = members  # type: ignore[attr-defined]
