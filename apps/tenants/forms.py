from typing import Any

from django import forms
from django.utils.text import slugify

from apps.accounts.models import LONGEST_ADDRESS
from apps.tenants import importing
from apps.tenants.models import SignInProvider
from apps.tenants.roles import Role
from portal.errors import Invalid


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None makes a plain member, who sees what is granted to them.",
    )


class InviteForm(RolesForm):
    email = forms.EmailField(max_length=LONGEST_ADDRESS, label="Their e-mail address")
    field_order = ["email", "roles"]


class NewTenantForm(forms.Form):
    slug = forms.SlugField(
        max_length=40, label="Its address", help_text="Letters, digits and dashes, for /t/<address>/."
    )
    name = forms.CharField(max_length=100, label="Its name")
    time_zone = forms.CharField(
        max_length=64,
        initial="Europe/Berlin",
        label="Its time zone",
        help_text="Like Europe/Berlin: when its days, months and quarters begin.",
    )
    reason = forms.CharField(max_length=300, label="Why", help_text="Stands in its audit trail, beside your name.")


class FirstAdminForm(forms.Form):
    email = forms.EmailField(
        max_length=LONGEST_ADDRESS,
        label="Their e-mail address",
        help_text="They get a link that counts once, for seven days.",
    )


class TeamsForm(forms.Form):
    teams = forms.CharField(
        max_length=2_000, widget=forms.Textarea(attrs={"rows": 5}), label="Teams", help_text="A name a line."
    )

    def clean_teams(self) -> list[tuple[str, str]]:
        """Each team's address, made from its name, and its name."""
        names = [line.strip() for line in self.cleaned_data["teams"].splitlines() if line.strip()]
        found = [(slugify(name)[:40], name) for name in names]
        if wrong := [name for slug, name in found if not slug or len(name) > 100]:
            raise forms.ValidationError(f"{wrong[0][:60]!r} gives no address: use letters, at most a hundred.")
        return found


class ImportForm(forms.Form):
    text = forms.CharField(
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        label="People",
        help_text="A line each: the address, then the roles, separated by commas, like "
        f"ada@example.com, {Role.WORKLOAD_OWNER}. The roles are {', '.join(Role.values)}.",
    )
    file = forms.FileField(required=False, label="Or a CSV file of the same")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        file = data.get("file")
        if file is not None and file.size > 1_000_000:
            raise forms.ValidationError("The file is larger than a megabyte; that isn't a list of people.")
        try:
            text = file.read().decode("utf-8-sig") if file else data.get("text", "")
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file isn't text in UTF-8; save it as CSV in UTF-8.") from error
        try:
            return {**data, "lines": importing.read(text)}
        except Invalid as error:
            raise forms.ValidationError(error.message) from error


class AcceptForm(forms.Form):
    name = forms.CharField(max_length=150, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        max_length=200,
        strip=False,
        help_text="At least twelve characters. Four uncommon words do well.",
    )


class ProviderForm(forms.Form):
    issuer = forms.URLField(
        max_length=300, assume_scheme="https", help_text="As the provider writes it, like https://login.example.com."
    )
    client_id = forms.CharField(max_length=200, label="Client id")
    client_secret = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        label="Client secret",
        help_text="Sealed when it is stored and never shown. Empty keeps the one that is stored.",
    )
    domains = forms.CharField(
        max_length=1_000, help_text="Of your people's addresses, separated by commas, like example.com."
    )
    enforces_mfa = forms.BooleanField(
        required=False,
        label="It asks everybody for a second factor",
        help_text="Then who comes through it may sign approvals. Otherwise its token has to say so (amr or acr).",
    )
    is_only_way = forms.BooleanField(
        required=False,
        label="It is the only way in",
        help_text="Passwords then open this tenant to its admins alone, who have to get in when the provider fails.",
    )

    @staticmethod
    def initial_of(found: SignInProvider | None) -> dict[str, Any]:
        if found is None:
            return {}
        names = ("issuer", "client_id", "enforces_mfa", "is_only_way")
        return {"domains": ", ".join(found.domains), **{name: getattr(found, name) for name in names}}

    def values(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        return {**data, "domains": data["domains"].split(",")}


class AddressForm(forms.Form):
    tenant = forms.SlugField(max_length=40, label="Your tenant's address", help_text="As in /t/<address>/.")
