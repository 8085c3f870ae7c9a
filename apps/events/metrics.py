"""What Prometheus is told of events out. No tenant is named."""

from django.utils import timezone
from prometheus_client import Gauge

from apps.events import queries
from apps.events.models import State
from portal.health import on_scrape

SUBSCRIPTIONS = Gauge("causeway_event_subscriptions", "Subscriptions to events", ["state"])
DUE = Gauge("causeway_event_subscriptions_due", "Those with something to be sent that nobody works on just now")


@on_scrape
def scrape() -> None:
    found = queries.states()
    for state in State.values:
        SUBSCRIPTIONS.labels(state).set(found.get(state, 0))
    DUE.set(queries.due_count(timezone.now()))
