import json
from typing import Any

from django import forms
from django.conf import settings

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

    def clean_mapping(self) -> Mapped:
        try:
            return mapping_from(self.cleaned_data["mapping"])
        except Invalid as error:
            raise forms.ValidationError(error.message) from error

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
        TooLarge: the command takes files of any size.
    """
    limit = settings.EVALUATION_UPLOAD_LIMIT
    if file.size > limit:
        raise TooLarge(
            "file_too_large", f"The file has over {limit} bytes; manage.py import_evaluation takes any size."
        )
    return file.file
