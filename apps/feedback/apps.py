from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedbackConfig(AppConfig):
    name = "apps.feedback"

    def ready(self) -> None:
        from apps.feedback import (
            delivery,  # noqa: F401  (registers what is told to whom)
            live_support,  # noqa: F401  (registers the start condition of ROLL-10)
        )
        from apps.tenants.roles import for_frontline
        from portal.navigation import Entry, register

        register(Entry(_("Feedback"), "my_reports", "feedback", order=18, first=for_frontline))
