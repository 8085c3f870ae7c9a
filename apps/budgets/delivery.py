"""Where a month's alerts go (COST-3): a notice in the product to whoever owns the workload and to the user, if they are
a member here, from the banner on to the billing contact too; at the banner one mail (:mod:`apps.budgets.mailing`); at
the ceiling the event that others may subscribe to.
"""

from uuid import UUID

from apps.audit.actions import record
from apps.audit.queries import history
from apps.budgets.alerting import BANNER, REACHED
from apps.budgets.models import BudgetAlert, CostGate, Subject
from apps.budgets.months import month_named
from apps.budgets.naming import name_of
from apps.ownership.channels.telling import tell_of
from portal import actor as actors
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction
from portal.tenancy.locks import one_at_a_time

CEILING_REACHED = "budget.ceiling_reached"


@handles("budget.notice")
@handles("budget.banner")
@handles("budget.reached")
def _tell(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        alert = BudgetAlert.objects.select_related("workload").get(
            tenant=envelope.tenant_id, id=envelope.payload["alert"]
        )
        key = alert.workload.key
        tell_of(
            envelope,
            people=_people(alert),
            title=f"{key}: {alert.threshold} % of the month's budget is used",
            body=(
                f"{name_of(alert)} has used {alert.used:,} of {alert.ceiling:,} tokens. "
                f"It begins anew at {month_named(alert.month).resets_at[:16].replace('T', ' ')}."
            ),
            link=f"workloads/{key}/cost/",
        )
        if alert.place == REACHED:
            _note_reached(alert)


def _note_reached(alert: BudgetAlert) -> None:
    """The event, once however often the message comes. Not where the alert is written: a settlement holds locks that
    whoever holds the trail may wait for.
    """
    one_at_a_time(alert.tenant_id, f"{CEILING_REACHED}:{alert.id}")
    if history(alert.tenant_id, alert).filter(action=CEILING_REACHED).exists():
        return
    after = {
        "workload": alert.workload.key,
        "user": alert.user_key,
        "month": alert.month,
        "threshold": alert.threshold,
        "used": alert.used,
        "ceiling": alert.ceiling,
    }
    record(actor=actors.task("budgets.alerts"), action="budget.ceiling_reached", obj=alert, after=after)


def _people(alert: BudgetAlert) -> list[UUID]:
    found = [alert.workload.owner_id]
    if alert.place >= BANNER:
        gates = CostGate.objects.filter(tenant=alert.tenant_id, workload=alert.workload_id)
        found += gates.values_list("billing_contact", flat=True)
    own = Subject.objects.filter(tenant=alert.tenant_id, user_key=alert.user_key, member__isnull=False)
    return list(dict.fromkeys([*found, *own.values_list("member", flat=True)]))
