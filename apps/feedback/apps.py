from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "apps.feedback"

    def ready(self) -> None:
        from apps.feedback import (
            delivery,  # noqa: F401  (registers what is told to whom)
            live_support,  # noqa: F401  (registers the start condition of ROLL-10)
        )
        from portal.navigation import Entry, register

        register(Entry("Feedback", "my_reports", "feedback", order=20))
