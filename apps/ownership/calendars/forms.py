"""Importing a calendar, and a temporary schedule by hand, as forms. Times are the rota's own."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms

from apps.ownership.calendars.reading import LONGEST
from apps.ownership.rotation import Span, resolve
from portal.errors import Invalid
from portal.instants import sane

_LOCAL: dict[str, Any] = {
    "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    "input_formats": ["%Y-%m-%dT%H:%M"],
}
Choices = list[tuple[str, str]]


class _ForAWhile(forms.Form):
    start = forms.DateTimeField(**_LOCAL, label="From")
    end = forms.DateTimeField(**_LOCAL, label="Until", help_text="On the rota's own clock.")
    fallback = forms.ChoiceField(required=False, help_text="Who answers where nobody is named.")

    def __init__(self, *args: Any, members: Choices, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.members = ZoneInfo(zone), members
        self.fields["fallback"].choices = [("", "nobody: holes are refused"), *members]  # type: ignore[attr-defined]

    def instant(self, name: str) -> datetime:
        return resolve(sane(self.cleaned_data[name].replace(tzinfo=None), name), self.zone)

    def chosen(self) -> UUID | None:
        return UUID(self.cleaned_data["fallback"]) if self.cleaned_data["fallback"] else None


class CalendarForm(_ForAWhile):
    file = forms.FileField(required=False, help_text="An .ics file, or its text below.")
    text = forms.CharField(required=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 6}))
    field_order = ["file", "text", "start", "end", "fallback"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        sent = data.get("file")
        if sent is not None:
            data["text"] = sent.read(LONGEST + 1).decode("utf-8", "replace")
        if not data.get("text"):
            raise forms.ValidationError("Choose a file, or paste its text.")
        return data


class TemporaryForm(_ForAWhile):
    """For a while nothing else counts: one shift a line, “from – until: who”."""

    shifts = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="One a line: 2026-12-24 09:00, 2026-12-25 09:00, ada@example.org",
    )
    reason = forms.CharField(max_length=300, label="Why")

    def spans(self, people: dict[str, UUID]) -> list[Span]:
        """
        Raises:
            Invalid: a line that can't be read; it is named.
        """
        lines = [line.strip() for line in self.cleaned_data["shifts"].splitlines() if line.strip()]
        return [self._span(line, people) for line in lines]

    def addresses(self) -> list[str]:
        lines = [line.split(",") for line in self.cleaned_data["shifts"].splitlines()]
        return [parts[2].strip() for parts in lines if len(parts) == 3]

    def _span(self, line: str, people: dict[str, UUID]) -> Span:
        try:
            start, end, who = (part.strip() for part in line.split(","))
            first, last = (datetime.fromisoformat(text).replace(tzinfo=None) for text in (start, end))
        except ValueError as error:
            raise Invalid("shifts", f"“{line[:80]}” can't be read; write: from, until, e-mail address.") from error
        return Span(resolve(sane(first), self.zone), resolve(sane(last), self.zone), people[who.lower()])


def ahead(now: datetime, zone: str) -> dict[str, datetime]:
    """The four weeks from the next midnight on, as a beginning."""
    local = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return {"start": local + timedelta(days=1), "end": local + timedelta(days=29)}
