"""Asks Causeway before a model call, holds its budget, settles what it has really used."""

from causeway_client.aio import AsyncClient
from causeway_client.call import AsyncCall, Call
from causeway_client.client import Client
from causeway_client.errors import (
    AdmissionsClosed,
    BudgetRefused,
    CausewayError,
    Limited,
    Rejected,
    Runaway,
    Unavailable,
)
from causeway_client.outbox import Outbox
from causeway_client.retry import Retries
from causeway_client.wire import Decision, Settlement, Usage

__all__ = [
    "AdmissionsClosed",
    "AsyncCall",
    "AsyncClient",
    "BudgetRefused",
    "Call",
    "CausewayError",
    "Client",
    "Decision",
    "Limited",
    "Outbox",
    "Rejected",
    "Retries",
    "Runaway",
    "Settlement",
    "Unavailable",
    "Usage",
]
