from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "apps.training"

    def ready(self) -> None:
        from portal.navigation import Entry, register

        register(Entry("Training", "training", "training", order=60))
