from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApprovalsConfig(AppConfig):
    name = "apps.approvals"

    def ready(self) -> None:
        from apps.tenants.roles import APPROVERS
        from portal.navigation import Entry, for_roles, register

        register(Entry(_("Approvals"), "approvals", "approval", order=15, first=for_roles(*APPROVERS)))
