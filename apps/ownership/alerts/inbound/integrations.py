"""Integrations: where alerts come in, and the key by which a sender is known (CALL-4)."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from apps.audit.actions import record
from apps.ownership.access import refuse_strangers
from apps.ownership.channels.signing import secret_text
from apps.ownership.models import InboundEvent, Integration
from apps.ownership.models.alerts import INTEGRATIONS, Source
from apps.tenants.models import Team
from apps.workloads.models import Workload
from portal.actor import Actor
from portal.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorised
from portal.secrets import derived, key_of, keyed, new_key, opens
from portal.tenancy.context import known_row_transaction

_PURPOSE = "integration"
# Far longer than a signature counts, so that no replay is forgotten.
KEPT = timedelta(days=7)


def create(
    *, team: Team, kind: str, name: str, actor: Actor, now: datetime, workload: Workload | None = None
) -> Integration:
    """A new way in. What a sender needs is :func:`credential`."""
    refuse_strangers(actor, team.id)
    if kind not in dict(INTEGRATIONS) or not 1 <= len(name.strip()) <= 100:
        raise Invalid("kind", f"Name it, and choose one of {', '.join(dict(INTEGRATIONS))}.")
    if actor.user_id is None:
        raise Forbidden("person_needed", "Only a person can make an integration.")
    made = Integration.objects.create(
        tenant_id=team.tenant_id,
        team=team,
        workload=workload,
        kind=kind,
        name=name.strip(),
        key=new_key(),
        created_by_id=actor.user_id,
        created_at=now,
    )
    record(actor=actor, action="integration.created", obj=made, after={"team": team.slug, "kind": kind, "name": name})
    return made


def revoke(*, integration: Integration, actor: Actor, now: datetime, reason: str = "") -> None:
    """Nothing comes in by it any more, from this instant on. ``reason``: why an operator of the platform does it."""
    if not (reason and actor.kind == "operator"):
        refuse_strangers(actor, integration.team_id)
    rows = Integration.objects.filter(tenant=integration.tenant_id, id=integration.id, revoked_at=None)
    if not rows.update(revoked_at=now):
        raise Conflict("revoked", "It was revoked already.")
    record(actor=actor, action="integration.revoked", obj=integration, reason=reason)


def credential(integration: Integration) -> str:
    """What the sender is given: a routing key of 32 characters, or a signing secret."""
    if integration.kind == Source.WEBHOOK:
        return secret_text(signing_secret(integration))
    return keyed(integration.key, _PURPOSE, integration.id)


def address(integration: Integration) -> str:
    """Where the sender sends to, below the portal's own address."""
    if integration.kind == Source.WEBHOOK:
        return reverse("inbound_webhook", args=[integration.key])
    return reverse(f"inbound_{integration.kind}")


def signing_secret(integration: Integration) -> bytes:
    return derived(_PURPOSE, integration.id)


def known(raw: str, kind: str) -> Integration:
    """The integration that a routing key opens.

    Raises:
        Unauthorised: unknown, wrong, revoked or of another kind; all look the same.
    """
    key = key_of(raw)
    found = named(key, kind) if key else None
    if found is None or not opens(raw, found.key, _PURPOSE, found.id):
        raise Unauthorised("key_unknown", "This routing key is not known; copy it again from the integration's page.")
    return found


def named(key: str, kind: str) -> Integration | None:
    """By its public part alone; whoever comes by that has to sign."""
    with known_row_transaction("portal.integration_key", key):
        return Integration.objects.filter(key=key, kind=kind, revoked_at=None).first()


def integrations(tenant_id: UUID) -> QuerySet[Integration]:
    rows = Integration.objects.filter(tenant=tenant_id).select_related("team", "workload", "created_by")
    return rows.order_by("-created_at", "-id")


def integration(tenant_id: UUID, integration_id: UUID) -> Integration:
    found = integrations(tenant_id).filter(id=integration_id).first()
    if found is None:
        raise NotFound()
    return found


def events(found: Integration) -> QuerySet[InboundEvent]:
    return InboundEvent.objects.filter(tenant=found.tenant_id, integration=found.id).order_by("-created_at", "-id")


def forget(tenant_id: UUID, now: datetime) -> int:
    """Drop what came in over a week ago. Returns how many lines."""
    return InboundEvent.objects.filter(tenant=tenant_id, created_at__lt=now - KEPT).delete()[0]
