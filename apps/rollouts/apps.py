from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    name = "apps.rollouts"

    def ready(self) -> None:
        from apps.rollouts import (
            approval,
            gates,  # noqa: F401  (registers its sources, its flag and the start condition)
            oncall,  # noqa: F401  (registers the condition that somebody answers)
            training,  # noqa: F401  (registers the condition of phases by cohort)
        )
        from portal.navigation import Entry, register

        approval.register()
        register(Entry("Home", "tenant_home", "home", order=10))
        register(Entry("Rollouts", "rollouts", "rollout", order=30))
