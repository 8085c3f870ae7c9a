"""What the real portal has on its books, in the words of the one in memory."""

import json
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from apps.budgets import counters
from apps.budgets.models import Closure, Reservation, UserMonth
from apps.telemetry.ingest import user_key
from portal.tenancy.context import tenant_transaction
from tests.clients.gate.ledger import Book, Row
from tests.world import World


@dataclass
class Real:
    """The books of one user."""

    world: World
    user: str = "u"
    faults: deque[str] = field(default_factory=deque)
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)

    def answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        raise NotImplementedError("the real portal answers for itself")

    def book(self) -> Book:
        """From the counters, which have to be the sums of the ledger."""
        tenant, key = self.world.tenant.id, user_key(self.world.tenant.id, self.user)
        with tenant_transaction(tenant):
            assert counters.differences(tenant) == []
            month = UserMonth.objects.filter(tenant=tenant, user_key=key).first()
            rows = Reservation.objects.filter(tenant=tenant, user_key=key).order_by("id")
            is_closed = Closure.objects.filter(tenant=tenant, opened_at=None).exists()
            found = tuple(_row(row) for row in rows)
        return Book(month.settled if month else 0, month.held if month else 0, found, is_closed)


@dataclass
class Forwarding(Real):
    """Hands each question on to the portal at ``address``."""

    address: str = ""

    def __init__(self, world: World, address: str, user: str = "u") -> None:
        super().__init__(world, user)
        self.address = address

    def answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        self.asked.append((path, body, headers))
        kept = {name: headers[name] for name in ("authorization", "x-request-id") if name in headers}
        content = json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, content, {**kept, "Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as found:
                return found.status, _told(found.headers), json.load(found)
        except urllib.error.HTTPError as error:
            return error.code, _told(error.headers), json.load(error)


def _told(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower().startswith("x-")}


def _row(row: Reservation) -> Row:
    usage = None
    if row.state == "settled":
        assert row.used_input is not None and row.used_output is not None
        usage = row.used_input, row.used_output
    outcome = "not_sent" if row.state == "released" else row.state
    return Row(str(row.id), str(row.request_id), row.attempt, row.user_key, row.held, usage, outcome)
