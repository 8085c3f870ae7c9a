from django import forms

from apps.accounts.models import LONGEST_ADDRESS


class EmailForm(forms.Form):
    address = forms.EmailField(
        max_length=LONGEST_ADDRESS, label="Your new address", widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
