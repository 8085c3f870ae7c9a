"""What is done to several rows at once: after a page that says to how many and to which, and asks why.

Each row goes through the product's own action. If one refuses, none is changed: the request is one transaction.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.errors import Refused

MOST_AT_ONCE = 200

# Gets the admin class, the request, one row, and why.
Act = Callable[[Any, Any, Any, str], object]


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=200, label="Why", help_text="Stands in the audit trail, beside your name.", required=True
    )


def confirmed(description: str, *, happens: str) -> Callable[[Act], Any]:
    """An action of a list. ``description`` names it in the menu, ``happens`` says what each chosen row comes to."""

    def decorate(act: Act) -> Any:
        @admin.action(description=description, permissions=["view"])
        @wraps(act)
        def run(owner: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            rows = list(queryset[: MOST_AT_ONCE + 1])
            if len(rows) > MOST_AT_ONCE:
                raise Refused("too_many", f"At most {MOST_AT_ONCE} at once; choose fewer, or filter the list first.")
            form = ReasonForm(request.POST if "confirmed" in request.POST else None)
            if not form.is_valid():
                return _ask(owner, request, rows, form, description, happens)
            for row in rows:
                act(owner, request, row, form.cleaned_data["reason"])
            owner.message_user(request, f"Done, for {len(rows)}. {description}.", messages.SUCCESS)
            return None

        return run

    return decorate


def _ask(
    owner: Any, request: HttpRequest, rows: list[Any], form: ReasonForm, description: str, happens: str
) -> HttpResponse:
    context = {
        **owner.admin_site.each_context(request),
        "title": description.partition(":")[0],
        "opts": owner.opts,
        "rows": rows,
        "action": request.POST["action"],
        "form": form,
        "happens": happens,
    }
    return render(request, "admin/confirm_action.html", context, status=400 if form.errors else 200)
