from collections.abc import Collection
from datetime import time
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.feedback.actions import LONGEST, LONGEST_REQUEST_ID
from apps.feedback.models import CATEGORY_CHOICES, REPORT_SEVERITIES, Theme
from apps.feedback.rules import STATES, WEEKLY_SHARES, Category, Hours, Severity, State
from apps.workloads.models import AgentVersion

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class ReportForm(forms.Form):
    """Three answers at most; everything else may stay as it is."""

    workload = forms.ChoiceField(label=_("Which agent was it?"))
    what_happened = forms.CharField(
        max_length=LONGEST, label=_("What happened?"), widget=forms.Textarea(attrs={"rows": 3, "autofocus": True})
    )
    would_help = forms.CharField(
        max_length=LONGEST, label=_("What would have helped?"), widget=forms.Textarea(attrs={"rows": 2})
    )
    category = forms.ChoiceField(
        label=_("How would you call it?"),
        choices=CATEGORY_CHOICES,
        initial=Category.UNHELPFUL,
        required=False,
    )
    severity = forms.ChoiceField(
        label=_("How bad was it?"),
        choices=REPORT_SEVERITIES,
        initial=Severity.MEDIUM,
        required=False,
    )
    screenshot = forms.FileField(
        required=False,
        label=_("Screenshot"),
        help_text=_("PNG, JPEG or WebP, 5 MB at most. Where and with what it was taken is removed."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    request_id = forms.CharField(
        required=False,
        max_length=LONGEST_REQUEST_ID,
        label=_("Request"),
        help_text=_("Stands under the answer, if your application shows it."),
    )

    def __init__(self, *args: Any, workloads: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workload"].choices = [(key, f"{key} {name}") for key, name in workloads.items()]  # type: ignore[attr-defined]


class AnswerForm(forms.Form):
    state = forms.ChoiceField(label="What becomes of it")
    fixed_in = forms.ChoiceField(required=False, label="Fixed in version")
    text = forms.CharField(
        max_length=LONGEST, label="Your answer", widget=forms.Textarea(attrs={"rows": 3}), help_text="They read it."
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, versions: list[AgentVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._versions = {version.label: version for version in versions}
        states = [(s.value, words) for s, words in STATES.items() if s is not State.NEW]
        self.fields["state"].choices = states  # type: ignore[attr-defined]
        labels = [("", "–"), *((label, label) for label in self._versions)]
        self.fields["fixed_in"].choices = labels  # type: ignore[attr-defined]

    def offer(self, states: Collection[State]) -> None:
        """Show these states alone."""
        self.fields["state"].choices = [(s.value, words) for s, words in STATES.items() if s in states]  # type: ignore[attr-defined]

    def version(self) -> AgentVersion | None:
        return self._versions.get(self.cleaned_data["fixed_in"])


class MergeForm(forms.Form):
    into = forms.UUIDField(label="Report", help_text="The last part of that report's address.")


class ThemeForm(forms.Form):
    """Reports into a new theme or one that exists."""

    theme = forms.ChoiceField(required=False, label="Theme")
    title = forms.CharField(required=False, max_length=120, label="Or a new one, in words that quote nobody")
    reports = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, themes: list[Theme], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["theme"].choices = [("", "a new one"), *((str(t.id), t.title) for t in themes)]  # type: ignore[attr-defined]

    def clean_reports(self) -> list[UUID]:
        try:
            return [UUID(each) for each in self.cleaned_data["reports"].split(",") if each]
        except ValueError as error:
            raise forms.ValidationError("Choose reports.") from error


class SettleForm(forms.Form):
    text = forms.CharField(max_length=LONGEST, label="What became of it", widget=forms.Textarea(attrs={"rows": 3}))


class BetterForm(forms.Form):
    better = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])
    text = forms.CharField(max_length=LONGEST, required=False)


class WidgetForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Where it stands, such as Help centre.")
    origins = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://app.example.com"}),
        help_text="One a line: scheme and host of the pages. It is answered on no other.",
    )

    def clean_origins(self) -> list[str]:
        return [line for line in self.cleaned_data["origins"].splitlines() if line.strip()]


class DeskForm(forms.Form):
    """Opening hours are one span a weekday; the API takes any number."""

    people = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Who answers")
    zone = forms.CharField(max_length=64, label="On the clock of", help_text="A time zone like Europe/Berlin.")
    target_minutes = forms.IntegerField(
        min_value=1, max_value=10_080, initial=240, label="First response within, minutes of opening time"
    )
    expected_reports = forms.IntegerField(min_value=0, label="Reports expected in the first 30 days")
    weeks = forms.CharField(
        initial=" ".join(map(str, WEEKLY_SHARES)),
        label="Of those, percent in each of the four weeks",
        help_text="The first week is the heaviest.",
    )

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["people"].choices = members  # type: ignore[attr-defined]
        for number, day in enumerate(DAYS):
            for end, words in (("opens", "from"), ("closes", "until")):
                clock = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
                self.fields[f"{end}{number}"] = forms.TimeField(required=False, label=f"{day} {words}", widget=clock)

    def clean_weeks(self) -> list[int]:
        try:
            return [int(each) for each in self.cleaned_data["weeks"].replace(",", " ").split()]
        except ValueError as error:
            raise forms.ValidationError("Give four whole numbers.") from error

    def clean(self) -> None:
        for number, day in enumerate(DAYS):
            ends = [self.cleaned_data.get(f"{end}{number}") for end in ("opens", "closes")]
            if (ends[0] is None) != (ends[1] is None):
                self.add_error(f"closes{number}", f"{day}: give both times, or neither.")

    def hours(self) -> list[Hours]:
        found = []
        for number in range(len(DAYS)):
            opens, closes = (self.cleaned_data[f"{end}{number}"] for end in ("opens", "closes"))
            if isinstance(opens, time) and isinstance(closes, time):
                found.append(Hours(number, opens, closes))
        return found

    @property
    def days(self) -> list[tuple[str, Any, Any]]:
        return [(day, self[f"opens{number}"], self[f"closes{number}"]) for number, day in enumerate(DAYS)]

    @property
    def plain(self) -> list[Any]:
        return [self[name] for name in ("zone", "target_minutes", "expected_reports", "weeks")]

    def ids(self) -> list[UUID]:
        return [UUID(i) for i in self.cleaned_data["people"]]
