"""What senders of alerts say, read strictly: Alertmanager's webhook 4, PagerDuty's Events v2, our own. Pure.

Whatever is wrong is named with its place, and nothing is guessed, but for a severity that we don't know: an alert
with a strange word in it has to wake somebody all the same.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from portal.errors import Invalid

LONGEST_KEY, LONGEST_SUMMARY, MOST_MEMBERS = 255, 1_024, 5_000
ZERO = datetime(1, 1, 1, tzinfo=UTC)
_SEVERITIES = {
    "critical": "critical",
    "page": "critical",
    "fatal": "critical",
    "emergency": "critical",
    "error": "error",
    "high": "error",
    "major": "error",
    "warning": "warning",
    "warn": "warning",
    "minor": "warning",
    "info": "info",
    "information": "info",
    "none": "info",
    "low": "info",
}
_ORDER = ("critical", "error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Member:
    fingerprint: str
    labels: dict[str, str]
    started: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """One message of Alertmanager. ``truncated`` members weren't sent: nothing is known of them."""

    key: str
    is_resolved: bool
    summary: str
    severity: str
    workload: str
    link: str
    truncated: int
    members: tuple[Member, ...]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the other two. ``action`` is trigger, acknowledge or resolve; ``key`` may be empty for a trigger."""

    action: str
    key: str
    summary: str = ""
    severity: str = "error"
    workload: str = ""
    link: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def document(body: bytes) -> dict[str, Any]:
    """
    Raises:
        Invalid: no JSON object.
    """
    try:
        # Decoded strictly: the JSON reader itself would let halves of characters pass.
        found = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Invalid("not_json", "The body has to be JSON.") from error
    if not isinstance(found, dict):
        raise Invalid("not_json", "The body has to be a JSON object.")
    if not _is_storable(body, found):
        raise Invalid("unstorable", "The body holds a NUL or half of a character, which can't be stored.")
    return found


def alertmanager(sent: Mapping[str, Any]) -> Group:
    """Alertmanager's webhook, version 4."""
    if sent.get("version") != "4":
        raise Invalid("version", "This is Alertmanager's webhook of version 4; another was sent.")
    key, status = _text(sent, "groupKey", needed=True), _text(sent, "status")
    if status not in {"firing", "resolved"}:
        raise Invalid("status", "status is firing or resolved.")
    alerts = sent.get("alerts")
    if not isinstance(alerts, list) or len(alerts) > MOST_MEMBERS:
        raise Invalid("alerts", f"alerts is a list of at most {MOST_MEMBERS}.")
    members = tuple(_member(each, n) for n, each in enumerate(alerts))
    labels, group, notes = (_labels(sent, f"{name}") for name in ("commonLabels", "groupLabels", "commonAnnotations"))
    truncated = sent.get("truncatedAlerts", 0)
    if not isinstance(truncated, int) or truncated < 0:
        raise Invalid("truncatedAlerts", "truncatedAlerts is a number.")
    said = [severity(m.labels.get("severity", "")) for m in members if m.ended is None]
    return Group(
        key=key if len(key) <= LONGEST_KEY else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}",
        is_resolved=status == "resolved",
        summary=(notes.get("summary") or notes.get("description") or _named({**group, **labels}))[:LONGEST_SUMMARY],
        severity=min(said, key=_ORDER.index) if said else severity(labels.get("severity", "")),
        workload=labels.get("workload", ""),
        link=_text(sent, "externalURL")[:500],
        truncated=truncated,
        members=members,
        details={name: value[:300] for name, value in list(labels.items())[:20]},
    )


def pagerduty(sent: Mapping[str, Any]) -> Event:
    """PagerDuty's Events API v2, but for the routing key, which says where it goes."""
    action = _text(sent, "event_action", needed=True)
    if action not in {"trigger", "acknowledge", "resolve"}:
        raise Invalid("event_action", "event_action is trigger, acknowledge or resolve.")
    key = _key(sent, "dedup_key", needed=action != "trigger")
    if action != "trigger":
        return Event(action, key)
    payload = sent.get("payload")
    if not isinstance(payload, dict):
        raise Invalid("payload", "A trigger has a payload with summary, source and severity.")
    summary, said = _text(payload, "summary", needed=True), _text(payload, "severity", needed=True)
    _text(payload, "source", needed=True)
    if said not in _ORDER:
        raise Invalid("payload.severity", f"payload.severity is one of {', '.join(_ORDER)}.")
    custom = payload.get("custom_details")
    custom = custom if isinstance(custom, dict) else {}
    kept = {name: payload[name] for name in ("source", "component", "group", "class") if payload.get(name)}
    links = sent.get("links")
    first = links[0] if isinstance(links, list) and links and isinstance(links[0], dict) else {}
    return Event(
        action,
        key,
        summary=summary[:LONGEST_SUMMARY],
        severity=said,
        workload=str(custom.get("workload", ""))[:60],
        link=str(first.get("href") or sent.get("client_url") or "")[:500],
        details=_details({**kept, **custom}),
    )


def own(sent: Mapping[str, Any]) -> Event:
    """Our own: ``action``, ``key``, ``summary``, ``severity``, ``workload``, ``link``, ``details``."""
    action = _text(sent, "action", needed=True)
    if action not in {"trigger", "acknowledge", "resolve"}:
        raise Invalid("action", "action is trigger, acknowledge or resolve.")
    key = _key(sent, "key", needed=action != "trigger")
    if action != "trigger":
        return Event(action, key)
    said = _text(sent, "severity") or "error"
    if said not in _ORDER:
        raise Invalid("severity", f"severity is one of {', '.join(_ORDER)}.")
    details = sent.get("details", {})
    if not isinstance(details, dict):
        raise Invalid("details", "details is an object.")
    return Event(
        action,
        key,
        summary=_text(sent, "summary", needed=True)[:LONGEST_SUMMARY],
        severity=said,
        workload=_text(sent, "workload")[:60],
        link=_text(sent, "link")[:500],
        details=_details(details),
    )


def severity(word: str) -> str:
    """One of our four; a word that we don't know is an error."""
    return _SEVERITIES.get(word.strip().lower(), "error")


def _is_storable(body: bytes, found: Any) -> bool:
    if b"\\u0000" in body:
        return False
    if b"\\ud" not in body.lower():
        return True
    try:
        return bool(json.dumps(found, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False


def _member(sent: Any, n: int) -> Member:
    if not isinstance(sent, dict):
        raise Invalid(f"alerts[{n}]", f"alerts[{n}] is an object.")
    labels = _labels(sent, "labels")
    status = sent.get("status")
    if status not in {"firing", "resolved"}:
        raise Invalid(f"alerts[{n}].status", f"alerts[{n}].status is firing or resolved.")
    started = _instant(sent, "startsAt", n) or ZERO
    ended = _instant(sent, "endsAt", n) if status == "resolved" else None
    printed = sent.get("fingerprint") or hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]
    return Member(str(printed)[:64], labels, started, (ended or started) if status == "resolved" else None)


def _instant(sent: Mapping[str, Any], name: str, n: int) -> datetime | None:
    text = sent.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Invalid(f"alerts[{n}].{name}", f"alerts[{n}].{name} is an instant like 2026-11-20T09:30:00Z.") from error
    if at.year == 1:
        return None
    if not 1900 < at.year < 9000:
        raise Invalid(f"alerts[{n}].{name}", f"alerts[{n}].{name} is no instant that anybody means.")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _labels(sent: Mapping[str, Any], name: str) -> dict[str, str]:
    found = sent.get(name) or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Invalid(name, f"{name} is an object of texts.")
    return found


def _named(labels: Mapping[str, str]) -> str:
    name = labels.get("alertname", "Alert")
    rest = ", ".join(f"{k}={v}" for k, v in sorted(labels.items()) if k not in {"alertname", "severity"})
    return f"{name} ({rest})" if rest else name


def _key(sent: Mapping[str, Any], name: str, *, needed: bool) -> str:
    key = _text(sent, name, needed=needed)
    if len(key) > LONGEST_KEY:
        raise Invalid(name, f"{name} has at most {LONGEST_KEY} characters.")
    return key


def _text(sent: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    found = sent.get(name)
    if found is None or found == "":
        if needed:
            raise Invalid(name, f"{name} is missing.")
        return ""
    if not isinstance(found, str):
        raise Invalid(name, f"{name} is a text.")
    return found


def _details(found: Mapping[str, Any]) -> dict[str, Any]:
    """Twenty short ones: enough to act on, too little to flood a page."""
    plain = (int, float, bool)
    kept = list(found.items())[:20]
    return {str(name)[:60]: value if isinstance(value, plain) else str(value)[:300] for name, value in kept}
