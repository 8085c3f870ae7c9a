from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from apps.dispatch.pilot.actions import LONGEST_REASON
from apps.dispatch.pilot.models import PilotService
from apps.dispatch.pilot.rules import LONGEST_ATTRIBUTE, LONGEST_NAME, LONGEST_UNIT, MOST_UNITS, Mode, Terms
from apps.workloads.models import AgentVersion
from portal.instants import FIRST, LAST

_MODES = [
    (Mode.COHORT.value, "A cohort, marked as a pilot"),
    (Mode.SHADOW.value, "In shadow, unseen"),
]
_DAY = timedelta(days=1)


class PilotForm(forms.Form):
    """The terms as a person says them; fields of the other mode stay empty."""

    mode = forms.ChoiceField(
        choices=_MODES,
        label="How it serves",
        help_text="In shadow everybody gets the fallback; the agent answers too, and nobody acts on it.",
    )
    version = forms.ChoiceField(help_text="It is held and charged like every call, also in shadow.")
    name = forms.CharField(
        max_length=LONGEST_NAME, required=False, label="Name of the cohort", help_text="As people call it."
    )
    units = forms.CharField(
        required=False,
        max_length=MOST_UNITS * (LONGEST_UNIT + 2),
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Units of the cohort",
        help_text=f"One a line, {MOST_UNITS:,} at most: users, sessions, tickets, as the application names them.",
    )
    attribute = forms.CharField(
        max_length=LONGEST_ATTRIBUTE, required=False, label="And who has this attribute", help_text="Like department."
    )
    values = forms.CharField(
        max_length=5_000, required=False, label="With one of these values", help_text="With commas between."
    )
    share = forms.FloatField(
        required=False, min_value=0, max_value=100, label="Share of units in shadow, %", help_text="Shadow alone."
    )
    last_day = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="On the tenant's clock; 90 days at most.",
    )
    reason = forms.CharField(max_length=LONGEST_REASON)

    def __init__(self, *args: Any, versions: list[AgentVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(version.id): version for version in versions}
        choices = [(i, f"{version.label} ({version.model})") for i, version in self.versions.items()]
        self.fields["version"].choices = choices  # type: ignore[attr-defined]

    @property
    def chosen(self) -> AgentVersion:
        return self.versions[self.cleaned_data["version"]]

    @property
    def terms(self) -> Terms:
        data = self.cleaned_data
        return Terms(
            mode=Mode(data["mode"]),
            name=data["name"],
            units=frozenset(data["units"].splitlines()),
            attribute=data["attribute"],
            values=frozenset(data["values"].split(",")) - {""},
            share=round((data["share"] or 0) * 100),
        )

    def clean_last_day(self) -> date:
        day: date = self.cleaned_data["last_day"]
        if not FIRST < day.year < LAST:
            raise forms.ValidationError("Say when it ends: a day within 90 days.")
        return day

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """When the last day is over there."""
        return datetime.combine(self.cleaned_data["last_day"] + _DAY, time(), zone)

    @staticmethod
    def initial_of(row: PilotService | None, zone: ZoneInfo) -> dict[str, Any]:
        if row is None:
            return {}
        return {
            "mode": row.mode,
            "version": str(row.version_id),
            "name": row.name,
            "units": "\n".join(row.units),
            "attribute": row.attribute,
            "values": ", ".join(row.values),
            "share": f"{row.share / 100:g}" if row.mode == Mode.SHADOW else None,
            "last_day": (row.ends_at - timedelta(seconds=1)).astimezone(zone).date(),
        }
