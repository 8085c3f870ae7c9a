from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BudgetsConfig(AppConfig):
    name = "apps.budgets"

    def ready(self) -> None:
        from apps.budgets import delivery  # noqa: F401  (registers the outbox handlers)
        from apps.tenants.roles import for_frontline
        from portal.navigation import Entry, register

        register(Entry(_("My usage"), "my_usage", "gauge", order=19, first=for_frontline))
