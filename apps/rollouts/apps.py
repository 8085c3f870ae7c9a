from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RolloutsConfig(AppConfig):
    name = "apps.rollouts"

    def ready(self) -> None:
        from apps.rollouts import (
            approval,
            costs,  # noqa: F401  (registers the condition of a cost gate)
            gates,  # noqa: F401  (registers its sources, its flag and the start condition)
            oncall,  # noqa: F401  (registers the condition that somebody answers)
            training,  # noqa: F401  (registers the condition of phases by cohort)
        )
        from apps.tenants.roles import OWNERS
        from portal.navigation import Entry, for_roles, register

        approval.register()
        register(Entry(_("Rollouts"), "rollouts", "rollout", order=30, first=for_roles(*OWNERS)))
