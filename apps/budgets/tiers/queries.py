"""Tiers with their people and ceilings, tenant first."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.budgets.models import CostGate, Subject, TierGate, UserTier
from apps.budgets.queries import tiers
from apps.tenants.queries import members
from portal.errors import Invalid, NotFound
from portal.pseudonyms import user_key


@dataclass(frozen=True, slots=True)
class TierRow:
    """A tier, how many users somebody put there, and how many gates lack a ceiling for it."""

    tier: UserTier
    people: int
    without: int


def counted(tenant_id: UUID) -> list[TierRow]:
    """All of them, the default first; a dozen at most."""
    rows = tiers(tenant_id).annotate(people=_count(Subject, tenant_id), ceilings=_count(TierGate, tenant_id))
    gates = CostGate.objects.filter(tenant=tenant_id).count()
    return [TierRow(row, row.people, max(0, gates - row.ceilings)) for row in rows]


def people(tier: UserTier, sought: str = "") -> QuerySet[Subject]:
    """Users of a tier by their names; ``sought`` is part of a name, or a user's own id, or the beginning of its
    pseudonym.
    """
    rows = Subject.objects.filter(tenant=tier.tenant_id, tier=tier.id).select_related("member", "tier")
    text = sought.replace("\0", "").strip()
    if text:
        key = user_key(tier.tenant_id, text)
        rows = rows.filter(Q(label__icontains=text) | Q(user_key=key) | Q(user_key__startswith=text))
    return rows.order_by("label", "id")


def subject_for(tier: UserTier, subject_id: UUID) -> Subject:
    """
    Raises:
        NotFound: nobody of this tier.
    """
    found = people(tier).filter(id=subject_id).first()
    if found is None:
        raise NotFound("There is no such user in this tier.")
    return found


def member_at(tenant_id: UUID, address: str) -> User | None:
    """The member with this address; None where none is named.

    Raises:
        Invalid: nobody here has it.
    """
    if not address:
        return None
    found = members(tenant_id).filter(user__email=address.lower()).first()
    if found is None:
        raise Invalid("member", "Only a member of this tenant can see a budget as their own.")
    return found.user


def _count(model: type[Subject] | type[TierGate], tenant_id: UUID) -> Coalesce:
    rows = model._default_manager.filter(tenant=tenant_id, tier=OuterRef("id")).order_by().values("tier")
    counted = Subquery(rows.annotate(n=Count("id")).values("n"), output_field=IntegerField())
    return Coalesce(counted, Value(0))
