from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkspaceConfig(AppConfig):
    name = "apps.workspace"

    def ready(self) -> None:
        from apps.workspace import delivery  # noqa: F401  (registers what is told about approvals)
        from portal.navigation import Entry, register

        register(Entry(_("Home"), "tenant_home", "home", order=10, first=lambda actor: True))
