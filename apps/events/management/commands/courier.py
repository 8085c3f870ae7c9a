"""Run the courier: events go out to those who subscribed to them."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from apps.events.courier import Courier
from portal.health import refuse_wrong_roles


class Command(BaseCommand):
    help = "Takes events to their receivers until it is told to stop. Run one or more beside web and workers."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_wrong_roles()
        courier = Courier()

        def stop(number: int, frame: FrameType | None) -> None:
            courier.stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        courier.run()
