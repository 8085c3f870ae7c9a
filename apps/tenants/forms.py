from typing import Any

from django import forms

from apps.tenants.models import SignInProvider
from apps.tenants.roles import Role


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(
        choices=Role.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None makes a plain member, who sees what is granted to them.",
    )


class InviteForm(RolesForm):
    email = forms.EmailField(label="Their e-mail address")
    field_order = ["email", "roles"]


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
