from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BudgetsConfig(AppConfig):
    name = "apps.budgets"

    def ready(self) -> None:
        from apps.budgets import delivery, mailing  # noqa: F401  (registers the outbox handlers)
        from apps.budgets.metered import approval
        from apps.budgets.metered import delivery as metered  # noqa: F401
        from apps.budgets.tiers.access import may_manage
        from apps.tenants.roles import for_frontline
        from portal.navigation import Entry, register

        approval.register()
        register(Entry(_("My usage"), "my_usage", "gauge", order=19, first=for_frontline))
        register(Entry(_("User tiers"), "user_tiers", "users", order=61, shown=may_manage))
