from django.apps import AppConfig


class OwnershipConfig(AppConfig):
    name = "apps.ownership"

    def ready(self) -> None:
        from portal.navigation import Entry, register

        register(Entry("On call", "rotas", "phone", order=45))
