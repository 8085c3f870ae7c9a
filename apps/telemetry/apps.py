from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "apps.telemetry"

    def ready(self) -> None:
        from apps.budgets.usage.swaps import register
        from apps.telemetry.swaps import verdicts

        register(verdicts)
