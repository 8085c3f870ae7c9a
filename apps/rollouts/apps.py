from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "apps.rollouts"

    def ready(self) -> None:
        from apps.rollouts import delivery  # noqa: F401  (registers the outbox handlers)
