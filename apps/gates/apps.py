from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "apps.gates"

    def ready(self) -> None:
        from apps.gates import approval, delivery  # noqa: F401  (registers the outbox handlers)

        approval.register()
