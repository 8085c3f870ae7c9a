"""How figures, states and instants look, everywhere the same."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# A sign beside each word: colour is never the only difference.
_TONES = {
    "ok": ("ok", "✓"),
    "warn": ("warn", "!"),
    "stop": ("stop", "✕"),
    "": ("", "·"),
}
_STATE_TONE = {
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
    css, sign = _TONES[_STATE_TONE.get(word, "")]
    return format_html(
        '<span class="badge {}"><span aria-hidden="true">{}</span>{}</span>', css, sign, label or _words(word)
    )


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


@register.simple_tag
def instant(at: datetime | None, now: datetime | None = None) -> SafeString:
    """An instant with how long ago it was, exact in the tooltip."""
    if at is None:
        return SafeString("–")
    exact = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    shown = f"{seconds((now - at).total_seconds())} ago" if now is not None and now >= at else exact
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, shown)


@register.simple_tag
def local(at: datetime, zone: str) -> SafeString:
    """An instant on somebody's own clock, with a sign at night (22 to 7)."""
    there = at.astimezone(ZoneInfo(zone))
    night = there.hour >= 22 or there.hour < 7
    sign = SafeString(' <span title="night there">☾</span>') if night else ""
    return format_html('<time datetime="{}" title="{}">{}</time>{}', at.isoformat(), zone, f"{there:%a %H:%M}", sign)


def _words(name: str) -> str:
    return name.replace("_", " ")
