"""The mail of an invitation: what the outbox calls, outside any transaction."""

import logging
from smtplib import SMTPException, SMTPRecipientsRefused
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from apps.tenants.invitations import TOPIC, link_token
from apps.tenants.models import Invitation
from portal.outbox.registry import Envelope, TryLater, handles
from portal.tenancy.context import tenant_transaction

log = logging.getLogger("tenants")


@handles(TOPIC)
def send(envelope: Envelope) -> None:
    """The same mail may go out twice; one that was sent anew or is over meanwhile doesn't."""
    with tenant_transaction(envelope.tenant_id):
        rows = Invitation.objects.filter(tenant=envelope.tenant_id, id=UUID(envelope.payload["invitation"]))
        found = rows.select_related("tenant", "invited_by").first()
    if found is None or found.key != envelope.payload["key"] or found.accepted_at or found.revoked_at:
        return
    mail = EmailMessage(
        subject=f"{_line(found.invited_by.name)} invites you to {_line(found.tenant.name)} on Causeway",
        body=_body(found),
        to=[found.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        mail.send()
    except SMTPRecipientsRefused:
        log.warning("an invitation was refused by the mail server", extra={"key": envelope.key})
    except (SMTPException, OSError) as error:
        raise TryLater(f"The mail server: {type(error).__name__}.") from error


def _body(found: Invitation) -> str:
    link = f"{settings.PUBLIC_URL}{reverse('accept_invitation', args=[link_token(found)])}"
    return (
        f"{found.invited_by.name} invites {found.email} to work in {found.tenant.name}.\n\n"
        f"Accept it here, until {found.expires_at:%Y-%m-%d %H:%M} UTC:\n{link}\n\n"
        "Not expected? Do nothing, and nothing happens.\n"
    )


def _line(text: str) -> str:
    return " ".join(text.split())[:100]
