from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "apps.approvals"

    def ready(self) -> None:
        from apps.approvals import delivery  # noqa: F401  (registers the outbox handlers)
        from portal.navigation import Entry, register

        register(Entry("Approvals", "approvals", "approval", order=40))
