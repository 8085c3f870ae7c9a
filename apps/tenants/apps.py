from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    name = "apps.tenants"

    def ready(self) -> None:
        from apps.tenants import delivery  # noqa: F401  (registers what sends invitations)
        from apps.tenants.roles import Role
        from apps.tenants.views import may_manage_members
        from portal.navigation import Entry, for_roles, register

        register(Entry(_("People"), "people", "users", order=70, first=for_roles(Role.ADMIN), shown=may_manage_members))
