"""What Prometheus is told of paging: how late pages are, and what is overdue (2.4, 3). No tenant is named."""

from datetime import timedelta
from statistics import quantiles

from django.utils import timezone
from prometheus_client import Gauge

from apps.ownership.alerts.auditor import GRACE
from apps.ownership.models import Alert, Notification
from apps.ownership.models.alerts import AlertState
from apps.ownership.models.channels import SendState
from portal.health import on_scrape
from portal.tenancy.context import platform_work

LATELY, MOST = timedelta(hours=1), 10_000
OPEN = Gauge("causeway_alerts_triggered", "Open alerts that nobody has")
OVERDUE = Gauge("causeway_alerts_overdue", "Alerts that have been due for over a minute")
WAITING = Gauge("causeway_pages_overdue", "Pages that have been due for over a minute")
LATENESS = Gauge(
    "causeway_pages_lateness_seconds", "From when a page was due until it went out, last hour", ["quantile"]
)


@on_scrape
def scrape() -> None:
    now = timezone.now()
    with platform_work("metrics") as alias:
        alerts, pages = Alert.objects.using(alias), Notification.objects.using(alias)
        OPEN.set(alerts.filter(state=AlertState.TRIGGERED, is_quiet=False).values("id").count())
        OVERDUE.set(alerts.filter(due_at__lt=now - GRACE).values("id").count())
        WAITING.set(pages.filter(state=SendState.PENDING, due_at__lt=now - GRACE).values("id").count())
        sent = pages.filter(sent_at__gt=now - LATELY, channel_id__isnull=False).order_by("-sent_at")
        late = [(at - due_at).total_seconds() for at, due_at in sent.values_list("sent_at", "due_at")[:MOST] if at]
    LATENESS.clear()
    if len(late) > 1:
        cuts = quantiles(late, n=100)
        for name, value in (("0.5", cuts[49]), ("0.99", cuts[98])):
            LATENESS.labels(name).set(max(0.0, value))
