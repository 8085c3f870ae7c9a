from django.apps import AppConfig


class OwnershipConfig(AppConfig):
    name = "apps.ownership"

    def ready(self) -> None:
        from apps.ownership.alerts import (
            metrics,  # noqa: F401  (registers its gauges)
            sources,  # noqa: F401  (registers what raises alerts)
        )
        from apps.ownership.channels import deliver  # noqa: F401  (registers what sends messages)
        from portal.navigation import Entry, register

        register(Entry("Alerts", "alerts", "bell", order=40))
        register(Entry("On call", "rotas", "phone", order=45))
