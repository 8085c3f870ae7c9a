"""The forms of alerts, incidents, escalation policies and the ways in."""

from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms

from apps.ownership.alerts.escalation import Aim, Policy, Step, Target
from apps.ownership.models.alerts import INTEGRATIONS, Severity
from apps.ownership.rotation import ALL_DAYS, Hours
from apps.tenants.roles import Role
from apps.workloads.models import Workload

STEPS = 6
_TIME: dict[str, Any] = {"required": False, "widget": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}
Choices = list[tuple[str, str]]


class HandOverForm(forms.Form):
    """To one person or to one team."""

    to = forms.ChoiceField(label="To")
    reason = forms.CharField(max_length=300, label="Why")

    def __init__(self, *args: Any, people: Choices, teams: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        to_teams = [(f"team:{i}", f"the team {name}") for i, name in teams]
        self.fields["to"].choices = [*((f"person:{i}", name) for i, name in people), *to_teams]  # type: ignore[attr-defined]

    def chosen(self) -> tuple[str, UUID]:
        kind, _, which = self.cleaned_data["to"].partition(":")
        return kind, UUID(which)


class NoteForm(forms.Form):
    text = forms.CharField(max_length=4_000, widget=forms.Textarea(attrs={"rows": 3}), label="What people should know")


class CommanderForm(forms.Form):
    commander = forms.ChoiceField()

    def __init__(self, *args: Any, people: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["commander"].choices = people  # type: ignore[attr-defined]


class IntegrationForm(forms.Form):
    kind = forms.ChoiceField(choices=INTEGRATIONS)
    name = forms.CharField(max_length=100, help_text="What sends: “Prometheus of the shop”.")
    workload = forms.ModelChoiceField(
        Workload.objects.none(),
        required=False,
        empty_label="as each alert says",
        to_field_name="key",
        help_text="What alerts are about that don't say so themselves.",
    )

    def __init__(self, *args: Any, workloads: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workload"].queryset = workloads  # type: ignore[attr-defined]


class MaintenanceForm(forms.Form):
    minutes = forms.IntegerField(min_value=5, max_value=7 * 24 * 60, initial=60, label="For how many minutes")
    reason = forms.CharField(max_length=300, label="Why")


class PolicyForm(forms.Form):
    """Up to six steps; a step without anybody is left out."""

    repeats = forms.IntegerField(
        min_value=0, max_value=9, label="Begins again", help_text="How often, after the last step."
    )
    ack_timeout = forms.IntegerField(
        min_value=5,
        max_value=4 * 24 * 60,
        required=False,
        label="An acknowledgement runs out after",
        help_text="Minutes. Empty: never.",
    )
    wakes = forms.ChoiceField(
        choices=Severity.choices, label="Wakes from", help_text="Lesser ones are collected into one message an hour."
    )

    def __init__(
        self, *args: Any, current: Policy, people: Choices, channels: Choices, zone: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.current = zone, current
        aims: Choices = [
            ("rota:1", "on call (rank 1)"),
            ("rota:2", "secondary (rank 2)"),
            ("rota:3", "rank 3"),
            ("owner:", "the workload's owner"),
            *((f"role:{role.value}", str(role.label)) for role in (Role.OPS_LEAD, Role.ADMIN, Role.INCIDENT_RESPONDER)),
            *((f"channel:{i}", name) for i, name in channels),
            *((f"person:{i}", name) for i, name in people),
        ]
        known = {value for value, _ in aims}
        # What the page doesn't offer (a rank, a role, somebody who left) stays a choice where it is one already.
        kept = dict.fromkeys(f"{each.aim}:{each.value}" for step in current.steps for each in step.targets)
        aims += [(value, value.replace(":", " ")) for value in kept if value not in known]
        self.count = max(STEPS, len(current.steps))
        for n in range(self.count):
            nobody = [("", "nobody" if n == 0 else "no such step")]
            self.fields[f"first_{n}"] = forms.ChoiceField(choices=[*nobody, *aims], required=False, label="Wakes")
            self.fields[f"second_{n}"] = forms.ChoiceField(
                choices=[("", "nobody else"), *aims], required=False, label="and"
            )
            self.fields[f"delay_{n}"] = forms.IntegerField(
                min_value=1, max_value=24 * 60, required=False, label="and waits, in minutes"
            )
            self.fields[f"starts_{n}"] = forms.TimeField(**_TIME, label="only from")
            self.fields[f"ends_{n}"] = forms.TimeField(**_TIME, label="until")

    @classmethod
    def initial_of(cls, policy: Policy, wakes: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "repeats": policy.repeats,
            "ack_timeout": int(policy.ack_timeout.total_seconds() // 60) if policy.ack_timeout else None,
            "wakes": wakes,
        }
        for n, step in enumerate(policy.steps):
            named = [f"{target.aim}:{target.value}" for target in step.targets]
            found[f"first_{n}"], found[f"second_{n}"] = [*named, "", ""][:2]
            found[f"delay_{n}"] = int(step.delay.total_seconds() // 60)
            if step.hours is not None:
                found[f"starts_{n}"], found[f"ends_{n}"] = step.hours.starts, step.hours.ends
        return found

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        for n in range(self.count):
            if data.get(f"first_{n}") and not data.get(f"delay_{n}"):
                self.add_error(f"delay_{n}", "Say how long this step waits.")
            if bool(data.get(f"starts_{n}")) != bool(data.get(f"ends_{n}")):
                self.add_error(f"starts_{n}", "Give both, or neither.")
        return data

    def policy(self) -> Policy:
        data = self.cleaned_data
        return Policy(
            steps=tuple(self._step(n) for n in range(self.count) if data.get(f"first_{n}")),
            repeats=data["repeats"],
            ack_timeout=timedelta(minutes=data["ack_timeout"]) if data["ack_timeout"] else None,
        )

    def _step(self, n: int) -> Step:
        data = self.cleaned_data
        wanted = dict.fromkeys(filter(None, (data[f"first_{n}"], data.get(f"second_{n}"))))
        named = [text.partition(":") for text in wanted]
        targets = tuple(Target(Aim(kind), value) for kind, _, value in named)
        starts, ends = data.get(f"starts_{n}"), data.get(f"ends_{n}")
        hours = Hours(ZoneInfo(self.zone), ALL_DAYS, starts, ends) if starts and ends else None
        return self._kept(n, Step(targets, timedelta(minutes=data[f"delay_{n}"]), hours))

    def _kept(self, n: int, step: Step) -> Step:
        """What the page has no field for stays as it was, where what it shows wasn't changed: days, further targets."""
        if n >= len(self.current.steps):
            return step
        former, hours, targets = self.current.steps[n], step.hours, step.targets
        if hours and former.hours and (hours.starts, hours.ends) == (former.hours.starts, former.hours.ends):
            hours = former.hours
        if targets == former.targets[:2]:
            targets = former.targets
        return Step(targets, step.delay, hours)

    def steps(self) -> list[dict[str, Any]]:
        """The fields of each step, for the page; empty ones at the end are folded away."""
        return [
            {
                "fields": [self[f"{name}_{n}"] for name in ("first", "second", "delay")],
                "hours": [self[f"{name}_{n}"] for name in ("starts", "ends")],
                "has_hours": bool(self[f"starts_{n}"].value() or self[f"starts_{n}"].errors),
                "is_empty": not (self[f"first_{n}"].value() or self[f"delay_{n}"].errors),
            }
            for n in range(self.count)
        ]
