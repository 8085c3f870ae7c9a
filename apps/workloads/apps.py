from django.apps import AppConfig


class WorkloadsConfig(AppConfig):
    name = "apps.workloads"

    def ready(self) -> None:
        from apps.workloads.views import may_manage_tokens
        from portal.navigation import Entry, register

        register(Entry("Workloads", "workloads", "layers", order=20))
        register(Entry("Tokens", "tokens", "key", order=80, shown=may_manage_tokens))
