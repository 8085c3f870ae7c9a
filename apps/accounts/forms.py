from django import forms


class EmailForm(forms.Form):
    address = forms.EmailField(label="Your new address", widget=forms.EmailInput(attrs={"autocomplete": "email"}))
