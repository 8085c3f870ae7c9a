from django.apps import AppConfig


class BudgetsConfig(AppConfig):
    name = "apps.budgets"

    def ready(self) -> None:
        from apps.budgets import delivery  # noqa: F401  (registers the outbox handlers)
