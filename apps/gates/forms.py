"""Forms made from the documents' own table, so that page, API and check can't drift apart."""

from typing import Any

from django import forms

from apps.gates.attachments import LARGEST, File, NotWhatItSays, checked
from apps.gates.documents import MOST_ROWS, Document, Field
from portal.errors import Invalid

_FIRST_ROWS, _MORE_ROWS = 12, 5
_YES = [("", "choose"), ("yes", "yes"), ("no", "no")]


def _form_field(each: Field) -> forms.Field:
    common: dict[str, Any] = {"label": each.label, "required": False}
    if each.kind == "long":
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common)
    if each.kind == "number":
        return forms.CharField(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
    if each.kind == "date":
        return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), **common)
    if each.kind == "yes":
        return forms.ChoiceField(choices=_YES, **common)
    if each.kind == "choice":
        return forms.ChoiceField(choices=[("", "choose"), *((choice, choice) for choice in each.choices)], **common)
    return forms.CharField(**common)


def _form(name: str, fields: tuple[Field, ...]) -> type[forms.Form]:
    return type(name, (forms.Form,), {each.name: _form_field(each) for each in fields})


def _shown(content: dict[str, Any]) -> dict[str, Any]:
    words = {True: "yes", False: "no"}
    return {name: words.get(value, value) if isinstance(value, bool) else value for name, value in content.items()}


class DocumentForm:
    """A document as a form; without ``data`` it starts from what was recorded last."""

    def __init__(self, document: Document, data: Any, last: dict[str, Any] | None) -> None:
        last = last or {}
        self.head = _form("Head", document.fields)(data, prefix="head", initial=_shown(last))
        rows = [_shown(row) for row in last.get("rows", [])]
        extra = _MORE_ROWS if rows else _FIRST_ROWS
        row = _form("Row", document.rows)
        made = forms.formset_factory(row, extra=extra, max_num=MOST_ROWS, absolute_max=MOST_ROWS + 100)
        self.rows = made(data, prefix="row", initial=rows) if document.rows else None

    def is_valid(self) -> bool:
        head = self.head.is_valid()
        return head and (self.rows is None or self.rows.is_valid())

    def data(self) -> dict[str, Any]:
        """What was filled in, for the document's own check; empty rows are left out."""
        found = {name: value for name, value in self.head.cleaned_data.items() if value != ""}
        if self.rows is not None:
            filled = [form.cleaned_data for form in self.rows if any(form.cleaned_data.values())]
            found["rows"] = [{name: value for name, value in row.items() if value != ""} for row in filled]
        return found


class WaiverForm(forms.Form):
    criterion = forms.CharField(max_length=10)
    days = forms.IntegerField(min_value=1, max_value=30)
    reason = forms.CharField(max_length=500)


class BackForm(forms.Form):
    stage = forms.CharField(max_length=20)
    reason = forms.CharField(max_length=500)


class FlagForm(forms.Form):
    what = forms.CharField(max_length=500)


class LimitForm(forms.Form):
    criterion = forms.CharField(max_length=10)
    name = forms.CharField(max_length=40)
    value = forms.FloatField(min_value=0)
    reason = forms.CharField(max_length=500)


def taken(sent: list[Any]) -> list[File]:
    """Uploaded files as attachments.

    Raises:
        Invalid: one isn't what it says it is, or is too large; ``problems`` names each.
    """
    found, problems = [], []
    for each in sent:
        try:
            # One byte more than may be, so that what is too large is never read whole.
            found.append(checked(each.name, each.read(LARGEST + 1), each.content_type or ""))
        except NotWhatItSays as error:
            problems.append({"where": "attachment", "message": str(error)})
    if problems:
        raise Invalid("attachment_invalid", " ".join(p["message"] for p in problems), problems=problems)
    return found
