"""A client that spends more than its hold: recorded, somebody is woken, its token is shut out; others go on."""

from apps.budgets.models import Closure
from benchmarks.measure import Measure, Result
from benchmarks.overshoot.clients import WORKLOAD
from benchmarks.overshoot.ground import Ground
from causeway_client import AdmissionsClosed, Client
from portal.models import OutboxMessage
from portal.tenancy.context import tenant_transaction

OVER = 50


def run(ground: Ground, address: str) -> Result:
    with Client(address, ground.token()) as client, Client(address, ground.token()) as other:
        recorded, shut_out = _overspend(client), _is_shut_out(client)
        goes_on = not _is_shut_out(other)
    shown = {"recorded": recorded, "alerted": _alerted(ground), "shut out": shut_out, "another token goes on": goes_on}
    measure = Measure(
        "recorded, alerted, shut out, others go on",
        "of 4",
        ours=sum(shown.values()),
        judged=sum(shown.values()),
        at_least=4,
        details=shown,
    )
    return Result("a client that spends 50 tokens more than it holds", 1, ["over HTTP, after the replay"], [measure])


def _overspend(client: Client) -> bool:
    with client.request(workload=WORKLOAD, user="liar", input_tokens=100, max_output_tokens=100) as call:
        call.used(input_tokens=100, output_tokens=(call.max_output_tokens or 0) + OVER)
    return call.settlement is not None and call.settlement.over_hold == OVER


def _is_shut_out(client: Client) -> bool:
    try:
        with client.request(workload=WORKLOAD, user="liar", input_tokens=100, max_output_tokens=100) as call:
            call.not_sent()
    except AdmissionsClosed:
        return True
    return False


def _alerted(ground: Ground) -> bool:
    with tenant_transaction(ground.tenant_id):
        (closure,) = Closure.objects.filter(tenant=ground.tenant_id, opened_at=None)
        alerts = OutboxMessage.objects.filter(topic="alert.raise", key=f"overspent:{closure.reservation_id}")
        return closure.over == OVER and [row.payload["severity"] for row in alerts] == ["critical"]
