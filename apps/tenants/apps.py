from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "apps.tenants"

    def ready(self) -> None:
        from apps.tenants import delivery  # noqa: F401  (registers what sends invitations)
        from apps.tenants.views import may_manage_members
        from portal.navigation import Entry, register

        register(Entry("People", "people", "users", order=70, shown=may_manage_members))
