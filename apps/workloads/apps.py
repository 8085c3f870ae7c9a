from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkloadsConfig(AppConfig):
    name = "apps.workloads"

    def ready(self) -> None:
        from apps.tenants.roles import OWNERS, Role
        from apps.workloads.views import may_manage_tokens
        from portal.navigation import Entry, for_roles, register

        register(
            Entry(
                _("Workloads"),
                "workloads",
                "layers",
                order=20,
                first=for_roles(*OWNERS, Role.ADMIN, Role.GOVERNANCE, Role.AUDITOR),
            )
        )
        register(Entry(_("Tokens"), "tokens", "key", order=80, first=for_roles(Role.ADMIN), shown=may_manage_tokens))
