from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RunbooksConfig(AppConfig):
    name = "apps.runbooks"

    def ready(self) -> None:
        from portal.navigation import Entry, register

        register(Entry(_("Runbooks"), "runbooks", "runbook", order=50))
