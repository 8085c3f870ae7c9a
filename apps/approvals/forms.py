from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from apps.approvals.queries import Policy
from apps.approvals.rules import Slot, Verdict
from apps.tenants.roles import APPROVERS, SIGNERS, Role


class SignForm(forms.Form):
    verdict = forms.ChoiceField(choices=[(v.value, v.value) for v in Verdict])
    seen = forms.CharField(max_length=64)
    comment = forms.CharField(max_length=2_000, required=False)
    acting_for = forms.UUIDField(required=False)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, required=False)
    seen = forms.CharField(max_length=64, required=False)


class DelegationForm(forms.Form):
    """Whole days in the tenant's zone: from the beginning of the first to the end of the last."""

    delegate = forms.ChoiceField(label="Who stands in for you")
    roles = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="With which of your roles")
    first_day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), help_text="30 days at most.")
    reason = forms.CharField(max_length=500)

    def __init__(self, *args: Any, members: list[tuple[str, str]], roles: frozenset[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["delegate"].choices = members  # type: ignore[attr-defined]
        self.fields["roles"].choices = [(role, Role(role).label) for role in sorted(roles & APPROVERS)]  # type: ignore[attr-defined]

    def span(self, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
        first, last = self.cleaned_data["first_day"], self.cleaned_data["last_day"]
        starts = datetime.combine(first, time(), zone)
        ends = datetime.combine(last + timedelta(days=1), time(), zone)
        # Today has begun already.
        return (now if starts < now < ends and starts > now - timedelta(days=1) else starts), ends


class SlotForm(forms.Form):
    """One slot; an empty name leaves the row out."""

    name = forms.CharField(max_length=60, required=False)
    roles = forms.MultipleChoiceField(
        choices=[(role.value, role.value.replace("_", " ")) for role in Role if role in SIGNERS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    count = forms.IntegerField(min_value=1, max_value=9, required=False, label="People")
    team = forms.ChoiceField(required=False, label="Of the team")
    committee = forms.BooleanField(required=False, label="By committee vote")

    def __init__(self, *args: Any, teams: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].choices = [("", "any"), *teams]  # type: ignore[attr-defined]

    def slot(self, before: dict[str, Slot]) -> Slot | None:
        data = self.cleaned_data
        if not data.get("name"):
            return None
        known = before.get(data["name"])
        return Slot(
            name=data["name"],
            roles=frozenset(data["roles"]),
            count=data["count"] or 1,
            depends=known.depends if known else frozenset(),
            team=data["team"],
            committee=data["committee"],
            chair=known.chair if known else "",
        )

    @staticmethod
    def initial_of(slot: Slot) -> dict[str, Any]:
        return {
            "name": slot.name,
            "roles": sorted(slot.roles),
            "count": slot.count,
            "team": slot.team,
            "committee": slot.committee,
        }


class PolicyForm(forms.Form):
    pending_days = forms.IntegerField(min_value=1, label="Days that a request stays open")
    granted_days = forms.IntegerField(min_value=1, label="Days that an approval holds")
    target_hours = forms.IntegerField(min_value=1, label="Hours until a request counts as late")
    reason = forms.CharField(max_length=500, label="Why")
    revision = forms.IntegerField(widget=forms.HiddenInput)


Slots = forms.formset_factory(SlotForm, extra=2, max_num=10, validate_max=True, absolute_max=16)


class WholePolicyForm:
    """A policy with its slots; without ``data`` as it is in force."""

    def __init__(self, data: Any, *, policy: Policy, teams: list[tuple[str, str]]) -> None:
        self.policy = policy
        initial = {
            "pending_days": policy.pending_days,
            "granted_days": policy.granted_days,
            "target_hours": policy.target_hours,
            "revision": policy.revision,
        }
        self.head = PolicyForm(data, initial=initial)
        self.slots = Slots(
            data,
            prefix="slot",
            initial=[SlotForm.initial_of(slot) for slot in policy.slots],
            form_kwargs={"teams": teams},
        )

    def is_valid(self) -> bool:
        head, slots = self.head.is_valid(), self.slots.is_valid()
        return head and slots

    def values(self) -> dict[str, Any]:
        before = {slot.name: slot for slot in self.policy.slots}
        data = dict(self.head.cleaned_data)
        data["expected_revision"] = data.pop("revision")
        return {**data, "slots": [slot for form in self.slots if (slot := form.slot(before))]}
