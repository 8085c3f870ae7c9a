from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "apps.dispatch"

    def ready(self) -> None:
        from apps.dispatch import readback  # noqa: F401  (registers the read-back)
