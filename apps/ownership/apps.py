from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OwnershipConfig(AppConfig):
    name = "apps.ownership"

    def ready(self) -> None:
        from apps.ownership.alerts import (
            metrics,  # noqa: F401  (registers its gauges)
            sources,  # noqa: F401  (registers what raises alerts)
        )
        from apps.ownership.channels import deliver  # noqa: F401  (registers what sends messages)
        from apps.tenants.roles import ON_CALL
        from portal.navigation import Entry, for_roles, register

        register(Entry(_("Alerts"), "alerts", "bell", order=16, first=for_roles(*ON_CALL)))
        register(Entry(_("On call"), "rotas", "phone", order=17, first=for_roles(*ON_CALL)))
