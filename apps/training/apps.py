from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    name = "apps.training"

    def ready(self) -> None:
        from apps.tenants.roles import for_frontline
        from portal.navigation import Entry, register

        register(Entry(_("Training"), "training", "training", order=19, first=for_frontline))
