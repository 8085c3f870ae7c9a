from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        from portal.tenancy import checks  # noqa: F401  (registers the system checks)
        from portal.tenancy.grants import grant_global_tables
        from portal.tenancy.roles import on_connection_created

        connection_created.connect(on_connection_created)
        post_migrate.connect(grant_global_tables, sender=self)
