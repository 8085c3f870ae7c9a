"""The one mail of a user's month, to the workload's billing contact (COST-3).

The mail is claimed in a row of its own before it is sent: a message of the outbox that comes again, or two senders at
once, find the claim and send nothing. Only a mail server that said no gives the claim back, and it is tried again.
Whoever died between claim and sending leaves a mail that may not have gone out; the notice in the product is there.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.budgets.alerting import MAIL
from apps.budgets.models import AlertMail, BudgetAlert, CostGate, MailState
from apps.budgets.months import month_named
from apps.budgets.naming import name_of
from apps.ownership.channels.render import Message
from apps.ownership.channels.send import Line, Undeliverable, send
from apps.ownership.models.channels import ChannelKind
from apps.tenants.models import Tenant
from apps.tenants.queries import membership
from portal.outbox.registry import Envelope, TryLater, handles
from portal.tenancy.context import tenant_transaction


@dataclass(frozen=True, slots=True)
class Letter:
    mail: UUID
    line: Line
    message: Message
    tenant: str


@handles(MAIL)
def mail(envelope: Envelope) -> None:
    now = timezone.now()
    with tenant_transaction(envelope.tenant_id):
        letter = _claimed(envelope.tenant_id, UUID(envelope.payload["alert"]), now)
    if letter is None:
        return
    try:
        send(letter.line, letter.message, key=str(letter.mail), tenant=letter.tenant, now=now)
    except (TryLater, Undeliverable) as error:
        _mark(envelope.tenant_id, letter.mail, MailState.FAILED)
        if isinstance(error, TryLater):
            raise
    else:
        _mark(envelope.tenant_id, letter.mail, MailState.SENT)


def contact_of(alert: BudgetAlert) -> User | None:
    """The billing contact, or the owner of the workload where the contact has left; nobody where both have."""
    gate = CostGate.objects.filter(tenant=alert.tenant_id, workload=alert.workload_id)
    named = [row.billing_contact for row in gate.select_related("billing_contact")]
    here = (person for person in [*named, alert.workload.owner] if membership(alert.tenant_id, person.id))
    return next(here, None)


def _claimed(tenant_id: UUID, alert_id: UUID, now: datetime) -> Letter | None:
    """The letter, if it is this sender's to send."""
    alert = BudgetAlert.objects.select_related("workload__owner").get(tenant=tenant_id, id=alert_id)
    person = contact_of(alert)
    if person is None:
        return None
    row = AlertMail(tenant_id=tenant_id, alert=alert, person=person, at=now, created_at=now)
    AlertMail.objects.bulk_create([row], ignore_conflicts=True)
    held = AlertMail.objects.select_for_update(of=("self",)).get(tenant=tenant_id, alert=alert.id)
    if held.id != row.id:
        if held.state != MailState.FAILED:
            return None
        held.state, held.person, held.at = MailState.SENDING, person, now
        held.save(update_fields=["state", "person", "at"])
    tenant = Tenant.objects.get(id=tenant_id)
    return Letter(held.id, Line(held.id, ChannelKind.EMAIL, person.email), _words(alert, tenant), tenant.slug)


def _words(alert: BudgetAlert, tenant: Tenant) -> Message:
    key, share = alert.workload.key, 100 * alert.used / alert.ceiling
    page = f"{settings.PUBLIC_URL}{reverse('workload_cost', args=[tenant.slug, key])}"
    at = f"{alert.at:%Y-%m-%d %H:%M} UTC"
    begins = month_named(alert.month).resets_at[:16].replace("T", " ")
    return Message(
        title=f"{key}: {name_of(alert)} has used {share:.0f} % of the month's budget ({tenant.name})",
        lines=(
            f"{alert.used:,} of {alert.ceiling:,} tokens of {key} {alert.workload.name} were used by {at}.",
            f"It is going faster than the month does; the budget begins anew at {begins}.",
            "You get this one mail a user and month, as the workload's billing contact.",
        ),
        links=(("Its cost", page),),
    )


def _mark(tenant_id: UUID, mail_id: UUID, state: MailState) -> None:
    with tenant_transaction(tenant_id):
        AlertMail.objects.filter(tenant=tenant_id, id=mail_id).update(state=state, at=timezone.now())
