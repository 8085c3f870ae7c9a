from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PricingConfig(AppConfig):
    name = "apps.pricing"

    def ready(self) -> None:
        from apps.pricing.access import may_read
        from apps.tenants.roles import Role
        from portal.navigation import Entry, for_roles, register

        register(Entry(_("Prices"), "prices", "coins", order=60, first=for_roles(Role.FINANCE), shown=may_read))
