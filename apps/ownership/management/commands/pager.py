"""Run the pager: alerts climb and pages go out, with or without a broker."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from apps.ownership.alerts.pager import Pager
from portal.health import refuse_wrong_roles


class Command(BaseCommand):
    help = "Moves alerts and delivers messages until it is told to stop. Run one or more beside web and workers."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_wrong_roles()
        pager = Pager()

        def stop(number: int, frame: FrameType | None) -> None:
            pager.stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        pager.run()
