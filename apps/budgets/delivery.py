"""Where a month's alerts go (COST-3): a notice to whoever owns the workload and to the user, if they are a member here;
at the banner one mail to the billing contact; at the ceiling both.
"""

from uuid import UUID

from apps.budgets.models import BudgetAlert, CostGate, Subject
from apps.budgets.months import month_named
from apps.ownership.channels.telling import tell_of
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction


@handles("budget.notice")
@handles("budget.banner")
@handles("budget.reached")
def _tell(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        alert = BudgetAlert.objects.select_related("workload").get(
            tenant=envelope.tenant_id, id=envelope.payload["alert"]
        )
        subject = Subject.objects.filter(tenant=envelope.tenant_id, user_key=alert.user_key).first()
        key, whose = alert.workload.key, (subject.label if subject else "") or f"user {alert.user_key[:8]}"
        tell_of(
            envelope,
            people=_people(alert, subject),
            title=f"{key}: {alert.threshold} % of the month's budget is used",
            body=(
                f"{whose} has used {alert.used:,} of {alert.ceiling:,} tokens. "
                f"It begins anew at {month_named(alert.month).resets_at[:16].replace('T', ' ')}."
            ),
            link=f"workloads/{key}/cost/",
        )


def _people(alert: BudgetAlert, subject: Subject | None) -> list[UUID]:
    gate = CostGate.objects.filter(tenant=alert.tenant_id, workload=alert.workload_id).first()
    found = [alert.workload.owner_id]
    if gate and alert.place > 1:
        found.append(gate.billing_contact_id)
    if subject and subject.member_id:
        found.append(subject.member_id)
    return list(dict.fromkeys(found))
