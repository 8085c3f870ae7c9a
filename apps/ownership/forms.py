from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms

from apps.accounts.models import User
from apps.ownership.models import CHANGES, UNITS
from apps.ownership.rotation import ALL_DAYS, MIDNIGHT, resolve
from apps.ownership.rules import JOBS
from apps.ownership.schedule import Change
from apps.tenants.models import Team
from portal.instants import sane

DAYS = [(str(n), word) for n, word in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))]
DAYS += [("5", "Saturday"), ("6", "Sunday")]
_DAYS: dict[str, Any] = {"choices": DAYS, "widget": forms.CheckboxSelectMultiple, "required": False}
_TIME: dict[str, Any] = {"widget": forms.TimeInput(attrs={"type": "time"}), "required": False}
_LOCAL: dict[str, Any] = {
    "widget": forms.DateTimeInput(attrs={"type": "datetime-local"}),
    "input_formats": ["%Y-%m-%dT%H:%M"],
}


def _window(data: dict[str, Any], prefix: str) -> tuple[frozenset[int], time, time]:
    days = frozenset(int(day) for day in data[f"{prefix}days"]) or ALL_DAYS
    return days, data[f"{prefix}starts"] or MIDNIGHT, data[f"{prefix}ends"] or MIDNIGHT


class RotaForm(forms.Form):
    team = forms.ChoiceField()
    name = forms.CharField(max_length=100)
    rank = forms.IntegerField(min_value=1, max_value=5, initial=1, help_text="1 is woken first, 2 is the secondary.")
    zone = forms.CharField(max_length=60, label="Time zone", help_text="Like Europe/Berlin.")
    always = forms.BooleanField(required=False, initial=True, label="Somebody has to be there round the clock")
    target_days = forms.MultipleChoiceField(**_DAYS, label="Or on these days")
    target_starts = forms.TimeField(**_TIME, label="from")
    target_ends = forms.TimeField(**_TIME, label="until")

    def __init__(self, *args: Any, teams: list[Team], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teams = {str(team.id): team for team in teams}
        self.fields["team"].choices = [(i, team.name) for i, team in self.teams.items()]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        target = (ALL_DAYS, MIDNIGHT, MIDNIGHT) if data["always"] else _window(data, "target_")
        return {**{n: data[n] for n in ("name", "rank", "zone")}, "team": self.teams[data["team"]], "target": target}


class RotationForm(forms.Form):
    name = forms.CharField(max_length=100, initial="Weekly")
    anchor = forms.DateTimeField(**_LOCAL, label="First hand-over", help_text="On the rota's own clock.")
    unit = forms.ChoiceField(choices=UNITS, initial="week", label="Hands over each")
    length = forms.IntegerField(min_value=1, max_value=1_000, initial=1, label="so many of them")
    people = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Who takes turns",
        help_text="E-mail addresses, one a line, in their order.",
    )
    priority = forms.IntegerField(min_value=1, max_value=9, initial=1, help_text="The highest that has anybody counts.")
    days = forms.MultipleChoiceField(**_DAYS, label="Only on these days")
    starts = forms.TimeField(**_TIME, label="from")
    ends = forms.TimeField(**_TIME, label="until")

    def clean_anchor(self) -> datetime:
        at: datetime = self.cleaned_data["anchor"]
        return at.replace(tzinfo=None)

    def addresses(self) -> list[str]:
        return [line.strip().lower() for line in self.cleaned_data["people"].splitlines() if line.strip()]

    def hours(self) -> tuple[frozenset[int], time, time] | None:
        data = self.cleaned_data
        return _window(data, "") if data["days"] or data["starts"] or data["ends"] else None


class OverrideForm(forms.Form):
    change = forms.ChoiceField(choices=CHANGES, initial=Change.REPLACE.value)
    person = forms.ChoiceField(label="Who")
    instead_of = forms.ChoiceField(required=False, label="Instead of")
    start = forms.DateTimeField(**_LOCAL, label="From")
    end = forms.DateTimeField(**_LOCAL, label="Until", help_text="On the rota's own clock.")
    reason = forms.CharField(max_length=300, label="Why")

    def __init__(self, *args: Any, members: list[tuple[str, str]], zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = ZoneInfo(zone)
        self.fields["person"].choices = members  # type: ignore[attr-defined]
        self.fields["instead_of"].choices = [("", "nobody"), *members]  # type: ignore[attr-defined]

    def instant(self, name: str) -> datetime:
        return resolve(sane(self.cleaned_data[name].replace(tzinfo=None), name), self.zone)

    def chosen(self, name: str) -> UUID | None:
        return UUID(self.cleaned_data[name]) if self.cleaned_data[name] else None


class TeamForm(forms.Form):
    """One or more people for each of the three jobs."""

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for job, words in JOBS.items():
            self.fields[job] = forms.MultipleChoiceField(choices=members, label=words)

    def named(self) -> dict[str, list[UUID]]:
        return {job: [UUID(i) for i in self.cleaned_data[job]] for job in JOBS}


class OfferForm(forms.Form):
    """Another owner or another team, not both."""

    to_owner = forms.ChoiceField(required=False, label="Another owner")
    to_team = forms.ChoiceField(required=False, label="Or another team")
    reason = forms.CharField(max_length=300, label="Why")

    def __init__(self, *args: Any, members: list[tuple[str, str]], teams: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to_owner"].choices = [("", "---------"), *members]  # type: ignore[attr-defined]
        self.fields["to_team"].choices = [("", "---------"), *teams]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if bool(data.get("to_owner")) == bool(data.get("to_team")):
            raise forms.ValidationError("Choose one of the two.")
        return data

    def chosen(self) -> User | Team:
        person: str = self.cleaned_data["to_owner"]
        return User.objects.get(id=person) if person else Team.objects.get(id=self.cleaned_data["to_team"])


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, required=False)
