from importlib import import_module

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    default_site = "portal.admin.site.PortalAdminSite"

    def ready(self) -> None:
        super().ready()
        # The kernel's own table and pages, which have no app to be found in.
        import_module("portal.admin.outbox")
        import_module("portal.admin.limits")
