"""How figures, states and instants look, everywhere the same."""

from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.contrib.messages.storage.base import Message
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import undo
from portal.charts import SIGNS, Chart, Tone

register = template.Library()

_TONE: dict[str, Tone] = {
    "running": "ok",
    "completed": "ok",
    "held": "warn",
    "awaiting_approval": "warn",
    "rolling_back": "stop",
    "rolled_back": "stop",
    "pass": "ok",
    "warn": "warn",
    "passed": "ok",
    "failed": "stop",
    "aborted": "warn",
    "waived": "warn",
    "fail": "stop",
    "stale": "stop",
    "not_reported": "warn",
    "imported": "ok",
    "refused": "stop",
    "breach": "stop",
    "unhealthy": "stop",
    "error": "stop",
    "no_data": "warn",
    "insufficient_data": "warn",
    "inconclusive": "warn",
    "pending": "warn",
    "granted": "ok",
    "rejected": "stop",
    "expired": "stop",
    "fallen": "stop",
    "break_glass": "stop",
    "triggered": "stop",
    "firing": "stop",
    "acknowledged": "warn",
    "resolved": "ok",
    "critical": "stop",
    "warning": "warn",
    "pause": "stop",
    "controlled": "warn",
    "new": "warn",
    "fixed": "ok",
    "authorize": "ok",
}


@register.simple_tag
def badge(word: str, label: str = "") -> SafeString:
    """A state, a verdict or a posture as a pill with a sign."""
    tone = _TONE.get(word, "")
    return format_html(
        '<span class="badge {}"><span aria-hidden="true">{}</span>{}</span>', tone, SIGNS[tone], label or _words(word)
    )


@register.inclusion_tag("charts/figure.html", takes_context=True)
def chart(context: Context, drawn: Chart) -> dict[str, Any]:
    """A chart of :mod:`portal.charts`: its sentence, its drawing, and its data as a table."""
    return {"chart": drawn, "now": context.get("now"), "reader_zone": context.get("reader_zone")}


@register.inclusion_tag("partials/banner.html", takes_context=True)
def banner(context: Context, message: Message) -> dict[str, Any]:
    """What was done; with a button where it can be undone (:mod:`portal.undo`)."""
    return {"message": message, "offer": undo.offered(message), "csrf_token": context.get("csrf_token")}


@register.simple_tag
def rule(number: str) -> SafeString:
    """The rule that a sentence rests on, as the documentation numbers it."""
    return format_html('<span class="rule" title="The rule that this rests on">{}</span>', number)


@register.filter
def share(basis_points: int | None) -> str:
    """500 is 5 %."""
    return "" if basis_points is None else f"{basis_points / 100:g}\u202f%"


@register.filter
def rate(value: float | None) -> str:
    """0.0123 is 1.23 %."""
    return "–" if value is None else f"{value * 100 if value > 1e-6 else 0:.3g}\u202f%"


@register.filter
def said(value: object) -> object:
    """An answer as a person gave it: yes and no are words."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


@register.filter
def words(name: str) -> str:
    return _words(name)


@register.filter
def weekday(number: int) -> str:
    """0 is Monday."""
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[number]


@register.filter
def seconds(value: float | None) -> str:
    """A length of time in its two largest units."""
    if value is None:
        return "–"
    left = round(value)
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if left >= size or (name == "s" and not parts):
            parts.append(f"{left // size}\u202f{name}")
            left %= size
    return " ".join(parts[:2])


@register.simple_tag(takes_context=True)
def instant(context: Context, at: datetime | None, now: datetime | None = None) -> SafeString:
    """An instant on the reader's own clock; with ``now`` also how far from it: "5 min ago (14:02)"."""
    if at is None:
        return SafeString("–")
    zone = _zone(context)
    there = at.astimezone(zone)
    exact = f"{there:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    shown = f"{exact} {there:%Z}" if now is None else f"{_apart(at, now)} ({_short(there, now.astimezone(zone))})"
    return format_html('<time datetime="{}" title="{} {}">{}</time>', at.isoformat(), exact, zone, shown)


def _zone(context: Context) -> tzinfo:
    """The reader's zone, from :func:`portal.pages.context`; UTC where there is no reader."""
    found = context.get("reader_zone")
    return found() if callable(found) else found or ZoneInfo("UTC")


def _apart(at: datetime, now: datetime) -> str:
    length = seconds(abs((now - at).total_seconds()))
    return f"{length} ago" if at <= now else f"in {length}"


def _short(there: datetime, now: datetime) -> str:
    """As much of it as differs from now: the time, the day, the year."""
    if there.date() == now.date():
        return f"{there:%H:%M}"
    return f"{there.day} {there:%b %H:%M}" if there.year == now.year else f"{there.day} {there:%b %Y %H:%M}"


@register.simple_tag
def local(at: datetime, zone: str) -> SafeString:
    """An instant on somebody's own clock, with a sign at night (22 to 7)."""
    there = at.astimezone(ZoneInfo(zone))
    night = there.hour >= 22 or there.hour < 7
    sign = SafeString(' <span title="night there">☾</span>') if night else ""
    return format_html('<time datetime="{}" title="{}">{}</time>{}', at.isoformat(), zone, f"{there:%a %H:%M}", sign)


def _words(name: str) -> str:
    return name.replace("_", " ")
