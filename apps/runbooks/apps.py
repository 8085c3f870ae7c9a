from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "apps.runbooks"

    def ready(self) -> None:
        from portal.navigation import Entry, register

        register(Entry("Runbooks", "runbooks", "runbook", order=50))
