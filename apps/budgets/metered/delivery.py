"""A week before an opt-in ends, whoever asked for it and the owner hear of it."""

from django.utils import timezone

from apps.budgets.models import MeteredOptIn
from apps.ownership.channels.telling import tell_of
from portal.outbox.registry import Envelope, handles
from portal.tenancy.context import tenant_transaction


@handles("budget.opt_in_ends")
def tell_of_the_end(envelope: Envelope) -> None:
    with tenant_transaction(envelope.tenant_id):
        rows = MeteredOptIn.objects.filter(tenant=envelope.tenant_id, id=envelope.payload["opt_in"])
        opt_in = rows.select_related("workload", "tier").get()
        if opt_in.standing(timezone.now()) != "granted":
            return
        key = opt_in.workload.key
        tell_of(
            envelope,
            people=[opt_in.requester_id, opt_in.workload.owner_id],
            title=f"{key}: metered billing of {opt_in.tier.name} ends soon",
            body=(
                f"It ends at {opt_in.until:%Y-%m-%d %H:%M} UTC. "
                "From then on the ceiling is a hard cap, unless you ask anew."
            ),
            link=f"workloads/{key}/cost/metered/",
        )
