from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "apps.events"

    def ready(self) -> None:
        from apps.events import metrics  # noqa: F401  (registers its gauges)
        from apps.events.access import may_manage
        from portal.navigation import Entry, register

        register(Entry(_("Events"), "event_subscriptions", "webhook", order=85, shown=may_manage))
