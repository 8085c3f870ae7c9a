"""The words of messages, from the rows that they are about."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from apps.ownership.alerts import links
from apps.ownership.channels.render import SIGNS, Message
from apps.ownership.models import Alert, Channel, Notification
from apps.tenants.models import Tenant


def of(intent: Notification, tenant: Tenant, now: datetime) -> Message:
    """What an intent says now."""
    alert = intent.alert
    assert alert is not None, "only what an alert says leaves the product"
    shown = [("Look at it", absolute(reverse("alert", args=[tenant.slug, alert.id])))]
    if intent.person_id is not None:
        shown.insert(0, ("Acknowledge", absolute(reverse("alert_link", args=[links.make(intent)]))))
    if alert.link:
        shown.append(("Evidence", absolute(alert.link)))
    return Message(
        title=title(alert, tenant),
        lines=tuple(_lines(alert, now)),
        links=tuple(shown),
        type="causeway.alert.page",
        subject=str(alert.id),
        data={
            "alert": str(alert.id),
            "severity": alert.severity,
            "state": alert.state,
            "workload": alert.workload.key if alert.workload else None,
            "team": alert.team.slug if alert.team else None,
            "occurrences": alert.occurrences,
            "is_simulated": alert.is_simulated,
            "round": alert.round,
            "entry": intent.entry,
        },
    )


def title(alert: Alert, tenant: Tenant) -> str:
    drill = "DRILL " if alert.is_simulated else ""
    about = f"{alert.workload.key}: " if alert.workload else ""
    return f"{drill}[{SIGNS[alert.severity]}] {about}{alert.summary[:150]} ({tenant.name})"


def _lines(alert: Alert, now: datetime) -> list[str]:
    lines = [alert.summary, f"Since {alert.created_at:%Y-%m-%d %H:%M:%S} UTC, said {alert.occurrences} times."]
    if alert.is_simulated:
        lines.append("This is a drill: acknowledge it as if it were real.")
    if alert.workload:
        lines.append(f"Workload {alert.workload.key} {alert.workload.name}.")
    if alert.round:
        lines.append("It was acknowledged before, and the time for that ran out.")
    return [*lines, *(f"{name}: {value}" for name, value in list(alert.details.items())[:8])]


def digest(rows: Sequence[Notification], tenant: Tenant) -> Message:
    lines = [f"{row.created_at:%H:%M} {title(row.alert, tenant)}" for row in rows if row.alert]
    where = (("All alerts", absolute(reverse("alerts", args=[tenant.slug]))),)
    return Message(f"{len(rows)} quiet alerts in the last hour ({tenant.name})", tuple(lines), where)


def verification(channel: Channel, code: str, tenant: Tenant) -> Message:
    where = (("Enter it here", absolute(reverse("my_channels", args=[tenant.slug]))),)
    lines = (f"{code} is the code for “{channel.name}”.", "It counts for half an hour. Not yours? Do nothing.")
    return Message(f"{code} is your Causeway code", lines, where, data={"code": code})


def absolute(path: str) -> str:
    return path if "://" in path else f"{settings.PUBLIC_URL}{path}"
