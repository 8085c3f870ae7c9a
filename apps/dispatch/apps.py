from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DispatchConfig(AppConfig):
    name = "apps.dispatch"

    def ready(self) -> None:
        from apps.dispatch import readback  # noqa: F401  (registers the read-back)
        from apps.dispatch.classify.access import may_read
        from apps.dispatch.pilot import actions, presenter  # noqa: F401  (ends with the stage or a start; who answers)
        from portal.navigation import Entry, register

        register(Entry(_("Classifier"), "classifier", "split", order=45, shown=may_read))
        register(Entry(_("Fan-out"), "fan_out", "network", order=44))
